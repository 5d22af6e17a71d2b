"""The worker of the distributed mode, within this process: time limits and uploads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from rechroma.service import Settings
from rechroma.service.errors import StoreError
from rechroma.service.inference import fault_policy
from rechroma.service.inference.predictor import Predictor
from rechroma.service.jobs import JobState, LocalFileStore
from rechroma.service.jobs import worker as worker_module
from rechroma.service.jobs.redis import RedisStore
from rechroma.service.jobs.worker import Worker
from tests.api.test_job_stores import POISON, new
from tests.support.redis_and_worker import RedisServer
from tests.support.service import photo_file


@pytest.fixture
def files(tmp_path: Path) -> LocalFileStore:
    files = LocalFileStore(tmp_path / "files")
    files.put_source("a", 1, BytesIO(photo_file()))
    return files


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisStore]:
    """An empty store with one job of one image."""
    with redis_server.client(database=1) as client:
        client.flushdb()
    store = RedisStore(f"{redis_server.url[:-1]}1", capacity=5)
    store.add(new("a"))
    yield store
    store.close()


@pytest.fixture
def worker(
    store: RedisStore, files: LocalFileStore, model: str, monkeypatch: pytest.MonkeyPatch
) -> Worker:
    monkeypatch.setattr(worker_module, "_RETRY_DELAY", 0.01)
    worker = Worker(Settings(model=model, seconds=1, attempts=1))
    worker._store, worker._files = store, files
    worker._predictor = Predictor(worker._settings)
    return worker


def state(store: RedisStore) -> JobState:
    job = store.get("a")
    assert job is not None
    return job.state


def failing(call: Callable[..., Any], until: Callable[[], bool]) -> Callable[..., Any]:
    """Wrap a method of the store so that it fails until a condition holds."""

    def method(*arguments: Any, **options: Any) -> Any:
        if until():
            return call(*arguments, **options)
        raise StoreError("Redis does not answer")

    return method


def test_waiting_for_redis_does_not_count_against_the_time_limit(
    worker: Worker, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = time.monotonic() + 1.2
    monkeypatch.setattr(store, "begin", failing(store.begin, lambda: time.monotonic() > ready))
    worker.colorize("a", 1, "message")
    assert state(store) is JobState.DONE


def test_result_is_recorded_however_late_redis_is_back(
    worker: Worker, store: RedisStore, files: LocalFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_policy, "GRACE_SECONDS", 0.1)
    back = time.monotonic() + 2
    monkeypatch.setattr(store, "finish", failing(store.finish, lambda: time.monotonic() > back))
    worker.colorize("a", 1, "message")
    assert state(store) is JobState.DONE
    assert not files.get_source("a", 1).exists()


def test_image_that_exceeds_the_time_limit_fails(
    worker: Worker, store: RedisStore, files: LocalFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: Any, **__: Any) -> None:
        while True:
            with suppress(ValueError):
                time.sleep(60)

    monkeypatch.setattr(Predictor, "colorize", endless)
    worker.colorize("a", 1, "message")
    job = store.get("a")
    assert job is not None
    assert job.images[0].problem is not None
    assert job.images[0].problem.type == "urn:rechroma:processing-timeout"
    assert not files.get_source("a", 1).exists()


def test_upload_of_an_image_without_attempts_is_deleted(
    worker: Worker, store: RedisStore, files: LocalFileStore
) -> None:
    assert store.begin("a", 1, "message", "of a process that died", attempts=1, poison=POISON)
    worker.colorize("a", 1, "message")
    assert state(store) is JobState.FAILED
    assert not files.get_source("a", 1).exists()


def test_upload_of_an_image_that_runs_elsewhere_is_kept(
    worker: Worker, store: RedisStore, files: LocalFileStore
) -> None:
    store.begin("a", 1, "another message", "delivery", attempts=1, poison=POISON)
    worker.colorize("a", 1, "message")
    assert files.get_source("a", 1).exists()
    store.delete("a")
    worker.colorize("a", 1, "message")
    assert not files.get_source("a", 1).exists()
