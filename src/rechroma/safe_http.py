"""Requests to hosts that strangers name: only to public addresses, within limits of bytes and time.

A host's name is resolved once, every address that it has is checked, and the connection goes to
one of the checked ones: a name that later resolves to something else gains nothing. Each hop of a
redirection is a request of its own. Proxies are not used, for they would resolve names themselves.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from rechroma._version import __version__
from rechroma.errors import FetchError

PRODUCT = "Rechroma"
_MAX_HOPS = 5
_MAX_ADDRESSES = 3  # of a host that are tried
_CONNECT_SECONDS = 20.0
_CHUNK = 1 << 16
_REDIRECTIONS = {301, 302, 303, 307, 308}
_IN_URLS = "/%:=&?~#+!$,;'@()*[]"
_NAT64 = IPv6Network("64:ff9b::/96")
# What ipaddress of Python 3.11 calls public: NAT64 within a network (RFC 8215), and site-local.
_LOCAL = (IPv6Network("64:ff9b:1::/48"), IPv6Network("fec0::/10"))

Resolver = Callable[[str, int], Iterable[str]]


class TransientFetchError(FetchError):
    """What may be over in a while, so that it is worth another attempt.

    Args:
        message: What went wrong.
        host: Where.
        wait: Seconds that the host asked to wait.
    """

    def __init__(self, message: str, host: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.host, self.wait = host, wait


@dataclass(frozen=True)
class Response:
    """What a host answered.

    Attributes:
        url: To what, after redirections.
        status: The HTTP status.
        body: Of a status of 200.
        wait: Seconds that it asked to wait.
        location: Where it redirects to.
    """

    url: str
    status: int
    body: bytes = b""
    wait: float = 0.0
    location: str = ""


class SafeHttpClient:
    """Sends requests; may be used from several threads.

    Args:
        timeout: Seconds that a request may take altogether.
        max_bytes: The largest body to take.
        contact: How whoever runs a host can reach the user.
        is_allowed: Whether an address may be connected to.
        resolve: Finds the addresses of a host.
    """

    def __init__(
        self,
        timeout: float,
        max_bytes: int,
        contact: str = "",
        is_allowed: Callable[[str], bool] | None = None,
        resolve: Resolver | None = None,
    ) -> None:
        self._timeout, self._max_bytes = timeout, max_bytes
        self._is_allowed, self._resolve = is_allowed or is_public, resolve or _addresses
        self._agent = f"{PRODUCT}/{__version__}" + (f" ({contact})" if contact else "")
        self._context = ssl.create_default_context()
        self._live: set[_Connection] = set()
        self._stopped = False

    def get(self, url: str, before: Callable[[str], None] = lambda _: None) -> Response:
        """Fetch a URL and what it redirects to.

        Args:
            url: HTTP or HTTPS.
            before: Called with the URL of each hop; may raise to refuse it.

        Raises:
            FetchError: It cannot be fetched, or may not be.
        """
        for _ in range(_MAX_HOPS + 1):
            before(url)
            answer = self.request(url)
            if answer.status not in _REDIRECTIONS or not answer.location:
                return answer
            url = urljoin(url, answer.location)
        raise FetchError(f"it is redirected more than {_MAX_HOPS} times")

    def request(
        self, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Fetch a URL, without following it any further.

        Args:
            url: HTTP or HTTPS.
            body: What is sent, as a POST; None for a GET.
            headers: Of the request, beside the usual ones.

        Raises:
            FetchError: It cannot be fetched, or may not be.
        """
        parts = split_url(url)
        connection = _connection(parts, self._checked(parts), self._context)
        deadline = threading.Timer(self._timeout, connection.abort)
        deadline.daemon = True
        self._live.add(connection)
        try:
            deadline.start()
            method = "GET" if body is None else "POST"
            connection.request(method, _target(parts), body, {**self._headers(), **(headers or {})})
            return self._answer(url, connection.getresponse(), connection)
        except (OSError, HTTPException, ValueError) as error:
            raise TransientFetchError(self._words(error, connection), connection.host) from error
        finally:
            deadline.cancel()
            self._live.discard(connection)
            connection.close()

    def stop(self) -> None:
        """End the requests that are under way, and let no more begin."""
        self._stopped = True
        for connection in tuple(self._live):
            connection.abort()

    def _checked(self, parts: SplitResult) -> list[str]:
        if self._stopped:
            raise FetchError("the run was stopped")
        host = parts.hostname or ""
        try:
            addresses = list(self._resolve(host, _port(parts)))
        except (OSError, UnicodeError) as error:
            raise TransientFetchError(f"{host}: there is no such host", host) from error
        for address in addresses:
            if not self._is_allowed(address):
                raise FetchError(f"{host}: {address} is not a public address")
        return addresses[:_MAX_ADDRESSES]

    def _headers(self) -> Mapping[str, str]:
        return {
            "User-Agent": self._agent,
            "Accept": "image/*,*/*;q=0.1",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }

    def _answer(self, url: str, response: HTTPResponse, connection: _Connection) -> Response:
        location = response.headers.get("Location", "")
        wait = _seconds(response.headers.get("Retry-After", ""))
        body = self._body(response, connection) if response.status == 200 else b""
        return Response(url, response.status, body, wait, location)

    def _body(self, response: HTTPResponse, connection: _Connection) -> bytes:
        promised = response.length
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise FetchError("it comes compressed, which was not asked for")
        data = bytearray()
        while (promised or 0) <= self._max_bytes and (chunk := response.read(_CHUNK)):
            data += chunk
            if len(data) > self._max_bytes:
                break
        if max(promised or 0, len(data)) > self._max_bytes:
            raise FetchError(f"it has more than {self._max_bytes} bytes")
        if connection.aborted or len(data) < (promised or 0):
            raise HTTPException("it ended early")
        return bytes(data)

    def _words(self, error: Exception, connection: _Connection) -> str:
        if connection.aborted:
            return f"it took longer than {self._timeout:g} s"
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, loopback, link-local ..."""
    ip = ip_address(address)
    if any(ip in network for network in _LOCAL):
        return False
    return all(one.is_global and not one.is_multicast for one in (ip, *_within(ip)))


def parse_ip_literal(host: str) -> str | None:
    """The IP address that a host in a URL is written as, such as 127.0.0.1, 2130706433 or ::1."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def _within(ip: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address leads to on some networks."""
    if isinstance(ip, IPv4Address):
        return []
    nat64 = IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
    return [one for one in (ip.ipv4_mapped, ip.sixtofour, nat64) if one is not None]


def split_url(url: str) -> SplitResult:
    """The parts of a URL that may be fetched.

    Raises:
        FetchError: It is no URL of the web, or holds a password.
    """
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError as error:
        raise FetchError(f"not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError("not a URL of the web")
    if parts.username is not None or parts.password is not None:
        raise FetchError("it holds a name or a password")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _target(parts: SplitResult) -> str:
    query = f"?{parts.query}" if parts.query else ""
    return quote(f"{parts.path or '/'}{query}", safe=_IN_URLS)


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _seconds(retry_after: str) -> float:
    """What `Retry-After` says: a number of seconds, or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    with suppress(ValueError, TypeError):
        when = parsedate_to_datetime(retry_after)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    return 0.0


class _Connection(HTTPConnection):
    """A connection to one of some addresses that can be ended from another thread."""

    def __init__(self, host: str, port: int, addresses: list[str]) -> None:
        super().__init__(host, port, timeout=_CONNECT_SECONDS)
        self._addresses = addresses
        self._wire: socket.socket | None = None  # stays when the answer has taken the socket over
        self.aborted = False

    def connect(self) -> None:
        self.sock = self._wire = self._first_connected()
        if self.aborted:
            raise TimeoutError

    def abort(self) -> None:
        self.aborted = True
        if self._wire is not None:
            with suppress(OSError):
                # Of the socket below TLS, which the reading thread may be in the midst of.
                socket.socket.shutdown(self._wire, socket.SHUT_RDWR)

    def _first_connected(self) -> socket.socket:
        error = OSError("the host has no address")
        for address in self._addresses:
            try:
                return socket.create_connection((address, self.port), _CONNECT_SECONDS)
            except OSError as refusal:
                error = refusal
        raise error


class _SecureConnection(_Connection):
    default_port = 443

    def __init__(self, host: str, port: int, addresses: list[str], context: ssl.SSLContext) -> None:
        super().__init__(host, port, addresses)
        self._context = context

    def connect(self) -> None:
        super().connect()
        self.sock = self._wire = self._context.wrap_socket(self.sock, server_hostname=self.host)


def _connection(parts: SplitResult, addresses: list[str], context: ssl.SSLContext) -> _Connection:
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError as error:
        raise FetchError("its host has no valid name") from error
    if parts.scheme == "https":
        return _SecureConnection(host, _port(parts), addresses, context)
    return _Connection(host, _port(parts), addresses)
