"""`rechroma serve`: the REST service on this computer."""

from __future__ import annotations

from typing import Any

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import service_options
from rechroma.cli.terminal import say
from rechroma.cli.training_common import need_extra


@click.command("serve", short_help="Run the REST service.")
@click.option("--host", metavar="ADDRESS", help="Where to listen.  [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="0 for any that is free.  [default: 8000]"
)
@service_options("For uploads, results and the table of jobs.")
@click.option(
    "--allow-no-keys", is_flag=True, default=None, help="Let everybody in who can connect."
)
@click.option("--new-key", is_flag=True, help="Make an API key, print it, and end.")
@debug_option
def serve_command(new_key: bool, **given: Any) -> None:  # noqa: ANN401
    """Run the REST service until Ctrl-C.

    \b
      rechroma serve --port 8000
      curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/colorize -o colored.jpg

    It listens on this computer only. To let others in, make a key with --new-key, set
    RECHROMA_KEYS as it says, and name the address with --host. All else is set by environment
    variables that docs/service.md lists. The pages at /docs show the API.
    """
    need_extra("app", "apiflask")
    if new_key:
        _print_key()
        return
    from rechroma.service import read_settings, serve

    settings = read_settings(**given)
    serve(
        settings, ready=lambda url: say(f"rechroma: listening on {url}, the API is at {url}/docs")
    )


def _print_key() -> None:
    from rechroma.service import new_key

    key, hashed = new_key()
    say(f"For the client, kept secret: {key}")
    say("For the server's environment:")
    click.echo(f"RECHROMA_KEYS={hashed}")
