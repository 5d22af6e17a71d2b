"""Good policy towards the hosts of pictures: their robots.txt, and a pace that they can bear."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.robotparser import RobotFileParser

from rechroma.errors import FetchError
from rechroma.safe_http import PRODUCT, TransientFetchError, Web, split_url

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_DELAY = 60.0  # seconds between requests that a robots.txt can ask for
_MAX_TEXT = 500 * 1024  # bytes of a robots.txt that have to be heeded (RFC 9309, 2.5)
_CLOSED = (401, 403, 429)
_ALL, _NOTHING = "User-agent: *\nAllow: /", "User-agent: *\nDisallow: /"


class RateLimiter:
    """Lets so many requests a second go to each host.

    Args:
        per_second: How many.
        stop: Ends all waiting.
    """

    def __init__(self, per_second: float, stop: threading.Event) -> None:
        self._interval, self._stop = 1 / per_second, stop
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def wait(self, host: str, least: float = 0.0) -> None:
        """Wait until a request may go to a host, and `least` seconds lie between any two.

        Raises:
            FetchError: The run was stopped.
        """
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._next.get(host, now))
            self._next[host] = begin + max(self._interval, least)
        if self._stop.wait(begin - now):
            raise FetchError("the run was stopped")

    def pause(self, host: str, seconds: float) -> None:
        """Let nothing go to a host for a while."""
        with self._lock:
            until = time.monotonic() + seconds
            self._next[host] = max(until, self._next.get(host, until))


@dataclass
class _Rules:
    lock: threading.Lock = field(default_factory=threading.Lock)
    parser: RobotFileParser | None = None


class RobotsCache:
    """What each host's robots.txt says to us, read once (RFC 9309).

    Where there is none all is allowed; where it cannot be read, nothing is. The parser of Python's
    library reads no wildcards within paths.

    Args:
        web: Reads it.
        before: Called with the URL of each request.
    """

    def __init__(self, web: Web, before: Callable[[str], None]) -> None:
        self._web, self._before = web, before
        self._rules: dict[str, _Rules] = {}

    def check(self, url: str) -> float:
        """See whether a URL may be fetched.

        Returns:
            The seconds between requests that are asked for.

        Raises:
            FetchError: It may not be.
        """
        parts = split_url(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        rules = self._rules.setdefault(origin, _Rules())
        with rules.lock:
            if rules.parser is None:
                rules.parser = self._read(f"{origin}/robots.txt")
        if not rules.parser.can_fetch(PRODUCT, url):
            raise FetchError("robots.txt disallows it")
        return min(float(rules.parser.crawl_delay(PRODUCT) or 0), _MAX_DELAY)

    def _read(self, url: str) -> RobotFileParser:
        parser = RobotFileParser()
        try:
            parser.parse(self._text(url).splitlines())
        except ValueError:  # such as a delay of "²" seconds
            parser.parse(_NOTHING.splitlines())
        return parser

    def _text(self, url: str) -> str:
        try:
            answer = self._web.follow(url, self._before)
        except TransientFetchError:
            return _NOTHING
        if answer.status == 200:
            return answer.body[:_MAX_TEXT].decode("utf-8", "replace")
        return _ALL if 400 <= answer.status < 500 and answer.status not in _CLOSED else _NOTHING
