from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.models import write_model
from tests.support.service import PATIENCE, Server

ROOT = Path(__file__).parents[2]
StartGunicorn = Callable[..., "Gunicorn"]


def image_command() -> list[str]:
    """What the image runs: the very words of the Dockerfile."""
    (words,) = re.findall(r"^CMD (\[.*\])$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    return list(json.loads(words))


def free_port() -> int:
    """A port of this computer that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait, but not for ever."""
    limit = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.05)


class Gunicorn(Server):
    """The command of the image as a process of its own, in the root of the repository."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self.url = f"http://{self.host}:{self.port}"
        ours = {
            "RECHROMA_HOST": self.host,
            "RECHROMA_PORT": str(self.port),
            "RECHROMA_DATA": str(data),
            "RECHROMA_THREADS": "8",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        self.process = subprocess.Popen(
            image_command(),
            cwd=ROOT,
            env=os.environ | ours | environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(self._answers)

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.process.communicate()[1])
        try:
            return self.ask("GET", "/healthz").status == 200
        except OSError:
            return False


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny colour model file."""
    return str(write_model(tmp_path_factory.mktemp("model") / "tiny.onnx", hints=True))


@pytest.fixture
def start_gunicorn(tmp_path: Path, model: str) -> Iterator[StartGunicorn]:
    """Start the image's command with a tiny model."""
    servers = []

    def start(**environment: str) -> Gunicorn:
        usual = {"RECHROMA_MODEL": model, "RECHROMA_WORKERS": "1"}
        servers.append(Gunicorn(tmp_path / "service", **(usual | environment)))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()
