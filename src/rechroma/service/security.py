"""Who is let in, and what browsers are told to refrain from."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from flask import Response, g, request

from rechroma.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apiflask import APIFlask

_OPEN_ROUTES = {"/healthz", "/readyz", "/openapi.json", "/docs", "/docs/assets/<path:name>"}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)


def new_key() -> tuple[str, str]:
    """A key that nobody can guess, and its SHA-256 for the settings."""
    key = secrets.token_urlsafe(32)
    return key, hash_of(key)


def hash_of(key: str) -> str:
    """The SHA-256 of a key; keys are long and random, so that no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def guard(app: APIFlask, keys: Sequence[str]) -> None:
    """Let in only requests with a key, where there are any, and add security headers.

    Args:
        app: The app.
        keys: The SHA-256 of each.
    """

    def check() -> None:
        route = request.url_rule.rule if request.url_rule else ""
        g.owner = "" if not keys or route in _OPEN_ROUTES else _owner(keys)

    app.before_request(check)
    app.after_request(_add_headers)


def _owner(keys: Sequence[str]) -> str:
    """The hash of the request's key.

    Raises:
        AccessError: There is no key, or one that is not known.
    """
    given = hash_of(_given_key())
    known = [hmac.compare_digest(given, key) for key in keys]  # all of them, for equal time
    if not any(known):
        raise AccessError(
            "a key is needed that the service knows",
            hint="Send it as the header 'Authorization: Bearer KEY'.",
        )
    return given


def _given_key() -> str:
    authorization = request.authorization
    if authorization is not None and authorization.type == "bearer":
        return authorization.token or ""
    return request.headers.get("X-API-Key", "")


def _add_headers(response: Response) -> Response:
    is_docs = request.url_rule is not None and request.url_rule.rule == "/docs"
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if is_docs:
        response.headers["Content-Security-Policy"] = _DOCS_POLICY
    return response
