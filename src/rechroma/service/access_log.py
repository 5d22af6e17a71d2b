"""The log of the service: a line for each request, and the lines of all other loggers.

Health checks have the level DEBUG, responses that are errors of the server WARNING, and all others
INFO, also 503: an overloaded server rejects requests as it should, and thousands of lines would not
help it. The query is left out: it can hold secrets, such as the URL of a webhook.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Response, g, request

if TYPE_CHECKING:
    from apiflask import APIFlask

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_CHECKS = ("/healthz", "/readyz", "/metrics")
_KEY_LETTERS = 8  # of the owner id: enough to tell the keys of a service apart
_log = logging.getLogger(__name__)


def configure_logging(level: str) -> None:
    """Log to stderr from a level on, unless the program that runs the service logs already.

    Args:
        level: Such as "info".
    """
    logging.basicConfig(format=_FORMAT)
    logging.getLogger("rechroma").setLevel(level.upper())
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a request that waits is usual


def init_access_log(app: APIFlask) -> None:
    """Log the requests of an app, of which the telemetry measures the time."""
    app.after_request(_log_request)


def _log_request(response: Response) -> Response:
    status = response.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.SERVICE_UNAVAILABLE:
        level = logging.WARNING
    else:
        level = logging.DEBUG if request.path in _CHECKS else logging.INFO
    _log.log(
        level,
        "%s %s %d %.3f s from %s key %s",
        request.method,
        quote(request.path),
        status,
        perf_counter() - g.get("start", perf_counter()),
        request.remote_addr,
        g.get("owner", "")[:_KEY_LETTERS] or "-",
    )
    return response
