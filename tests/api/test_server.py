"""`rechroma serve` as a process, and the documentation of the service."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from rechroma.service import settings_table
from tests.api.conftest import MakeApp, StartServer
from tests.support.redis_and_worker import RedisServer
from tests.support.service import PATIENCE, Server, has_color, opened, photo_file

ROOT = Path(__file__).parents[2]
BOUNDARY = "multipart/form-data; boundary=x"


def multipart(*images: bytes) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="p"; filename="p.png"\r\n\r\n'
    return b"".join(head + data + b"\r\n" for data in images) + b"--x--\r\n"


def submit(server: Server, *images: bytes) -> str:
    answer = server.ask("POST", "/v1/jobs", multipart(*images), Content_Type=BOUNDARY)
    assert answer.status == 202, answer.body
    return answer.headers["Location"]


def test_server_serves_and_stops_cleanly(start_server: StartServer) -> None:
    server = start_server()
    assert server.ask("GET", "/healthz").json == {"status": "ok"}
    assert server.ask("GET", "/readyz").status == 200
    answer = server.ask("POST", "/v1/colorize", photo_file(), Accept="image/jpeg")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert "Server" not in answer.headers
    assert has_color(answer.body)
    url = submit(server, photo_file(), photo_file())
    stream = server.ask("GET", f"{url}/events").body
    assert stream.rstrip().split(b"\n\n")[-1].startswith(b"event: done")
    part = server.ask("GET", f"{url}/result", Range="bytes=0-3")
    assert (part.status, part.body) == (206, b"PK\x03\x04")
    assert server.ask("DELETE", url).status == 204
    assert server.stop() == ""
    assert server.process.returncode == 0


def test_server_works_with_the_bundled_model(tmp_path: Path) -> None:
    server = Server(tmp_path / "service", "--workers", "1")
    try:
        photo = photo_file((300, 200), "JPEG")
        answer = server.ask("POST", "/v1/colorize?saturation=1.2", photo)
        assert answer.status == 200
        assert opened(answer.body).size == opened(photo).size
        assert server.ask("GET", "/v1/models").json["models"][0]["default"]
    finally:
        server.kill()


def test_concurrent_requests_all_succeed(start_server: StartServer) -> None:
    server = start_server(RECHROMA_THREADS="8")
    with ThreadPoolExecutor(30) as pool:
        answers = list(
            pool.map(lambda _: server.ask("POST", "/v1/colorize", photo_file()), range(60))
        )
        urls = list(pool.map(lambda _: submit(server, photo_file()), range(30)))
    assert {answer.status for answer in answers} <= {200, 503}
    assert 200 in {answer.status for answer in answers}
    assert len(set(urls)) == 30
    assert all(server.wait_for_end(url)["state"] == "done" for url in urls)


def test_server_survives_clients_that_disconnect(start_server: StartServer) -> None:
    server = start_server(RECHROMA_THREADS="4")
    head = b"POST /v1/colorize HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n"
    url = submit(server, photo_file())
    events = f"GET {url}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    for sent in (head, head + photo_file(), b"nonsense\r\n\r\n", b"", events) * 3:
        with socket.create_connection((server.host, server.port), timeout=PATIENCE) as line:
            line.sendall(sent)
    assert server.ask("POST", "/v1/colorize", photo_file()).status == 200
    assert "Traceback" not in server.stop()


def test_chunked_bodies_are_accepted(start_server: StartServer) -> None:
    server = start_server()
    data = photo_file()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (data[:50], data[50:]))
    head = b"POST /v1/colorize HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as line:
        line.sendall(head + chunks + b"0\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 200"


def test_body_limit_is_that_of_the_largest_route(start_server: StartServer) -> None:
    server = start_server(RECHROMA_JOB_BYTES="30000", RECHROMA_DIRECT_BYTES="20000")
    most = 30_000 * 4 // 3 + 64 * 1024
    body = b'{"images": []}'.ljust(most)
    answer = server.ask("POST", "/v1/jobs", body, Content_Type="application/json")
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {most + 1}\r\n\r\n"
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as line:
        line.sendall(head.encode())
        assert line.recv(12) == b"HTTP/1.1 413"  # before anything of it was taken


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
def test_jobs_continue_after_the_server_is_killed(
    start_server: StartServer, tmp_path: Path
) -> None:
    words = ("--workers", "1")
    server = start_server(*words)
    large = photo_file((1600, 1200), "JPEG")
    urls = [submit(server, large, large, large) for _ in range(4)]
    for at_least in (2, 6):
        while sum(server.ask("GET", url).json["done"] for url in urls) < at_least:
            time.sleep(0.01)
        server.kill()
        server = start_server(*words)
    for url in urls:
        job = server.wait_for_end(url)
        assert (job["state"], job["done"], job["failed"]) == ("done", 3, 0)
        assert server.ask("GET", f"{url}/result").status == 200
    assert "Traceback" not in server.stop()
    with sqlite3.connect(tmp_path / "service" / "jobs.sqlite") as table:
        attempts = [row[0] for row in table.execute("SELECT attempts FROM images")]
    table.close()
    assert len(attempts) == 12
    assert sum(attempts) <= 12 + 2  # what was done before is not done again


def test_server_stops_while_jobs_are_queued(start_server: StartServer) -> None:
    server = start_server("--workers", "1")
    urls = [submit(server, photo_file((1600, 1200))) for _ in range(5)]
    assert server.stop() == ""
    assert server.process.returncode == 0
    server = start_server()
    assert all(server.wait_for_end(url)["state"] == "done" for url in urls)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--host", "0.0.0.0"], 2, "there are no API keys"),
        (["--host", "192.0.2.1", "--allow-no-keys"], 2, "cannot listen"),
        (["--model", "nothing.onnx"], 78, "nothing.onnx"),
        (["--data", __file__], 73, "test_server.py"),
    ],
)
def test_invalid_command_lines_end_with_an_error(
    words: list[str], code: int, message: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "rechroma", "serve", "--port", "0", *words]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_missing_folder_of_models_is_an_error(
    command: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = {"RECHROMA_MODELS": str(tmp_path / "nowhere"), "RECHROMA_FILES": str(tmp_path)}
    if command == "worker":
        settings["RECHROMA_REDIS"] = redis_server.url
    done = subprocess.run(
        [sys.executable, "-m", "rechroma", command],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 78, done.stderr
    assert f"the model folder {tmp_path / 'nowhere'} does not exist" in done.stderr
    assert "hint: Set RECHROMA_MODELS to an existing folder" in done.stderr


def test_port_in_use_is_an_error(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server()
    command = [sys.executable, "-m", "rechroma", "serve", "--port", str(server.port)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"RECHROMA_WORKRES": "2"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 69
    warning, error, hint = done.stderr.splitlines()
    assert "RECHROMA_WORKRES is not a setting and has no effect" in warning
    assert "the port is in use" in error
    assert "--port" in hint


def test_new_key_is_accepted(start_server: StartServer) -> None:
    command = [sys.executable, "-m", "rechroma", "serve", "--new-key"]
    completed = subprocess.run(command, capture_output=True, text=True, check=True)
    key = completed.stderr.splitlines()[0].split(": ")[1]
    assert re.fullmatch(
        r"RECHROMA_KEYS=[0-9a-f]{64}\n", completed.stdout
    )  # fit for a file of settings
    server = start_server(RECHROMA_KEYS=completed.stdout.strip().partition("=")[2])
    assert server.ask("GET", "/v1/models").status == 401
    assert server.ask("GET", "/v1/models", Authorization=f"Bearer {key}").status == 200


def test_ctrl_c_stops_the_server(start_server: StartServer) -> None:
    server = start_server()
    server.process.send_signal(signal.SIGINT)
    _, stderr = server.process.communicate(timeout=PATIENCE)
    assert (server.process.returncode, stderr) == (0, "")


def test_serving_imports_no_torch() -> None:
    code = "import json, sys, rechroma.service; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"torch", "onnx", "skimage", "safetensors"}


def test_openapi_document_is_complete(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    operations = {
        (method, path) for path, methods in document["paths"].items() for method in methods
    }
    assert operations == {
        ("post", "/v1/colorize"),
        ("post", "/v1/chroma"),
        ("post", "/v1/suggestions"),
        ("post", "/v1/jobs"),
        ("get", "/v1/jobs"),
        ("get", "/v1/jobs/{job_id}"),
        ("delete", "/v1/jobs/{job_id}"),
        ("get", "/v1/jobs/{job_id}/result"),
        ("get", "/v1/jobs/{job_id}/results/{name}"),
        ("get", "/v1/jobs/{job_id}/events"),
        ("get", "/v1/models"),
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/metrics"),
    }
    assert all(
        operation["summary"] for path in document["paths"].values() for operation in path.values()
    )
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(document["components"]["schemas"])
    assert "securitySchemes" not in document["components"]


def test_api_page_loads_nothing_from_other_sites(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert wanted
    for address in wanted:
        assert address.startswith(("/docs/assets/", "data:")), address
        if address.startswith("/"):
            assert client.get(address).status_code == 200
    assert client.get("/docs/assets/../../setup.py").status_code == 404


def test_openapi_document_declares_api_keys(make_app: MakeApp) -> None:
    document = make_app(keys="0" * 64).test_client().get("/openapi.json").get_json()
    assert document["security"] == [{"key": []}]


def commands(document: str, *, heading: str) -> str:
    """Find the first block of commands under a heading."""
    section = (ROOT / document).read_text("utf-8").split(f"## {heading}\n")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block
    return block[1]


@pytest.fixture
def curl(start_server: StartServer, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Run commands of the documentation against a server."""
    if shutil.which("curl") is None or shutil.which("sh") is None:
        pytest.skip("there is no curl here")
    server = start_server()
    (tmp_path / "photo.jpg").write_bytes(photo_file((300, 200), "JPEG"))
    (tmp_path / "scan.png").write_bytes(photo_file())

    def run(text: str) -> str:
        script = text.replace("http://127.0.0.1:8000", server.url)
        return subprocess.run(
            ["sh", "-euc", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        ).stdout

    yield run
    server.stop()


@pytest.mark.parametrize(
    ("document", "heading", "made"),
    [
        ("docs/service.md", "A single image", ["colored.jpg", "colored.webp", "again.jpg"]),
        ("README.md", "REST service", ["colored.jpg"]),
    ],
)
def test_documented_commands_work(
    curl: Callable[[str], str], tmp_path: Path, document: str, heading: str, made: list[str]
) -> None:
    text = commands(document, heading=heading)
    curl(text[text.index("curl") :])
    for name in made:
        image = (tmp_path / name).read_bytes()
        assert opened(image).format == {"jpg": "JPEG", "webp": "WEBP"}[name.split(".")[1]]
        assert has_color(image)


def test_documented_job_commands_work(curl: Callable[[str], str], tmp_path: Path) -> None:
    output = curl(commands("docs/service.md", heading="Jobs"))
    assert "event: done" in output
    with zipfile.ZipFile(tmp_path / "colored.zip") as archive:
        assert archive.namelist() == ["001-photo.color.jpg", "002-scan.color.jpg"]


def test_all_settings_are_documented() -> None:
    assert settings_table() in (ROOT / "docs/service.md").read_text("utf-8")
