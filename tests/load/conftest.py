from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.models import write_model
from tests.support.redis_and_worker import RedisServer, Worker, environment_of
from tests.support.service import Server


@dataclass
class Place:
    """A service, and its Redis if it has one."""

    server: Server
    redis: RedisServer | None = None


StartPlace = Callable[..., Place]


@pytest.fixture(params=["embedded", "shared"])
def start_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartPlace]:
    """Start a service with a tiny model, with threads or with Redis."""
    model = write_model(tmp_path / "tiny.onnx")
    with ExitStack() as ended:

        def start_server(**settings: Any) -> Server:
            server = Server(tmp_path / "data", **environment_of(settings))
            ended.callback(server.kill)
            return server

        def start(**settings: Any) -> Place:
            settings |= {"model": model, "workers": 2}
            if request.param == "embedded":
                return Place(start_server(**settings))
            redis = RedisServer(tmp_path / "redis")
            ended.callback(redis.kill)
            settings |= {"redis": redis.url, "files": tmp_path / "files"}
            worker = Worker(tmp_path / "worker.log", **environment_of(settings))
            ended.callback(worker.kill)
            return Place(start_server(**settings), redis)

        yield start
