"""`rechroma app`, `serve` and `worker`: the browser page, the REST service and its workers."""

from __future__ import annotations

from typing import Any

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import model_options, service_options
from rechroma.cli.preflight import require_extra
from rechroma.cli.terminal import echo_err

HOST, DEFAULT_PORT = "127.0.0.1", 8000


@click.command("serve", short_help="Run the REST service.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; 0 for any free one.  [default: 8000]"
)
@service_options("Folder for uploads, results and the job database.")
@click.option(
    "--allow-no-keys",
    is_flag=True,
    default=None,
    help="Serve other computers without API keys.",
)
@click.option("--new-key", is_flag=True, help="Generate an API key, print it, and exit.")
@debug_option
def serve_command(new_key: bool, **given: Any) -> None:  # noqa: ANN401
    """Run the REST service until Ctrl-C.

    \b
      rechroma serve --port 8000
      curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/colorize -o colored.jpg

    By default it serves this computer only. To serve others, generate an API key with --new-key,
    set RECHROMA_KEYS to the printed value, and choose an address with --host. All other settings
    are environment variables, listed in docs/service.md. The API is documented at /docs.
    """
    require_extra("app", "apiflask")
    if new_key:
        from rechroma.service import new_key as generate_key

        key, hashed = generate_key()
        echo_err(f"For the client, to be kept secret: {key}")
        echo_err("For the environment of the server:")
        click.echo(f"RECHROMA_KEYS={hashed}")
        return
    from rechroma.service import read_settings, serve

    line = "rechroma: listening on {0}; the API is documented at {0}/docs"
    serve(read_settings(**given), ready=lambda url: echo_err(line.format(url)))


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
            # Settings of a shared service, which the environment may hold, do not apply here.
            redis="",
            files="",
            keys=(),
            hosts=(),
            origins=(),
            rate="",
        )
        # The lower limits on direct requests protect a shared service from its users.
        own = {"direct_bytes": settings.job_bytes, "direct_pixels": settings.job_pixels}
        settings = settings.model_copy(update=own)
        serve(settings, ready=lambda url: _show(url, in_browser=not no_browser))


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
