"""The command of the image, gunicorn, as a process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rechroma.service import Settings
from tests.deploy.conftest import ROOT, StartGunicorn, image_command, with_our_programs
from tests.support.service import PATIENCE, has_color, photo_file

LARGE = (1600, 1200)
pytestmark = pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows")


def test_gunicorn_serves_and_stops_cleanly(start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn()
    answer = server.ask("POST", "/v1/colorize", photo_file(), Accept="image/jpeg")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert has_color(answer.body)
    url = server.ask("POST", "/v1/jobs", photo_file()).headers["Location"]
    assert server.wait_for_end(url)["state"] == "done"
    assert server.ask("GET", f"{url}/result").status == 200
    log = server.stop()
    assert server.process.returncode == 0
    assert "Worker exiting" in log
    assert "Traceback" not in log
    assert "WARNING" not in log
    assert not list((ROOT / "deploy").glob("*.ctl"))


def test_chunked_bodies_are_accepted(start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn(RECHROMA_DIRECT_BYTES="100000")
    photo = photo_file()
    assert has_color(server.ask("POST", "/v1/colorize", iter([photo[:20], photo[20:]])).body)
    url = server.ask("POST", "/v1/jobs", iter([photo[:20], photo[20:]])).headers["Location"]
    assert server.wait_for_end(url)["state"] == "done"
    for path in ("/v1/colorize", "/v1/jobs"):
        assert server.ask("POST", path, iter([])).status == 400  # in chunks: of none
        assert server.ask("POST", path).status == 400
    assert server.ask("POST", "/v1/colorize", iter([photo, bytes(100_000)])).status == 413


def test_gunicorn_stops_despite_open_event_streams(start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn()
    big = photo_file(LARGE)
    urls = [server.ask("POST", "/v1/jobs", big).headers["Location"] for _ in range(6)]
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as line:
        line.sendall(f"GET {urls[-1]}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert line.recv(15) == b"HTTP/1.1 200 OK"
        log = server.stop()
    assert server.process.returncode == 0
    assert "SIGKILL" not in log
    again = start_gunicorn()
    assert all(again.wait_for_end(url)["state"] == "done" for url in urls)


def test_defaults_follow_the_settings() -> None:
    code = (
        "import runpy, sys; given = runpy.run_path('deploy/gunicorn.conf.py');"
        "print(given['bind'], given['threads'], 'rechroma' in sys.modules)"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("RECHROMA_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=bare, capture_output=True, text=True, check=True
    )
    usual = {name: field.default for name, field in Settings.model_fields.items()}
    assert done.stdout.split() == [
        f"{usual['host']}:{usual['port']}",
        str(usual["threads"]),
        "False",
    ]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_forged_headers_are_ignored(start_gunicorn: StartGunicorn, header: str) -> None:
    server = start_gunicorn(RECHROMA_RATE="1/hour")
    asked = [
        server.ask("POST", "/v1/colorize", photo_file(), **{header: f"192.0.2.{number}"}).status
        for number in range(2)
    ]
    assert asked == [200, 429]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"RECHROMA_HOST": "0.0.0.0"}, "there are no API keys\nhint: Make a key with"),
        ({"RECHROMA_THREADS": ""}, "RECHROMA_THREADS"),
        ({"RECHROMA_THREADS": "0"}, "RECHROMA_THREADS"),
        ({"RECHROMA_PORT": "http"}, "RECHROMA_PORT"),
        ({"RECHROMA_WORKERS": "many"}, "RECHROMA_WORKERS"),
        ({"RECHROMA_MODEL": "nothing.onnx"}, "nothing.onnx"),
    ],
)
def test_invalid_settings_end_gunicorn_with_a_message(
    setting: dict[str, str], message: str, tmp_path: Path
) -> None:
    ours = {"RECHROMA_PORT": "0", "RECHROMA_DATA": str(tmp_path)}
    done = subprocess.run(
        image_command(),
        cwd=ROOT,
        env=os.environ | with_our_programs() | ours | setting,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
