"""nginx with the configuration of compose, in front of gunicorn."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from rechroma.service import Settings, new_key
from tests.deploy.conftest import (
    NGINX,
    Gunicorn,
    Nginx,
    StartGunicorn,
    StartNginx,
    free_port,
    services,
    usual_environment,
)
from tests.support.local_http_server import Request as HostRequest
from tests.support.local_http_server import serving
from tests.support.service import PATIENCE, has_color, photo_file

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, model: str) -> Iterator[Gunicorn]:
    """A service behind nginx with the default settings."""
    settings = {"RECHROMA_MODEL": model, "RECHROMA_WORKERS": "1", "RECHROMA_PROXIES": "1"}
    server = Gunicorn(tmp_path_factory.mktemp("service"), free_port(), **settings)
    yield server
    server.stop()


def test_images_and_jobs_pass_through_nginx(api: Gunicorn, start_nginx: StartNginx) -> None:
    nginx = start_nginx(api)
    answer = nginx.ask("POST", "/v1/colorize", photo_file((900, 700)), Accept="image/jpeg")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert has_color(answer.body)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    url = nginx.ask("POST", "/v1/jobs", photo_file((900, 700))).headers["Location"]
    stream = nginx.ask("GET", f"{url}/events").body
    assert stream.rstrip().split(b"\n\n")[-1].startswith(b"event: done")
    part = nginx.ask("GET", f"{url}/result", Range="bytes=0-3")
    assert (part.status, part.body) == (206, b"\x89PNG")
    assert nginx.ask("DELETE", url).status == 204
    assert nginx.ask("GET", "/v1/models", Origin=nginx.url).status == 200
    assert nginx.ask("GET", "/docs").status == 200


def test_events_are_not_buffered(start_nginx: StartNginx) -> None:
    heard = threading.Event()

    def tell(request: HostRequest) -> None:
        request.begin(Content_Type="text/event-stream")
        request.wfile.write(b"event: queued\n\n")
        heard.wait(PATIENCE)

    with serving() as host:
        host.routes["/v1/jobs/x/events"] = tell
        url = f"{start_nginx(host).url}/v1/jobs/x/events"
        try:
            with urlopen(url, timeout=PATIENCE / 3) as stream:
                assert stream.readline() == b"event: queued\n"
        finally:
            heard.set()


def test_internal_routes_are_hidden(start_gunicorn: StartGunicorn, start_nginx: StartNginx) -> None:
    key, hashed = new_key()
    nginx = start_nginx(start_gunicorn(RECHROMA_KEYS=hashed))
    let_in = f"Bearer {key}"
    assert nginx.ask("GET", "/metrics", Authorization=let_in).status == 404
    assert nginx.ask("GET", "/v1/models").status == 401
    assert nginx.ask("GET", "/v1/models", Authorization=let_in).status == 200


def send_head(nginx: Nginx, path: str = "/v1/jobs", *headers: str) -> socket.socket:
    """Open a connection that announces an image and never sends it."""
    line = socket.create_connection((nginx.host, nginx.port), timeout=PATIENCE / 3)
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 100000000", *headers]
    line.sendall("\r\n".join([*head, "", ""]).encode())
    return line


def test_keys_are_checked_before_bodies_are_read(
    start_gunicorn: StartGunicorn, start_nginx: StartNginx
) -> None:
    key, hashed = new_key()
    api = start_gunicorn(RECHROMA_KEYS=hashed, RECHROMA_PROXIES="1")
    nginx = start_nginx(api)
    for path in ("/v1/jobs", "/v1/colorize"):
        assert_needs_key(api, nginx, path)
        for header in ({"X_API_Key": key}, {"Authorization": f"Bearer {key}"}):
            assert nginx.ask("POST", path, photo_file(), **header).status in {200, 202}
            header["Origin"] = "https://evil.example"
            assert nginx.ask("POST", path, photo_file(), **header).status == 403


def assert_needs_key(api: Gunicorn, nginx: Nginx, path: str) -> None:
    """Assert that nginx rejects a request without a key before the body arrives."""
    wanted = api.ask("POST", path, b"image")
    with send_head(nginx, path, "X-API-Key: wrong") as line:
        head, _, body = line.recv(10_000).decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 401 ")
    assert f"WWW-Authenticate: {wanted.headers['WWW-Authenticate']}" in head
    assert "Content-Type: application/problem+json" in head
    assert json.loads(body).items() <= wanted.json.items()


def test_large_bodies_are_limited_to_image_routes(start_nginx: StartNginx) -> None:
    nginx = start_nginx(None)
    assert read_problem(nginx, "/docs", bytes(2000))["status"] == 413
    assert read_problem(nginx, "/v1/jobs/x", bytes(2000))["status"] == 413


def test_preflight_requests_pass(start_gunicorn: StartGunicorn, start_nginx: StartNginx) -> None:
    page = "https://photos.example"
    api = start_gunicorn(RECHROMA_KEYS=new_key()[1], RECHROMA_ORIGINS=page)
    answer = start_nginx(api).ask("OPTIONS", "/v1/jobs", Origin=page)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, page)


def test_unknown_host_names_are_rejected(
    start_gunicorn: StartGunicorn, start_nginx: StartNginx
) -> None:
    names = "photos.example,127.0.0.1"
    nginx = start_nginx(start_gunicorn(RECHROMA_HOSTS=names, RECHROMA_PROXIES="1"))
    for name, status in {"photos.example": 200, "127.0.0.1": 200, "evil.example": 400}.items():
        assert nginx.ask("POST", "/v1/colorize", photo_file(), Host=name).status == status


def test_body_on_a_full_disk_gives_503(api: Gunicorn, start_nginx: StartNginx) -> None:
    nginx = start_nginx(api)
    assert nginx.ask("POST", "/v1/jobs", bytes(1_000_000)).status == 202
    shutil.rmtree(nginx.folder / "bodies")
    assert read_problem(nginx, "/v1/jobs", bytes(1_000_000))["status"] == 503


def test_responses_are_not_buffered_to_files(start_nginx: StartNginx) -> None:
    large = bytes(20_000_000)
    with serving() as host:
        host.routes["/v1/jobs/x/result"] = lambda request: request.answer(large)
        nginx = start_nginx(host)
        shutil.rmtree(nginx.folder / "answers")
        with urlopen(f"{nginx.url}/v1/jobs/x/result", timeout=PATIENCE) as answer:
            assert len(answer.read()) == len(large)


def test_connections_of_one_client_are_limited(api: Gunicorn, start_nginx: StartNginx) -> None:
    nginx = start_nginx(api, RECHROMA_CLIENT_CONNECTIONS="3")
    with ExitStack() as lines:
        for _ in range(3):
            line = lines.enter_context(send_head(nginx, "/v1/jobs", "Expect: 100-continue"))
            assert line.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert read_problem(nginx, "/v1/jobs", photo_file())["status"] == 429


def test_timeouts_exceed_those_of_the_service() -> None:
    usual = Settings()
    longest = usual.wait + usual.attempts * usual.seconds
    patience = usual_environment(services()["nginx"])["RECHROMA_PATIENCE"]
    assert longest < float(patience.removesuffix("s")) < longest * 1.1


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second address of this computer")
@pytest.mark.parametrize(("proxies", "wanted"), [("0", [200, 429]), ("1", [200, 200])])
def test_clients_are_distinguished_by_address(
    start_gunicorn: StartGunicorn, start_nginx: StartNginx, proxies: str, wanted: list[int]
) -> None:
    nginx = start_nginx(start_gunicorn(RECHROMA_RATE="1/hour", RECHROMA_PROXIES=proxies))
    statuses = []
    for address in ("127.0.0.2", "127.0.0.3"):
        line = HTTPConnection(nginx.host, nginx.port, PATIENCE, source_address=(address, 0))
        line.request("POST", "/v1/colorize", photo_file())
        statuses.append(line.getresponse().status)
        line.close()
    assert statuses == wanted


def test_forged_client_addresses_are_ignored(
    start_gunicorn: StartGunicorn, start_nginx: StartNginx
) -> None:
    nginx = start_nginx(start_gunicorn(RECHROMA_RATE="1/hour", RECHROMA_PROXIES="1"))
    asked = [
        nginx.ask(
            "POST",
            "/v1/colorize",
            photo_file(),
            X_Forwarded_For=f"192.0.2.{number}",
            X_Forwarded_Host="evil.example",
        ).status
        for number in range(2)
    ]
    assert asked == [200, 429]


def read_problem(nginx: Nginx, path: str, body: bytes = b"") -> dict[str, object]:
    """Read a problem that nginx itself returns."""
    answer = nginx.ask("POST", path, body)
    assert answer.headers["Content-Type"] == "application/problem+json"
    content: dict[str, object] = json.loads(answer.body)
    assert content["status"] == answer.status
    return content | ({"again": answer.headers["Retry-After"]} if answer.status != 413 else {})


def test_too_large_bodies_are_rejected(start_nginx: StartNginx) -> None:
    nginx = start_nginx(None, RECHROMA_UPLOAD="1k")
    assert read_problem(nginx, "/v1/jobs", bytes(1025))["status"] == 413


def test_unreachable_service_gives_a_problem(start_nginx: StartNginx) -> None:
    nginx = start_nginx(None)
    assert read_problem(nginx, "/v1/jobs", b"image") == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "again": "5",
    }


def test_too_many_requests_are_rejected(start_nginx: StartNginx) -> None:
    nginx = start_nginx(None, RECHROMA_CLIENT_RATE="1r/m")
    statuses = [read_problem(nginx, "/v1/jobs")["status"] for _ in range(103)]
    assert statuses[:101] == [503] * 101
    assert statuses[102] == 429
    assert nginx.ask("GET", "/v1/models").status == 503


@pytest.fixture
def certified(tmp_path: Path) -> dict[str, str]:
    """Make the certificate that the TLS template needs, and a port."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(tmp_path / "privkey.pem"), "-out", str(tmp_path / "fullchain.pem")]
    subprocess.run([*new, *names, *files], check=True, capture_output=True, timeout=PATIENCE)
    return {"RECHROMA_LISTEN_TLS": f"127.0.0.1:{free_port()}", "RECHROMA_TLS": str(tmp_path)}


def test_tls_serves_and_redirects(
    api: Gunicorn, start_nginx: StartNginx, certified: dict[str, str]
) -> None:
    here = certified["RECHROMA_LISTEN_TLS"]
    nginx = start_nginx(api, "tls", RECHROMA_PUBLIC_TLS=here, **certified)
    assert nginx.ask("GET", "/healthz").status == 200
    trusted = ssl.create_default_context(cafile=f"{certified['RECHROMA_TLS']}/fullchain.pem")
    own = Request(f"{nginx.url}/v1/models?a=b", headers={"Origin": f"https://{here}"})
    with urlopen(own, timeout=PATIENCE, context=trusted) as answer:
        assert (answer.status, answer.url) == (200, f"https://{here}/v1/models?a=b")
        assert answer.headers["Strict-Transport-Security"]
    foreign = Request(f"https://{here}/v1/models", headers={"Origin": "https://evil.example"})
    with pytest.raises(HTTPError, match="403"):
        urlopen(foreign, timeout=PATIENCE, context=trusted)


@pytest.mark.parametrize("public", ["443", "0.0.0.0:443"])
def test_redirect_names_the_public_https_address(
    start_nginx: StartNginx, certified: dict[str, str], public: str
) -> None:
    nginx = start_nginx(None, "tls", RECHROMA_PUBLIC_TLS=public, **certified)
    moved = nginx.ask("POST", "/v1/jobs")
    assert (moved.status, moved.headers["Location"]) == (308, "https://127.0.0.1/v1/jobs")
