"""Runs an app with waitress, in this process, until it is told to stop."""

from __future__ import annotations

from errno import EADDRINUSE
from typing import TYPE_CHECKING, Any

import waitress
from waitress import wasyncore

from rechroma.errors import OptionError
from rechroma.service.http.app import create_app
from rechroma.service.http.context import service_of
from rechroma.service.http.uploads import longest_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from apiflask import APIFlask

    from rechroma.service.settings import Settings

_MAX_CONNECTIONS = 400  # each may have a file beside it, and select() knows 1024 in all


def serve(settings: Settings, ready: Callable[[str], object]) -> None:
    """Serve until Ctrl-C or SIGTERM; pictures in hand are finished.

    Args:
        settings: What the owner has set.
        ready: Is called with the address as soon as connections are taken.

    Raises:
        OptionError: The address may not be used, is in use, or is open to all without keys.
        RechromaError: What :func:`create_app` raises.
    """
    settings.check_address()
    app = create_app(settings)
    service = service_of(app)
    sockets: dict[int, Any] = {}
    server = _listen(app, settings, sockets)
    try:
        service.start()
        ready(_address(server, settings))
        server.run()
    except KeyboardInterrupt:
        pass  # in the moments before the server's own loop, which ends by one, too
    finally:
        wasyncore.close_all(sockets, ignore_all=True)
        service.close()


def _listen(app: APIFlask, settings: Settings, sockets: dict[int, Any]) -> Any:  # noqa: ANN401 - waitress has no types
    try:
        return waitress.create_server(
            app,
            map=sockets,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            connection_limit=_MAX_CONNECTIONS,
            max_request_body_size=_longest_body(settings) + 1,  # the first that is refused
            clear_untrusted_proxy_headers=not settings.proxies,
            ident="",
        )
    except (OSError, ValueError) as error:
        in_use = isinstance(error, OSError) and error.errno == EADDRINUSE
        reason = "it is in use" if in_use else str(error)
        raise OptionError(
            f"cannot listen on {settings.host}, port {settings.port}: {reason}",
            hint="Choose another with --host and --port.",
        ) from error


def _longest_body(settings: Settings) -> int:
    """The most that a route takes: waitress writes it to a file before anything looks at a key."""
    return longest_body(max(settings.job_bytes, settings.direct_bytes), in_base64=True)


def _address(server: Any, settings: Settings) -> str:  # noqa: ANN401
    listening = getattr(server, "effective_listen", None)  # several, as localhost may mean
    port = listening[0][1] if listening else server.effective_port
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}"
