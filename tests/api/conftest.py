from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rechroma.service import Settings, create_app, service_of
from tests.support.models import write_model
from tests.support.service import Server


class Client(FlaskClient):
    """Reads each answer to its end, so that its file is closed, unless told otherwise."""

    def open(self, *arguments: Any, buffered: bool = True, **options: Any) -> TestResponse:
        return super().open(*arguments, buffered=buffered, **options)


MakeApp = Callable[..., APIFlask]
StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny colour model file that tints everything, and takes hints."""
    return str(write_model(tmp_path_factory.mktemp("model") / "tiny.onnx", hints=True))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RECHROMA_"):
            monkeypatch.delenv(name)


@contextmanager
def running_app(*, start: bool = True, **settings: Any) -> Iterator[APIFlask]:
    """An app that is stopped in the end; its jobs begin unless `start` is false."""
    app = create_app(Settings(**({"workers": 2, "isolate": False} | settings)))
    app.test_client_class = Client
    service = service_of(app)
    if start:
        service.start()
    yield app
    service.close()


@pytest.fixture
def make_app(tmp_path: Path, model: str) -> Iterator[MakeApp]:
    """Make an app with a tiny model; what can be said is as for :func:`running_app`."""
    with ExitStack() as apps:

        def make(**settings: Any) -> APIFlask:
            usual: dict[str, Any] = {"data": tmp_path / "service", "model": model}
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
