from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from rechroma.client import AsyncClient, Client
from tests.support.models import write_model
from tests.support.service import Server

NewClient = Callable[..., Any]


class Awaited:
    """An `AsyncClient` with blocking methods, so that both clients pass the same tests."""

    def __init__(self, *words: Any, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncClient(*words, **options)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*words: Any, **options: Any) -> Any:
            begun = method(*words, **options)
            return self._runner.run(begun if inspect.iscoroutine(begun) else _collect(begun))

        return call

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


async def _collect(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`rechroma serve` with a tiny model, with default settings."""
    folder = tmp_path_factory.mktemp("server")
    model = write_model(folder / "tiny.onnx", hints=True)
    server = Server(folder / "jobs", "--model", str(model), "--workers", "1")
    yield server
    server.stop()


@pytest.fixture(params=[Client, Awaited], ids=["sync", "async"])
def new_client(request: pytest.FixtureRequest) -> Iterator[NewClient]:
    """Make a client of either kind; it is closed after the test."""
    made = []

    def new(*words: Any, **options: Any) -> Any:
        made.append(request.param(*words, **options))
        return made[-1]

    yield new
    for client in made:
        client.close()


@pytest.fixture
def client(new_client: NewClient, server: Server) -> Any:
    """A client of the server."""
    return new_client(server.url)
