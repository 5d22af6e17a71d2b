from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rechroma.service import Settings, create_app, service_of
from tests.support.models import write_model
from tests.support.service import Server
from tests.support.team import RedisServer, Worker, environment_of


class Client(FlaskClient):
    """Reads each answer to its end, so that its file is closed, unless told otherwise."""

    def open(self, *arguments: Any, buffered: bool = True, **options: Any) -> TestResponse:
        return super().open(*arguments, buffered=buffered, **options)


@dataclass
class Team:
    """A Redis, a worker, and the settings of an app that gives it jobs."""

    redis: RedisServer
    worker: Worker
    settings: dict[str, str]


MakeApp = Callable[..., APIFlask]
StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny color model file that tints everything, takes hints, and gives a distribution."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    return str(write_model(path, hints=True, bins=[[0.0, 0.0], [20.0, 30.0]]))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RECHROMA_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for all tests that do it no harm."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def shared(
    redis_server: RedisServer, model: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Team]:
    """A worker for all tests of a file, and what apps need to give it jobs."""
    folder = tmp_path_factory.mktemp("team")
    settings = {"redis": redis_server.url, "files": str(folder / "files"), "model": model}
    worker = Worker(folder / "worker.log", "--workers", "2", **environment_of(settings))
    yield Team(redis_server, worker, settings)
    assert worker.stop() == 0
    assert "Traceback" not in worker.told


@pytest.fixture
def kind() -> str:
    """Who does the jobs; see `both`."""
    return "embedded"


both = pytest.mark.parametrize("kind", ["embedded", "shared"])
"""A test with the server's own threads, and once more with Redis and Celery."""


@pytest.fixture
def team(kind: str, request: pytest.FixtureRequest) -> Iterator[Team | None]:
    """Redis and a worker that know of no jobs, where the test is of them."""
    if kind == "embedded":
        yield None
        return
    made: Team = request.getfixturevalue("shared")
    with made.redis.client() as client:
        client.flushdb()
    for path in folder_of(made).iterdir():
        shutil.rmtree(path)
    yield made
    made.worker.go_on()


@pytest.fixture
def folder(team: Team | None, tmp_path: Path) -> Path:
    """Where pictures and results lie."""
    return folder_of(team) if team else tmp_path / "service" / "jobs"


def folder_of(team: Team) -> Path:
    """Where pictures and results of a team lie."""
    return Path(team.settings["files"]) / "rechroma-jobs"


@contextmanager
def running_app(
    *, start: bool = True, team: Team | None = None, **settings: Any
) -> Iterator[APIFlask]:
    """An app that is stopped in the end; its jobs begin unless `start` is false."""
    app = create_app(Settings(**({"workers": 2, "isolate": False} | settings)))
    app.test_client_class = Client
    service = service_of(app)
    if start:
        service.start()
    elif team:
        team.worker.pause()
    yield app
    service.close()


def begin(app: APIFlask, team: Team | None) -> None:
    """Let the jobs of an app begin that was made with `start=False`."""
    service_of(app).start()
    if team:
        team.worker.go_on()


@pytest.fixture
def make_app(tmp_path: Path, model: str, team: Team | None) -> Iterator[MakeApp]:
    """Make an app with a tiny model; what can be said is as for :func:`running_app`."""
    with ExitStack() as apps:

        def make(**settings: Any) -> APIFlask:
            usual: dict[str, Any] = {"data": tmp_path / "service", "model": model}
            usual |= {"team": team, **(team.settings if team else {})}
            return apps.enter_context(running_app(**(usual | settings)))

        yield make


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    """A client of a usual app."""
    return make_app().test_client()


@pytest.fixture
def start_server(tmp_path: Path, model: str) -> Iterator[StartServer]:
    """Start `rechroma serve` with a tiny model."""
    servers = []

    def start(*words: str, **environment: str) -> Server:
        server = Server(tmp_path / "service", "--model", model, *words, **environment)
        servers.append(server)
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()
