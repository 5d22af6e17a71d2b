"""Polite crawling: robots.txt (RFC 9309) and per-host rate limits."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rechroma.errors import FetchError, MissingExtraError, install_hint
from rechroma.safe_http import PRODUCT, SafeHttpClient, TransientFetchError, split_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from protego import Protego

_MAX_DELAY = 60.0  # seconds of a Crawl-delay to respect
_MAX_TEXT = 500 * 1024  # bytes of a robots.txt to parse (RFC 9309, 2.5)
_CLOSED = (401, 403, 429)
_ALLOW_ALL, _DISALLOW_ALL = "User-agent: *\nAllow: /", "User-agent: *\nDisallow: /"


class RateLimiter:
    """Limits the requests per second to each host.

    Args:
        per_second: The limit.
        stop: Ends all waiting.
    """

    def __init__(self, per_second: float, stop: threading.Event) -> None:
        self._interval, self._stop = 1 / per_second, stop
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def wait(self, host: str, min_interval: float = 0.0) -> None:
        """Wait for the next request to a host.

        Args:
            host: The host.
            min_interval: Seconds between two requests that the host asks for.

        Raises:
            FetchError: The download was stopped.
        """
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._next.get(host, now))
            self._next[host] = begin + max(self._interval, min_interval)
        if self._stop.wait(begin - now):
            raise FetchError("the download was stopped")

    def pause(self, host: str, seconds: float) -> None:
        """Hold back all requests to a host for some seconds."""
        with self._lock:
            until = time.monotonic() + seconds
            self._next[host] = max(until, self._next.get(host, until))


@dataclass
class _Rules:
    lock: threading.Lock = field(default_factory=threading.Lock)
    parser: Protego | None = None


class RobotsCache:
    """Rules of each host's robots.txt, read once.

    Without a robots.txt everything is allowed; when it cannot be read, nothing is.

    Args:
        web: Client to read it with.
        before: Called with the URL of each request.

    Raises:
        MissingExtraError: Protego is not installed.
    """

    def __init__(self, web: SafeHttpClient, before: Callable[[str], None]) -> None:
        try:
            from protego import Protego
        except ImportError as error:
            raise MissingExtraError(
                "downloads need Protego, which is not installed", hint=install_hint("data")
            ) from error
        self._parse: Callable[[str], Protego] = Protego.parse
        self._web, self._before = web, before
        self._rules: dict[str, _Rules] = {}

    def check(self, url: str) -> float:
        """Check that robots.txt allows a URL.

        Returns:
            Seconds between two requests that the host asks for.

        Raises:
            FetchError: The URL is disallowed.
        """
        parts = split_url(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        rules = self._rules.setdefault(origin, _Rules())
        with rules.lock:
            if rules.parser is None:
                rules.parser = self._parse(self._read(f"{origin}/robots.txt"))
        if not rules.parser.can_fetch(url, PRODUCT):
            raise FetchError("robots.txt disallows it")
        return min(float(rules.parser.crawl_delay(PRODUCT) or 0), _MAX_DELAY)

    def _read(self, url: str) -> str:
        try:
            response = self._web.get(url, self._before)
        except TransientFetchError:
            return _DISALLOW_ALL
        if response.status == 200:
            return response.body[:_MAX_TEXT].decode("utf-8", "replace")
        missing = 400 <= response.status < 500 and response.status not in _CLOSED
        return _ALLOW_ALL if missing else _DISALLOW_ALL
