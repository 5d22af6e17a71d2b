"""Job stores, in SQLite and in Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from rechroma.service import service_of
from rechroma.service.errors import OverloadedError, StoreError
from rechroma.service.jobs import ImageTask, JobState, NewJob, SqliteStore, TaskResult
from rechroma.service.jobs.redis import PREFIX, RedisStore, read_scripts
from rechroma.service.schemas import ColorizeRequest, Problem
from tests.api.conftest import MakeApp, both
from tests.support.redis_and_worker import RedisServer
from tests.support.service import RESULT_INFO

POISON = Problem(type="urn:rechroma:poison", title="Poison", status=500)
CLOCK = "return time[1] +"  # of Redis

pytestmark = both


class TakingStore(RedisStore):
    """A store in Redis whose images are taken without messages."""

    def __init__(self, url: str, capacity: int) -> None:
        super().__init__(url, capacity)
        self._own = redis.Redis.from_url(url, decode_responses=True)

    def take(self, worker: str) -> ImageTask | None:
        """Start a queued image, if any."""
        while waiting := self._own.execute_command("ZRANGE", f"{PREFIX}queued", 0, -1):
            for member in waiting:
                job_id, _, number = member.rpartition("/")
                if task := self.begin(
                    *(job_id, int(number), worker, worker), attempts=1, poison=POISON
                ):
                    return task
        return None

    def close(self) -> None:
        self._own.close()
        super().close()


TaskStore = SqliteStore | TakingStore
MakeStore = Callable[..., TaskStore]


@pytest.fixture
def make_store(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeStore]:
    """Open the same job store each time."""
    with ExitStack() as stores:

        def make(capacity: int) -> TaskStore:
            made = _make(capacity)
            stores.callback(made.close)
            return made

        def _make(capacity: int) -> TaskStore:
            if kind == "embedded":
                return SqliteStore(tmp_path / "jobs.sqlite", capacity)
            return TakingStore(request.getfixturevalue("empty_redis"), capacity)

        yield make


@pytest.fixture
def empty_redis(redis_server: RedisServer) -> str:
    """The address of an empty database."""
    with redis_server.client(database=1) as client:
        client.flushdb()
    return f"{redis_server.url[:-1]}1"


@pytest.fixture
def store(make_store: MakeStore) -> TaskStore:
    return make_store(5)


def new(job_id: str = "a", images: int = 1, **fields: Any) -> NewJob:
    usual: dict[str, Any] = {"owner": "", "request": ColorizeRequest(), "fingerprint": "f"}
    usual["names"] = ("",) * images
    return NewJob(id=job_id, **(usual | fields))


def test_take_returns_images_in_order_of_submission(store: TaskStore) -> None:
    store.add(new("a", 2))
    store.add(new("b"))
    store.delete("a")
    store.add(new("c"))
    tasks = [store.take("worker") for _ in range(3)]
    assert [task and task.job_id for task in tasks] == ["b", "c", None]


def test_take_returns_the_submitted_request(store: TaskStore) -> None:
    order = ColorizeRequest.model_validate(
        {"options": {"warmth": 0.5, "format": "webp"}, "hints": "{}"}
    )
    store.add(new(request=order))
    task = store.take("worker")
    assert task is not None
    assert task.request == order


def test_finish_rejects_other_workers(store: TaskStore) -> None:
    store.add(new())
    task = store.take("one")
    assert task is not None
    assert not store.finish(task.job_id, task.number, "other", TaskResult(RESULT_INFO))
    assert store.finish(task.job_id, task.number, "one", TaskResult(RESULT_INFO))
    assert not store.finish(task.job_id, task.number, "one", TaskResult(problem=POISON))
    job = store.get("a")
    assert job is not None
    assert (job.state, job.images[0].format) == (JobState.DONE, "PNG")


def test_add_refuses_images_beyond_the_capacity(store: TaskStore) -> None:
    store.add(new("a", 4))
    with pytest.raises(OverloadedError):
        store.add(new("b", 2))
    assert store.get("b") is None
    store.take("worker")
    store.add(new("b", 2))


def test_take_gives_each_image_to_one_worker(make_store: MakeStore) -> None:
    stores = [make_store(1000) for _ in range(2)]
    for number in range(20):
        stores[0].add(new(f"job{number}", 5))
    taken: list[tuple[str, int]] = []

    def work(store: TaskStore, name: str) -> None:
        while task := store.take(name):
            taken.append((task.job_id, task.number))
            assert store.finish(task.job_id, task.number, name, TaskResult(RESULT_INFO))

    threads = [threading.Thread(target=work, args=(stores[i % 2], f"{i}")) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 100
    assert stores[1].counts() == {JobState.DONE: 100}


def test_readyz_fails_while_the_store_cannot_be_read(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(start=False)
    client, store = app.test_client(), service_of(app).store

    def broken(*_: Any) -> Any:
        raise StoreError("/secret/jobs.sqlite: disk I/O error")

    monkeypatch.setattr(store, "counts", broken)
    assert client.get("/readyz").status_code == 503
    assert b"secret" not in client.get("/readyz").data
    assert client.get("/healthz").status_code == 200
    assert b"rechroma_requests" in client.get("/metrics").data


def test_add_returns_the_earlier_job_of_an_idempotency_key(store: TaskStore) -> None:
    first = store.add(new("a", owner="one", idempotency_key="key"))
    assert store.add(new("b", owner="one", idempotency_key="key")) == first
    assert store.add(new("c", owner="other", idempotency_key="key")).id == "c"
    assert store.add(new("d", owner="one")).id == "d"
    assert store.get("b") is None
    store.delete("a")
    assert store.add(new("b", owner="one", idempotency_key="key")).id == "b"
    assert store.counts() == {JobState.QUEUED: 3}


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clocks of SQLite stores, and of stores opened later, forward by hours."""
    usual = time.time

    def put(hours: float) -> None:
        monkeypatch.setattr(time, "time", lambda: usual() + hours * 3600)
        texts = {name: text.replace(CLOCK, f"{CLOCK} {hours * 3600} +") for name, text in ours}
        monkeypatch.setattr("rechroma.service.jobs.redis.read_scripts", lambda: texts)

    ours = read_scripts().items()
    assert all(CLOCK in text for _, text in ours)
    return put


def finish(store: TaskStore, task: ImageTask | None) -> None:
    assert task is not None
    assert store.finish(task.job_id, task.number, "worker", TaskResult(RESULT_INFO))


@pytest.mark.parametrize("hours", [5.0, -5.0])
def test_expire_survives_jumps_of_the_clock(
    make_store: MakeStore, set_clock: Callable[[float], None], hours: float
) -> None:
    day = 86_400
    store = make_store(5)
    for name in "abc":
        store.add(new(name))
    tasks = [store.take("worker") for _ in range(2)]
    finish(store, tasks[0])
    set_clock(hours)
    store = make_store(5)
    assert store.expire(day) == []
    finish(store, tasks[1])
    finish(store, store.take("worker"))
    assert store.expire(day) == []
    assert store.counts() == {JobState.DONE: 3}
    set_clock(max(hours, 0) + 24.1)
    assert set(make_store(5).expire(day)) == set("abc")


def test_id_prefix_is_unique_to_the_store(make_store: MakeStore, tmp_path: Path) -> None:
    stores = [make_store(5) for _ in range(2)]
    other = SqliteStore(tmp_path / "other.sqlite", 5)
    assert stores[0].id_prefix() == stores[1].id_prefix() != other.id_prefix()
    assert len(stores[0].id_prefix()) > 10
    other.close()


def test_expire_forgets_the_names_of_images(store: TaskStore) -> None:
    store.add(new("a", 2, names=("grandma", "grandpa")))
    store.add(new("b"))
    while task := store.take("worker"):
        if task.job_id == "a":
            store.finish(task.job_id, task.number, "worker", TaskResult(RESULT_INFO))
    assert store.expire(60) == []
    assert store.expire(0) == ["a"]
    assert store.expire(60) == []
    job = store.get("a")
    assert job is not None
    assert (job.state, [image.name for image in job.images]) == (JobState.EXPIRED, ["", ""])
    store.expire(0)
    assert store.get("a") is None
    assert store.counts() == {JobState.RUNNING: 1}
