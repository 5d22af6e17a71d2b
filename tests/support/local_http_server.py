"""A local HTTP server for tests, whose routes can misbehave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """A request that a route handles."""

    server: _Server

    body: bytes = b""

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        host = self.server.host
        with host.lock:
            host.asked.append((self.path, time.monotonic(), dict(self.headers)))
        with suppress(OSError):  # the client has heard enough
            host.routes.get(self.path, missing)(self)

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def answer(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        """Send a whole response."""
        self.begin(status, **{"Content_Length": str(len(body))} | headers)
        self.wfile.write(body)

    def begin(self, status: int = 200, **headers: str) -> None:
        """Send the head of a response."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    host: Host


@dataclass
class Host:
    """The routes of the host, and the requests it received.

    Attributes:
        routes: What to do, by path.
        asked: Path, time and headers of each request.
        port: Where it listens.
    """

    routes: dict[str, Handler] = field(default_factory=dict)
    asked: list[tuple[str, float, dict[str, Any]]] = field(default_factory=list)
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def count(self, path: str) -> int:
        """Count the requests for a path."""
        with self.lock:
            return sum(asked == path for asked, *_ in self.asked)


def missing(request: Request) -> None:
    """Respond with 404."""
    request.answer(b"not here", 404)


@contextmanager
def serving() -> Iterator[Host]:
    """Run a host within the block."""
    server = _Server(("127.0.0.1", 0), Request)
    server.host = Host(port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def file_route(content: bytes, *, tag: str = '"1"', breaks_at: int | None = None) -> Handler:
    """Serve a file with an ETag, from the byte that the client asks for.

    Args:
        content: The file.
        tag: Its ETag; "" for none.
        breaks_at: Number of bytes after which each connection breaks; None for never.
    """

    def answer(request: Request) -> None:
        asked = request.headers.get("Range")
        start, headers, status = 0, {"ETag": tag} if tag else {}, 200
        if asked and request.headers.get("If-Range") == tag:
            start, status = int(asked.removeprefix("bytes=").removesuffix("-")), 206
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        rest = content[start:]
        request.begin(status, Content_Length=str(len(rest)), **headers)
        request.wfile.write(rest[:breaks_at])

    return answer
