"""The HTTP client for untrusted URLs: its time limit, and stopping it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from rechroma.errors import FetchError
from rechroma.safe_http import SafeHttpClient, TransientFetchError

LOOPBACK = "127.0.0.1"


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A host that accepts connections and says nothing."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server


def client(timeout: float) -> SafeHttpClient:
    return SafeHttpClient(timeout, 1000, is_allowed=lambda _: True, resolve=lambda *_: [LOOPBACK])


@pytest.fixture(autouse=True)
def _no_other_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the socket itself wait forever, so that only the client's own limit can end a request."""
    monkeypatch.setattr("rechroma.safe_http._CONNECT_SECONDS", 3600.0)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.timeout(30)
def test_time_limit_ends_a_request_to_a_silent_host(scheme: str, silent: socket.socket) -> None:
    url = f"{scheme}://host.example:{silent.getsockname()[1]}/"
    with pytest.raises(TransientFetchError, match=r"longer than 0\.2 s"):
        client(0.2).request(url)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.timeout(30)
def test_stop_ends_a_request_to_a_silent_host(scheme: str, silent: socket.socket) -> None:
    web, accepted = client(3600.0), []

    def stop_once_connected() -> None:
        accepted.append(silent.accept()[0])
        accepted[0].recv(1)  # the handshake, or the request, has begun
        web.stop()

    thread = threading.Thread(target=stop_once_connected)
    thread.start()
    with pytest.raises(FetchError, match="the run was stopped"):
        web.request(f"{scheme}://host.example:{silent.getsockname()[1]}/")
    thread.join()
    accepted[0].close()


def test_stop_during_the_resolution_of_a_host_prevents_its_request(silent: socket.socket) -> None:
    def resolve(*_: object) -> list[str]:
        web.stop()
        return [LOOPBACK]

    web = SafeHttpClient(5, 1000, is_allowed=lambda _: True, resolve=resolve)
    with pytest.raises(FetchError, match="the run was stopped"):
        web.request(f"http://host.example:{silent.getsockname()[1]}/")
    silent.settimeout(0)
    with pytest.raises(BlockingIOError):
        silent.accept()
