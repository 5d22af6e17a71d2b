"""Access control: API keys, host names, origins, rate limits and security headers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Response, g, request
from flask_limiter import Limiter
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

from rechroma.service.errors import AuthenticationError, ForbiddenOriginError
from rechroma.web import blueprint as page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apiflask import APIFlask

    from rechroma.service.settings import Settings

OPEN_ROUTES = {
    *("/healthz", "/readyz", "/openapi.json", "/docs", "/docs/assets/<path:name>"),
    *page.ROUTES,
}
_RETRY_AFTER = "5"  # seconds
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_CORS_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": (
        "Authorization, X-API-Key, Content-Type, Idempotency-Key, Range"
    ),
    "Access-Control-Expose-Headers": "Location, Retry-After, Content-Range, Content-Disposition",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_DOCS_CSP = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)


def new_key() -> tuple[str, str]:
    """Generate a random API key, and its SHA-256 for the settings."""
    key = secrets.token_urlsafe(32)
    return key, hash_of(key)


def hash_of(key: str) -> str:
    """Hash a key with SHA-256; keys are long and random, so that no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def owner_of(key: str) -> str:
    """Derive the owner id of jobs from a key's SHA-256, which is a secret itself."""
    return hash_of(f"owner {key}")


def init_security(app: APIFlask, settings: Settings) -> None:
    """Install access control, rate limits and security headers."""
    if count := settings.proxies:
        proxied = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)
        app.wsgi_app = proxied  # type: ignore[method-assign]

    def check() -> None:
        if not settings.answers_to(_host_name()):
            raise SecurityError("the service does not respond to this host name")
        _check_origin(settings.origins)
        route = request.url_rule.rule if request.url_rule else ""
        is_open = not settings.keys or route in OPEN_ROUTES or request.method == "OPTIONS"
        g.owner = "" if is_open else _authenticate(settings.keys)

    def add_headers(response: Response) -> Response:
        if request.headers.get("Origin") in settings.origins:
            response.headers.update(_CORS_HEADERS)
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        if settings.origins:
            response.vary.add("Origin")
        return _add_security_headers(response)

    app.before_request(check)
    app.after_request(add_headers)
    if settings.rate:
        Limiter(
            lambda: g.owner or request.remote_addr or "",
            app=app,
            application_limits=[settings.rate],
            application_limits_exempt_when=lambda: request.method != "POST",
            headers_enabled=True,
            storage_uri=settings.redis.get_secret_value() or "memory://",
            storage_options={"socket_timeout": 1, "socket_connect_timeout": 1},
            key_prefix="rechroma",
            in_memory_fallback_enabled=True,  # if Redis is unreachable
        )


def _host_name() -> str:
    """The host in the request, without its port."""
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def _check_origin(origins: Sequence[str]) -> None:
    """Reject requests from pages of other sites, which the user did not intend.

    Raises:
        ForbiddenOriginError: The request comes from such a page.
    """
    origin = request.headers.get("Origin")
    own = (f"http://{request.host}", f"https://{request.host}")  # a proxy can terminate TLS
    if origin is None or origin in (*own, *origins):
        return
    raise ForbiddenOriginError(
        "pages of other sites are not allowed to use this service",
        hint="The owner of the service can allow a site with RECHROMA_ORIGINS.",
    )


def _authenticate(keys: Sequence[str]) -> str:
    """Return the owner id for the API key of the request.

    Raises:
        AuthenticationError: The key is missing or unknown.
    """
    authorization = request.authorization
    if authorization is not None and authorization.type == "bearer":
        given = hash_of(authorization.token or "")
    else:
        given = hash_of(request.headers.get("X-API-Key", ""))
    known = [hmac.compare_digest(given, key) for key in keys]  # all of them, for equal time
    if not any(known):
        raise AuthenticationError(
            "a valid API key is required",
            hint="Send it as the header 'Authorization: Bearer KEY'.",
        )
    return owner_of(given)


def _add_security_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = _RETRY_AFTER  # the limiter's says when its window ends
    if request.url_rule is not None and request.url_rule.rule == "/docs":
        response.headers["Content-Security-Policy"] = _DOCS_CSP
    return response
