"""nginx, set as compose sets it, in front of the image's command."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from rechroma.service import new_key
from tests.deploy.conftest import ROOT, Gunicorn, StartGunicorn, free_port, wait_until
from tests.support.host import Host, serving
from tests.support.host import Request as HostRequest
from tests.support.service import PATIENCE, Server, has_color, photo_file

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
TEMPLATES = ROOT / "deploy/nginx"
MAIN = """
{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path bodies;
    proxy_temp_path answers;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include conf.d/*.conf;
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
StartNginx = Callable[..., "Nginx"]


class Nginx(Server):
    """nginx with the templates of `deploy`, filled in as its image does.

    Args:
        folder: Of its own.
        api: Address of the service.
        server: Which template of a server.
        environment: For the templates, before what compose says.
    """

    def __init__(self, folder: Path, api: str, server: str = "plain", **environment: str) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self.url = f"http://{self.host}:{self.port}"
        usual = {
            "RECHROMA_API": api,
            "RECHROMA_LISTEN": f"127.0.0.1:{self.port}",
            "RECHROMA_UPLOAD": "360m",
            "RECHROMA_CLIENT_RATE": "300r/m",
        }
        fill(folder, server, usual | environment)
        self.command = [
            str(NGINX),
            "-e",
            "stderr",
            "-p",
            str(folder),
            "-c",
            str(folder / "nginx.conf"),
        ]
        subprocess.run([*self.command, "-t"], check=True, capture_output=True, timeout=PATIENCE)
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        wait_until(self._listens)

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.process.communicate()[1])
        try:
            return self.ask("GET", "/healthz").status < 600
        except OSError:
            return False


def fill(folder: Path, server: str, environment: dict[str, str]) -> None:
    """Write the files that nginx reads."""
    (folder / "conf.d").mkdir(parents=True)
    names = {"common.conf": "common.conf", "service": "service", f"{server}.conf": "server.conf"}
    for template, name in names.items():
        text = (TEMPLATES / f"{template}.template").read_text("utf-8")
        filled = re.sub(r"\$\{(\w+)\}", lambda found: environment[found[1]], text)
        (folder / "conf.d" / name).write_text(filled, "utf-8")
    user = "user root root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(user=user), "utf-8")


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[StartNginx]:
    """Start nginx; it ends with the test."""
    servers: list[Nginx] = []

    def start(api: Gunicorn | Host | None, *words: str, **environment: str) -> Nginx:
        folder = tmp_path / f"nginx{len(servers)}"
        address = f"127.0.0.1:{api.port if api else free_port()}"
        servers.append(Nginx(folder, address, *words, **environment))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def test_pictures_and_jobs(start_gunicorn: StartGunicorn, start_nginx: StartNginx) -> None:
    nginx = start_nginx(start_gunicorn(RECHROMA_PROXIES="1"))
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


def test_events_come_at_once(start_nginx: StartNginx) -> None:
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


def test_what_is_not_for_outside(start_gunicorn: StartGunicorn, start_nginx: StartNginx) -> None:
    key, hashed = new_key()
    nginx = start_nginx(start_gunicorn(RECHROMA_KEYS=hashed))
    let_in = f"Bearer {key}"
    assert nginx.ask("GET", "/metrics", Authorization=let_in).status == 404
    assert nginx.ask("GET", "/v1/models").status == 401
    assert nginx.ask("GET", "/v1/models", Authorization=let_in).status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second address of this computer")
@pytest.mark.parametrize(("proxies", "wanted"), [("0", [200, 429]), ("1", [200, 200])])
def test_clients_are_told_apart(
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


def test_clients_cannot_make_up_who_they_are(
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


def problem(nginx: Nginx, path: str, body: bytes = b"") -> dict[str, object]:
    """What nginx itself says."""
    answer = nginx.ask("POST", path, body)
    assert answer.headers["Content-Type"] == "application/problem+json"
    told: dict[str, object] = json.loads(answer.body)
    assert told["status"] == answer.status
    return told | ({"again": answer.headers["Retry-After"]} if answer.status != 413 else {})


def test_a_body_that_is_too_large(start_nginx: StartNginx) -> None:
    nginx = start_nginx(None, RECHROMA_UPLOAD="1k")
    assert problem(nginx, "/v1/jobs", bytes(1025))["status"] == 413


def test_a_service_that_is_away(start_nginx: StartNginx) -> None:
    nginx = start_nginx(None)
    assert problem(nginx, "/v1/jobs", b"picture") == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "again": "5",
    }


def test_too_many_at_once(start_nginx: StartNginx) -> None:
    nginx = start_nginx(None, RECHROMA_CLIENT_RATE="1r/m")
    statuses = [problem(nginx, "/v1/jobs")["status"] for _ in range(103)]
    assert statuses[:101] == [503] * 101
    assert statuses[102] == 429
    assert nginx.ask("GET", "/v1/models").status == 503


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_tls(start_gunicorn: StartGunicorn, start_nginx: StartNginx, tmp_path: Path) -> None:
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(tmp_path / "privkey.pem"), "-out", str(tmp_path / "fullchain.pem")]
    subprocess.run([*new, *names, *files], check=True, capture_output=True, timeout=PATIENCE)
    port = free_port()
    tls = {"RECHROMA_LISTEN_TLS": f"127.0.0.1:{port}", "RECHROMA_TLS": str(tmp_path)}
    nginx = start_nginx(start_gunicorn(RECHROMA_PROXIES="1"), "tls", **tls)
    moved = nginx.ask("GET", "/v1/models")
    assert (moved.status, moved.headers["Location"]) == (308, "https://127.0.0.1/v1/models")
    assert nginx.ask("GET", "/healthz").status == 200
    trusted = ssl.create_default_context(cafile=str(tmp_path / "fullchain.pem"))
    url = f"https://127.0.0.1:{port}"
    asked = Request(f"{url}/v1/models", headers={"Origin": url})
    with urlopen(asked, timeout=PATIENCE, context=trusted) as answer:
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"]
    with pytest.raises(HTTPError, match="403"):
        urlopen(
            Request(asked.full_url, headers={"Origin": "https://evil.example"}), context=trusted
        )
