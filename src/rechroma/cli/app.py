"""`rechroma app`: the browser page, served to this computer only."""

from __future__ import annotations

import click

from rechroma.cli.checks import require_extra
from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import model_options
from rechroma.cli.terminal import echo_err

HOST, DEFAULT_PORT = "127.0.0.1", 8000


@click.command("app", short_help="Open the page in your browser.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port; 0 for any free one.  [default: {DEFAULT_PORT} if free, else any]",
)
@click.option("--no-browser", is_flag=True, help="Only print the address of the page.")
@model_options
@debug_option
def app_command(port: int | None, no_browser: bool, model: str, provider: str) -> None:
    """Color photographs on a page in your browser, and correct their colors.

    \b
      rechroma app

    The page is served by this computer to this computer only: no photograph leaves it. Ctrl-C ends
    it and removes its copies of your photographs; your downloads stay.
    """
    require_extra("app", "apiflask")
    from tempfile import TemporaryDirectory

    from rechroma.service import read_settings, serve

    with TemporaryDirectory(prefix="rechroma-", ignore_cleanup_errors=True) as folder:
        settings = read_settings(
            host=HOST,
            port=_default_or_any_port() if port is None else port,
            data=folder,
            model=model,
            provider=provider,
            isolate=False,  # no worker processes: the page is ready a second sooner
            **_IGNORED_ENVIRONMENT,
        )
        # The lower limits on direct requests protect a shared service from its users.
        own = {"direct_bytes": settings.job_bytes, "direct_pixels": settings.job_pixels}
        settings = settings.model_copy(update=own)
        serve(settings, ready=lambda url: _show(url, in_browser=not no_browser))


# Settings of a shared service, which the environment may hold, do not apply to the local page.
_IGNORED_ENVIRONMENT = {
    "redis": "",
    "files": "",
    "keys": (),
    "hosts": (),
    "origins": (),
    "rate": "",
}


def _default_or_any_port() -> int:
    import socket

    try:
        with socket.create_server((HOST, DEFAULT_PORT)):
            return DEFAULT_PORT
    except OSError:
        return 0


def _show(url: str, *, in_browser: bool) -> None:
    echo_err(f"rechroma: the page is at {url} (press Ctrl-C to quit)")
    if in_browser:
        import webbrowser
        from threading import Thread

        # Some browsers block until they are closed.
        Thread(target=webbrowser.open, args=(url,), daemon=True).start()
