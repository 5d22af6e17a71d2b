"""`rechroma app`: the page in the browser, on this computer alone."""

from __future__ import annotations

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import model_options
from rechroma.cli.terminal import say
from rechroma.cli.training_common import need_extra

HOST, USUAL_PORT = "127.0.0.1", 8000


@click.command("app", short_help="Open the page in your browser.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"0 for any that is free.  [default: {USUAL_PORT}, or else any]",
)
@click.option("--no-browser", is_flag=True, help="Only say where the page is.")
@model_options
@debug_option
def app_command(port: int | None, no_browser: bool, model: str, provider: str) -> None:
    """Color photographs on a page in your browser, and put right what is wrong.

    \b
      rechroma app

    The page is shown by this computer to this computer: no picture leaves it. Ctrl-C ends it, and
    removes its copies of your pictures; what you downloaded stays.
    """
    need_extra("app", "apiflask")
    from tempfile import TemporaryDirectory

    from rechroma.service import read_settings, serve

    with TemporaryDirectory(prefix="rechroma-", ignore_cleanup_errors=True) as folder:
        settings = read_settings(
            host=HOST,
            port=_usual_or_free() if port is None else port,
            data=folder,
            model=model,
            provider=provider,
            isolate=False,  # as for the other commands; and the page is there a second sooner
            **_NOT_FROM_OUTSIDE,
        )
        # The limits for what is answered at once protect a service of many from its users.
        own = {"direct_bytes": settings.job_bytes, "direct_pixels": settings.job_pixels}
        settings = settings.model_copy(update=own)
        serve(settings, ready=lambda url: _show(url, in_browser=not no_browser))


# What the environment may say for a service of many does not hold for this computer's own.
_NOT_FROM_OUTSIDE = {"redis": "", "files": "", "keys": (), "hosts": (), "origins": (), "rate": ""}


def _usual_or_free() -> int:
    import socket

    try:
        with socket.create_server((HOST, USUAL_PORT)):
            return USUAL_PORT
    except OSError:
        return 0


def _show(url: str, *, in_browser: bool) -> None:
    say(f"rechroma: the page is at {url} (Ctrl-C ends it)")
    if in_browser:
        import webbrowser
        from threading import Thread

        # Some browsers return only when they are closed.
        Thread(target=webbrowser.open, args=(url,), daemon=True).start()
