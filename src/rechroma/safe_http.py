"""An HTTP client for untrusted URLs, protected against SSRF and bounded in bytes and time.

A host name is resolved once, all its addresses are checked, and the connection is made to one of
them, which defeats DNS rebinding. Each redirect is checked as a request of its own. Proxies are not
used, because they would resolve names themselves.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
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
_HEADERS = {
    "Accept": "image/*,*/*;q=0.1",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_NAT64 = IPv6Network("64:ff9b::/96")
# What ipaddress of Python 3.11 calls public: NAT64 within a network (RFC 8215), and site-local.
_LOCAL = (IPv6Network("64:ff9b:1::/48"), IPv6Network("fec0::/10"))

Resolver = Callable[[str, int], Iterable[str]]


class TransientFetchError(FetchError):
    """A failure that can be transient, so that a retry is worthwhile.

    Args:
        message: What went wrong.
        host: Name of the host.
        wait: Seconds to wait, from its `Retry-After` header; 0 without one.
    """

    def __init__(self, message: str, host: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.host, self.wait = host, wait


@dataclass(frozen=True)
class FetchedResponse:
    """An HTTP response.

    Attributes:
        url: The URL it is for, after redirects.
        status: HTTP status.
        body: Body, if the status is 200.
        wait: Seconds to wait, from its `Retry-After` header; 0 without one.
        location: Target of a redirect.
    """

    url: str
    status: int
    body: bytes = b""
    wait: float = 0.0
    location: str = ""


class SafeHttpClient:
    """Sends requests to public addresses only; safe to use from several threads.

    Args:
        timeout: Total time limit of a request in seconds, from the time its host is resolved.
        max_bytes: Size limit of a body.
        contact: Contact of the user for operators of hosts, part of the `User-Agent`.
        is_allowed: Decides whether an address can be connected to; by default :func:`is_public`.
        resolve: Resolves a host name to addresses.
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

    def get(self, url: str, before: Callable[[str], None] = lambda _: None) -> FetchedResponse:
        """Fetch a URL, following redirects.

        Args:
            url: HTTP or HTTPS URL.
            before: Called with the URL of each hop; can raise to reject it.

        Raises:
            FetchError: It cannot, or must not, be fetched.
        """
        for _ in range(_MAX_HOPS + 1):
            before(url)
            answer = self.request(url)
            if answer.status not in _REDIRECTIONS or not answer.location:
                return answer
            url = urljoin(url, answer.location)
        raise FetchError(f"redirected more than {_MAX_HOPS} times")

    def request(
        self, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> FetchedResponse:
        """Send one request, without following redirects.

        Args:
            url: HTTP or HTTPS URL.
            body: Body of a POST; None for a GET.
            headers: Additional headers.

        Raises:
            FetchError: It cannot, or must not, be fetched.
        """
        parts = split_url(url)
        addresses = self._checked(parts)
        connection = _connection(parts, addresses, self._context, self._timeout)
        deadline = threading.Timer(self._timeout, connection.abort)
        deadline.daemon = True
        self._live.add(connection)
        try:
            deadline.start()
            if self._stopped:  # since the check above: `stop` did not see the connection
                raise FetchError("the run was stopped")
            method = "GET" if body is None else "POST"
            query = f"?{parts.query}" if parts.query else ""
            target = quote(f"{parts.path or '/'}{query}", safe=_IN_URLS)
            sent = {"User-Agent": self._agent, **_HEADERS, **(headers or {})}
            connection.request(method, target, body, sent)
            with connection.getresponse() as response:
                location = response.headers.get("Location", "")
                wait = _seconds(response.headers.get("Retry-After", ""))
                content = self._read_body(response, connection) if response.status == 200 else b""
            return FetchedResponse(url, response.status, content, wait, location)
        except (OSError, HTTPException, ValueError) as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            if connection.aborted:
                reason = f"the request took longer than {self._timeout:g} s"
                reason = "the run was stopped" if self._stopped else reason
            raise TransientFetchError(reason, connection.host) from error
        finally:
            deadline.cancel()
            self._live.discard(connection)
            connection.close()

    def stop(self) -> None:
        """Abort running requests and reject further ones."""
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

    def _read_body(self, response: HTTPResponse, connection: _Connection) -> bytes:
        promised = response.length
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise FetchError("the response has a Content-Encoding, which was not requested")
        data = bytearray()
        while (promised or 0) <= self._max_bytes and (chunk := response.read(_CHUNK)):
            data += chunk
            if len(data) > self._max_bytes:
                break
        if max(promised or 0, len(data)) > self._max_bytes:
            raise FetchError(f"the response has more than {self._max_bytes} bytes")
        if connection.aborted or len(data) < (promised or 0):
            raise HTTPException("the response ended early")
        return bytes(data)


def is_public(address: str) -> bool:
    """Return whether an IP address is public: not private, loopback, link-local or the like."""
    ip = ip_address(address)
    if any(ip in network for network in _LOCAL):
        return False
    embedded: tuple[IPv4Address | None, ...] = ()
    if isinstance(ip, IPv6Address):
        nat64 = IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
        embedded = (ip.ipv4_mapped, ip.sixtofour, nat64)
    return all(one.is_global and not one.is_multicast for one in (ip, *embedded) if one is not None)


def parse_ip_literal(host: str) -> str | None:
    """Parse a host that is an IP address literal, such as 127.0.0.1, 2130706433 or ::1."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def split_url(url: str) -> SplitResult:
    """Split a URL and check that it can be fetched.

    Raises:
        FetchError: It is not an HTTP or HTTPS URL, or it contains credentials.
    """
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError as error:
        raise FetchError(f"not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError("not an HTTP or HTTPS URL")
    if parts.username is not None or parts.password is not None:
        raise FetchError("the URL contains a user name or a password")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _seconds(retry_after: str) -> float:
    """Parse `Retry-After`: a number of seconds, or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    with suppress(ValueError, TypeError):
        when = parsedate_to_datetime(retry_after)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    return 0.0


class _Connection(HTTPConnection):
    """A connection to the first reachable address that another thread can abort."""

    def __init__(self, host: str, port: int, addresses: list[str], timeout: float) -> None:
        super().__init__(host, port)
        self._addresses = addresses
        self._deadline = time.monotonic() + timeout
        self._wire: socket.socket | None = None  # kept after the response has taken over the socket
        self.aborted = False

    def connect(self) -> None:
        refused: OSError = OSError("the host has no address")
        for address in self._addresses:
            left = self._deadline - time.monotonic()
            if self.aborted or left <= 0:
                raise TimeoutError
            try:
                self.sock = self._wire = socket.create_connection(
                    (address, self.port), min(left, _CONNECT_SECONDS)
                )
                break
            except OSError as error:
                refused = error
        else:
            raise refused
        self.sock.settimeout(_CONNECT_SECONDS)
        if self.aborted:
            raise TimeoutError

    def abort(self) -> None:
        self.aborted = True
        if self._wire is not None:
            with suppress(OSError):
                # On the socket below TLS: the reading thread can be inside a TLS call.
                socket.socket.shutdown(self._wire, socket.SHUT_RDWR)


class _SecureConnection(_Connection):
    default_port = 443

    def __init__(
        self,
        host: str,
        port: int,
        addresses: list[str],
        timeout: float,
        context: ssl.SSLContext,
    ) -> None:
        super().__init__(host, port, addresses, timeout)
        self._context = context

    def connect(self) -> None:
        super().connect()
        # Wrapping detaches the socket that `abort` knows, so the handshake waits until it knows
        # the new one.
        wrapped = self._context.wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        self.sock = self._wire = wrapped
        if self.aborted:
            raise TimeoutError
        wrapped.do_handshake()


def _connection(
    parts: SplitResult, addresses: list[str], context: ssl.SSLContext, timeout: float
) -> _Connection:
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError as error:
        raise FetchError("the host name is invalid") from error
    if parts.scheme == "https":
        return _SecureConnection(host, _port(parts), addresses, timeout, context)
    return _Connection(host, _port(parts), addresses, timeout)
