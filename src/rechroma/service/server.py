"""The built-in server: waitress in this process, until a signal."""

from __future__ import annotations

from errno import EACCES, EADDRINUSE
from typing import TYPE_CHECKING, Any

import waitress
from waitress import wasyncore

from rechroma.errors import AddressError, OptionError
from rechroma.service.access_log import configure_logging
from rechroma.service.http.app import create_app
from rechroma.service.http.service_context import service_of
from rechroma.service.http.uploads import max_body_size
from rechroma.service.settings import warn_of_unknown_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apiflask import APIFlask

    from rechroma.service.settings import Settings

_REFUSALS: Mapping[int | None, str] = {
    EADDRINUSE: "the port is in use",
    EACCES: "ports below 1024 need more privileges",
}
_MAX_CONNECTIONS = 400  # each can have an open file, too, and select() allows 1024 descriptors


def serve(settings: Settings, ready: Callable[[str], object]) -> None:
    """Serve until Ctrl-C or SIGTERM; images in progress are finished.

    Args:
        settings: Settings of the service.
        ready: Called with the URL as soon as connections are accepted.

    Raises:
        OptionError: The address is invalid, or reachable by others without API keys.
        AddressError: It is in use, or needs more privileges.
        RechromaError: As :func:`create_app`.
    """
    settings.check_address()
    configure_logging(settings.log)
    warn_of_unknown_variables()
    app = create_app(settings)
    service = service_of(app)
    sockets: dict[int, Any] = {}
    server = _listen(app, settings, sockets)
    try:
        service.start()
        listening = getattr(server, "effective_listen", None)  # localhost can mean several
        port = listening[0][1] if listening else server.effective_port
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        ready(f"http://{host}:{port}")
        server.run()
    except KeyboardInterrupt:
        pass  # before the server's own loop, which handles it itself
    finally:
        wasyncore.close_all(sockets, ignore_all=True)
        service.close()


def _listen(app: APIFlask, settings: Settings, sockets: dict[int, Any]) -> Any:  # noqa: ANN401 - waitress has no types
    max_bytes = max(settings.job_bytes, settings.direct_bytes)
    try:
        return waitress.create_server(
            app,
            map=sockets,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            connection_limit=_MAX_CONNECTIONS,
            # waitress buffers the body before the app sees the request; + 1: the first size refused
            max_request_body_size=1 + max_body_size(max_bytes, in_base64=True),
            clear_untrusted_proxy_headers=not settings.proxies,
            ident="",
        )
    except (OSError, ValueError) as error:
        reason = _REFUSALS.get(getattr(error, "errno", None))
        raise (AddressError if reason else OptionError)(
            f"cannot listen on {settings.host}, port {settings.port}: {reason or error}",
            hint="Choose another address with --host and --port.",
        ) from error
