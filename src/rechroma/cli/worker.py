"""`rechroma worker`: a worker that colors the images of jobs, on this machine or another."""

from __future__ import annotations

from typing import Any

import click

from rechroma.cli.checks import require_extra
from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import service_options
from rechroma.cli.terminal import echo_err


@click.command("worker", short_help="Run a worker of the REST service.")
@service_options("Folder for uploads and results, the same as the server's.")
@debug_option
def worker_command(**given: Any) -> None:  # noqa: ANN401
    """Color the images of jobs that servers queue in Redis, until Ctrl-C.

    \b
      export RECHROMA_REDIS=redis://127.0.0.1:6379/0
      rechroma serve &
      rechroma worker

    Any number of workers can run, on any number of machines. Servers and workers share the images
    in a folder (--data) or in the storage that RECHROMA_FILES names. SIGTERM and Ctrl-C end a
    worker after its current images. All settings are listed in docs/service.md.
    """
    require_extra("serve", "celery")
    require_extra("app", "apiflask")
    from rechroma.service import read_settings
    from rechroma.service.jobs.worker import work

    work(read_settings(**given), ready=lambda name: echo_err(f"rechroma: worker {name} is ready"))
