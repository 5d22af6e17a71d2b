"""`rechroma worker`: colors the pictures of jobs for servers, on this machine or another."""

from __future__ import annotations

from typing import Any

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import service_options
from rechroma.cli.terminal import say
from rechroma.cli.training_common import need_extra


@click.command("worker", short_help="Color pictures for the REST service.")
@service_options("As the server's: for uploads and results.")
@debug_option
def worker_command(**given: Any) -> None:  # noqa: ANN401
    """Color the pictures of jobs that servers put into a Redis, until Ctrl-C.

    \b
      export RECHROMA_REDIS=redis://127.0.0.1:6379/0
      rechroma serve &
      rechroma worker

    Any number of workers may run, on any number of machines. Servers and workers see the same
    pictures in a folder that they share (--data), or where RECHROMA_FILES says. SIGTERM and Ctrl-C
    end a worker after the pictures in hand. All settings are listed in docs/service.md.
    """
    need_extra("serve", "celery")
    need_extra("app", "apiflask")
    from rechroma.service import read_settings
    from rechroma.service.jobs.worker import work

    work(read_settings(**given), ready=lambda name: say(f"rechroma: worker {name} is ready"))
