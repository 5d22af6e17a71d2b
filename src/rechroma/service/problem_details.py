"""Exceptions as RFC 9457 problem details.

A message can name a file of the server, so only messages about the request itself are sent; the
others go to the log.
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from apiflask.exceptions import HTTPError
from flask import Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from rechroma.errors import (
    ImageTooLargeError,
    InputError,
    InternalError,
    ModelFeatureError,
    ModelNotFoundError,
    OptionError,
    RechromaError,
)
from rechroma.fs import is_disk_full
from rechroma.service.errors import (
    AuthenticationError,
    OverloadedError,
    RateLimitError,
    ServiceError,
    StoreError,
    UnknownUrlError,
    WrongMethodError,
)
from rechroma.service.schemas import QUERIES, Problem
from rechroma.service.validation_errors import explain

if TYPE_CHECKING:
    from apiflask import APIFlask
    from werkzeug.wrappers import Response as BaseResponse

PROBLEM_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)
_PUBLIC = (InputError, OptionError, ModelFeatureError, ServiceError)


def report_problem(error: Exception) -> Problem:
    """Convert an exception to problem details, and log it if it is the server's fault."""
    known = error if isinstance(error, RechromaError) else InternalError.from_exception(error)
    if known.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(
        known, OverloadedError
    ):
        _log.error("%s", known.message, exc_info=error)
    return to_problem(known)


def to_problem(error: RechromaError) -> Problem:
    """Convert an error to problem details, without what only the server's owner may know."""
    public = isinstance(error, _PUBLIC)
    detail = error.message if public and not isinstance(error, StoreError) else None
    if detail is None and is_disk_full(error):
        detail = "The disk of the service is full."
    if isinstance(error, ModelNotFoundError):  # an unknown name in a request is an OptionError
        detail = "A model of the service, or its folder of models, is missing."
    hint = error.hint if public else None
    if isinstance(error, ImageTooLargeError):
        hint = "Send a smaller image, or ask the owner of the service to raise the limit."
    kind = type(error)
    # `not-an-image` for `NotAnImageError`.
    kebab_case = re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__.removesuffix("Error")).lower()
    return Problem(
        type=f"urn:rechroma:{kebab_case}",
        title=(kind.__doc__ or kind.__name__).splitlines()[0].rstrip("."),
        status=error.http_status,
        detail=detail,
        hint=hint,
        kind=error.kind if isinstance(error, InputError) else None,
    )


def init_error_handlers(app: APIFlask) -> None:
    """Make an app respond to every error with problem details."""
    app.register_error_handler(RechromaError, _handle_exception)
    app.register_error_handler(HTTPError, _handle_invalid_query)
    app.register_error_handler(HTTPException, _handle_http_exception)
    app.register_error_handler(Exception, _handle_exception)


def _handle_exception(error: Exception) -> Response:
    response = _response(report_problem(error))
    if isinstance(error, AuthenticationError):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _handle_invalid_query(error: HTTPError) -> Response:
    problem = Problem(
        type="urn:rechroma:invalid-request",
        title="A query parameter is invalid",
        status=error.status_code,
        hint="The parameters and their ranges are documented at /docs.",
    )
    if isinstance(cause := error.__context__, ValidationError):
        sentences = explain(cause, QUERIES[cause.title])
        problem.detail = "; ".join(sentences.values())
        problem.errors = {name: [sentence] for name, sentence in sentences.items()}
    return _response(problem)


def _handle_http_exception(error: HTTPException) -> BaseResponse:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()
    if error.code == HTTPStatus.TOO_MANY_REQUESTS:
        limit = f"the limit of {error.description} is used up"
        hint = "Try again after the seconds that the header Retry-After gives."
        return _response(to_problem(RateLimitError(limit, hint=hint)))
    response = _response(_http_problem(error, error.code))
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _http_problem(error: HTTPException, status: int) -> Problem:
    hint = "The URLs and their methods are documented at /docs."
    if status == HTTPStatus.NOT_FOUND:
        return to_problem(UnknownUrlError("there is nothing at this URL", hint=hint))
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"this URL does not support {request.method:.20}"
        return to_problem(WrongMethodError(message, hint=hint))
    detail = error.description if status < HTTPStatus.INTERNAL_SERVER_ERROR else None
    return Problem(
        type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail
    )


def _response(problem: Problem) -> Response:
    text = problem.model_dump_json(exclude_none=True)
    return Response(text, problem.status, content_type=PROBLEM_TYPE)
