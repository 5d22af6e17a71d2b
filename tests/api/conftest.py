from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rechroma.service import Settings, create_app, service_of
from tests.support.models import write_model
from tests.support.redis_and_worker import RedisServer, Worker, environment_of
from tests.support.service import Server


class Client(FlaskClient):
    """Test client that reads each response to its end by default, so that its file is closed."""

    def open(self, *arguments: Any, buffered: bool = True, **options: Any) -> TestResponse:
        return super().open(*arguments, buffered=buffered, **options)


@dataclass
class SharedJobs:
    """A Redis, a worker, and the settings of an app that uses them."""

    redis: RedisServer
    worker: Worker
    settings: dict[str, str]


MakeApp = Callable[..., APIFlask]
StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny model file that tints everything, supports hints, and has a distribution."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    return str(write_model(path, hints=True, bins=[[0.0, 0.0], [20.0, 30.0]]))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RECHROMA_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for all tests that leave it running."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def shared(
    redis_server: RedisServer, model: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedJobs]:
    """A worker for all tests of a module, and the settings of its apps."""
    folder = tmp_path_factory.mktemp("team")
    settings = {"redis": redis_server.url, "files": str(folder / "files"), "model": model}
    worker = Worker(folder / "worker.log", "--workers", "2", **environment_of(settings))
    yield SharedJobs(redis_server, worker, settings)
    assert worker.stop() == 0
    assert "Traceback" not in worker.log


@pytest.fixture
def kind() -> str:
    """The mode of the service, embedded or distributed; see `both`."""
    return "embedded"


both = pytest.mark.parametrize("kind", ["embedded", "shared"])
"""Runs a test with the threads of the server, and again with Redis and Celery."""


@pytest.fixture
def team(kind: str, request: pytest.FixtureRequest) -> Iterator[SharedJobs | None]:
    """Redis and a worker without jobs, if the test uses them."""
    if kind == "embedded":
        yield None
        return
    made: SharedJobs = request.getfixturevalue("shared")
    with made.redis.client() as client:
        client.flushdb()
    for path in folder_of(made).iterdir():
        with suppress(FileNotFoundError):  # the worker of the last test may delete it, too
            shutil.rmtree(path)
    yield made
    made.worker.go_on()


@pytest.fixture
def folder(team: SharedJobs | None, tmp_path: Path) -> Path:
    """The folder of images and results."""
    return folder_of(team) if team else tmp_path / "service" / "jobs"


def folder_of(team: SharedJobs) -> Path:
    """Return the folder of images and results."""
    return Path(team.settings["files"]) / "rechroma-jobs"


@contextmanager
def running_app(
    *, start: bool = True, team: SharedJobs | None = None, **settings: Any
) -> Iterator[APIFlask]:
    """Make an app and close it afterwards; its jobs start unless `start` is false."""
    app = create_app(Settings(**({"workers": 2, "isolate": False} | settings)))
    app.test_client_class = Client
    service = service_of(app)
    if start:
        service.start()
    elif team:
        team.worker.pause()
    yield app
    service.close()


def begin(app: APIFlask, team: SharedJobs | None) -> None:
    """Start the jobs of an app that was made with `start=False`."""
    service_of(app).start()
    if team:
        team.worker.go_on()


@pytest.fixture
def make_app(tmp_path: Path, model: str, team: SharedJobs | None) -> Iterator[MakeApp]:
    """Make apps with a tiny model; the arguments are those of :func:`running_app`."""
    with ExitStack() as apps:

        def make(**settings: Any) -> APIFlask:
            usual: dict[str, Any] = {"data": tmp_path / "service", "model": model}
            usual |= {"team": team, **(team.settings if team else {})}
            return apps.enter_context(running_app(**(usual | settings)))

        yield make


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    """A client of an app with default settings."""
    return make_app().test_client()


@pytest.fixture
def start_server(tmp_path: Path, model: str) -> Iterator[StartServer]:
    """Start servers with a tiny model."""
    servers = []

    def start(*words: str, **environment: str) -> Server:
        server = Server(tmp_path / "service", "--model", model, *words, **environment)
        servers.append(server)
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()
