"""Errors as RFC 9457 problem details: the tree of errors knows the status, this words the rest.

A message may name a file of the server's, so only those about the request itself go out; what
the others say goes to the log.
"""

from __future__ import annotations

import logging
import re
from errno import EDQUOT, ENOSPC
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from apiflask.exceptions import HTTPError
from flask import Response
from werkzeug.exceptions import HTTPException

from rechroma.errors import (
    ImageTooLargeError,
    InputError,
    InternalError,
    ModelFeatureError,
    OptionError,
    RechromaError,
)
from rechroma.service.errors import AuthenticationError, OverloadedError, ServiceError, StoreError
from rechroma.service.schemas import Problem

if TYPE_CHECKING:
    from apiflask import APIFlask
    from werkzeug.wrappers import Response as BaseResponse

PROBLEM_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)
_SPEAKABLE = (InputError, OptionError, ModelFeatureError, ServiceError)


def problem_of(error: Exception) -> Problem:
    """What the user is told about an error, in a job or in an answer."""
    known = error if isinstance(error, RechromaError) else InternalError.from_exception(error)
    if known.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(
        known, OverloadedError
    ):
        _log.error("%s", known.message, exc_info=error)
    return worded(known)


def worded(error: RechromaError) -> Problem:
    """An error in words for the user."""
    return Problem(
        type=f"urn:rechroma:{_dashed(type(error).__name__)}",
        title=_first_line(type(error)),
        status=error.http_status,
        detail=_detail(error),
        hint=_hint(error),
    )


def answer_with_problems(app: APIFlask) -> None:
    """Let every error of an app become problem details."""
    app.register_error_handler(RechromaError, _of_ours)
    app.register_error_handler(HTTPError, _of_validation)
    app.register_error_handler(HTTPException, _of_werkzeug)
    app.register_error_handler(Exception, _of_ours)


def _of_ours(error: Exception) -> Response:
    response = _response(problem_of(error))
    if isinstance(error, AuthenticationError):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _of_validation(error: HTTPError) -> Response:
    fields: dict[str, Any] = next(iter(dict(error.detail or {}).values()), {})
    words = [f"{name}: {', '.join(messages)}" for name, messages in fields.items()]
    problem = Problem(
        type="urn:rechroma:invalid-request",
        title=str(error.message),
        status=error.status_code,
        detail="; ".join(words) or None,
        errors=fields or None,
    )
    return _response(problem)


def _of_werkzeug(error: HTTPException) -> BaseResponse:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()
    title = HTTPStatus(error.code).phrase
    about_request = error.code < HTTPStatus.INTERNAL_SERVER_ERROR
    detail = error.description if about_request else None
    response = _response(Problem(type="about:blank", title=title, status=error.code, detail=detail))
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _response(problem: Problem) -> Response:
    text = problem.model_dump_json(exclude_none=True)
    return Response(text, problem.status, content_type=PROBLEM_TYPE)


def _detail(error: RechromaError) -> str | None:
    if isinstance(error, _SPEAKABLE) and not isinstance(error, StoreError):
        return error.message
    return "The disk of the service is full." if is_disk_full(error) else None


def _hint(error: RechromaError) -> str | None:
    if isinstance(error, ImageTooLargeError):
        return "Send a smaller picture; the owner of the service may raise the limits."
    return error.hint if isinstance(error, _SPEAKABLE) else None


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error came of a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
            return True
        error = error.__cause__
    return False


def _first_line(kind: type[RechromaError]) -> str:
    return (kind.__doc__ or kind.__name__).splitlines()[0].rstrip(".")


def _dashed(name: str) -> str:
    """`NotAnImageError` as `not-an-image`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name.removesuffix("Error")).lower()
