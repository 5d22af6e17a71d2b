"""The table of jobs, and the threads that work through it, when servers die."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rechroma.errors import BusyError, StoreError
from rechroma.service import service_of
from rechroma.service.jobs import NewJob, Outcome, SqliteStore, State
from rechroma.service.schemas import Order, Problem
from tests.api.conftest import MakeApp
from tests.support.service import form, photo_file, wait_for_end

POISON = Problem(type="urn:rechroma:poison", title="Poison", status=500)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "jobs.sqlite", capacity=5)
    yield made
    made.close()


def new(job_id: str = "a", pictures: int = 1, **fields: Any) -> NewJob:
    usual: dict[str, Any] = {"owner": "", "order": Order(), "fingerprint": "f"}
    return NewJob(id=job_id, names=("",) * pictures, **(usual | fields))


def test_first_come_first_served(store: SqliteStore) -> None:
    store.add(new("a", 2))
    store.add(new("b"))
    store.remove("a")
    store.add(new("c"))
    tasks = [store.take("worker") for _ in range(3)]
    assert [task and task.job_id for task in tasks] == ["b", "c", None]


def test_the_order_comes_back(store: SqliteStore) -> None:
    order = Order.model_validate({"options": {"warmth": 0.5, "format": "webp"}, "hints": "{}"})
    store.add(new(order=order))
    task = store.take("worker")
    assert task is not None
    assert task.order == order


def test_only_who_took_it_may_finish(store: SqliteStore) -> None:
    store.add(new())
    task = store.take("one")
    assert task is not None
    assert not store.finish(task, "other", Outcome("PNG"))
    assert store.finish(task, "one", Outcome("PNG"))
    assert not store.finish(task, "one", Outcome(problem=POISON))
    job = store.find("a")
    assert job is not None
    assert (job.state, job.pictures[0].format) == (State.DONE, "PNG")


def test_dead_workers(store: SqliteStore) -> None:
    store.add(new("a", 2))
    for attempt in range(3):
        task = store.take(f"dead{attempt}")
        assert task is not None
        assert task.number == 1
        store.take_back(lambda worker: worker.startswith("dead"), 3, POISON)
    job = store.find("a")
    assert job is not None
    assert [picture.state for picture in job.pictures] == [State.FAILED, State.QUEUED]
    assert job.ended is None
    task = store.take("alive")
    assert task is not None
    store.take_back(lambda worker: worker.startswith("dead"), 3, POISON)
    assert store.take("other") is None
    store.finish(task, "alive", Outcome("PNG"))
    job = store.find("a")
    assert job is not None
    assert job.state is State.DONE
    assert job.ended is not None


def test_what_may_be_poison_is_taken_alone(store: SqliteStore) -> None:
    store.add(new("a", 3))
    for _ in range(2):
        store.take("dead")
    store.take_back(lambda _: True, 3, POISON)
    numbers = []
    while task := store.take("alive"):
        assert store.take("alive") is None or task.number == 3
        store.finish(task, "alive", Outcome("PNG"))
        numbers.append(task.number)
    assert numbers == [1, 2, 3]


def test_a_job_of_poison_alone_ends(store: SqliteStore) -> None:
    store.add(new())
    store.take("dead")
    store.take_back(lambda _: True, 1, POISON)
    job = store.find("a")
    assert job is not None
    assert (job.state, job.pictures[0].problem) == (State.FAILED, POISON)
    assert job.ended is not None


def test_capacity(store: SqliteStore) -> None:
    store.add(new("a", 4))
    with pytest.raises(BusyError):
        store.add(new("b", 2))
    assert store.find("b") is None
    store.take("worker")
    store.add(new("b", 2))


def test_many_threads_and_processes_take_each_picture_once(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    stores = [SqliteStore(path, capacity=1000) for _ in range(2)]
    for number in range(20):
        stores[0].add(new(f"job{number}", 5))
    taken: list[tuple[str, int]] = []

    def work(store: SqliteStore, name: str) -> None:
        while task := store.take(name):
            taken.append((task.job_id, task.number))
            assert store.finish(task, name, Outcome("PNG"))

    threads = [threading.Thread(target=work, args=(stores[i % 2], f"{i}")) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 100
    assert stores[1].counts() == {State.DONE: 100}
    for store in stores:
        store.close()


def test_what_is_no_table_of_jobs(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(StoreError):
        SqliteStore(tmp_path / "text", capacity=1)
    with sqlite3.connect(tmp_path / "newer") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer"):
        SqliteStore(tmp_path / "newer", capacity=1)


def test_two_servers_on_one_folder(make_app: MakeApp) -> None:
    apps = [make_app(), make_app()]
    clients = [app.test_client() for app in apps]
    urls = [
        clients[number % 2].post("/v1/jobs", **form(photo_file(), photo_file())).headers["Location"]
        for number in range(10)
    ]
    for number, url in enumerate(urls):
        job = wait_for_end(clients[(number + 1) % 2], url)
        assert job["done"] == 2
        assert clients[0].get(f"{url}/result").status_code == 200
    texts = [client.get("/metrics").get_data(as_text=True) for client in clients]
    done = 'rechroma_pictures_total{outcome="done",way="job"} '
    counted = [float(text.split(done)[1].split("\n")[0]) if done in text else 0 for text in texts]
    assert sum(counted) == 20


def test_what_a_dead_server_had_begun_is_begun_again(make_app: MakeApp) -> None:
    app = make_app(start=False)
    client = app.test_client()
    url = client.post("/v1/jobs", **form(photo_file(), photo_file())).headers["Location"]
    store = service_of(app).store
    assert isinstance(store, SqliteStore)
    store.take("a server that is dead")
    assert client.get(url).get_json()["state"] == "running"
    service_of(app).start()
    assert wait_for_end(client, url)["done"] == 2


def test_a_table_that_cannot_be_written_for_a_while(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(workers=1)
    client, store = app.test_client(), service_of(app).store
    faults = Counter({"finish": 1, "take": 2})

    def fragile(name: str) -> Any:
        usual = getattr(store, name)

        def method(*words: Any) -> Any:
            faults[name] -= 1
            if faults[name] >= 0:
                raise StoreError("the disk is full")
            return usual(*words)

        return method

    for name in list(faults):
        monkeypatch.setattr(store, name, fragile(name))
    url = client.post("/v1/jobs", **form(photo_file())).headers["Location"]
    assert wait_for_end(client, url)["state"] == "done"
    assert max(faults.values()) < 0


def test_a_table_that_cannot_be_read(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(start=False)
    client, store = app.test_client(), service_of(app).store

    def broken(*_: Any) -> Any:
        raise StoreError("/secret/jobs.sqlite: disk I/O error")

    monkeypatch.setattr(store, "counts", broken)
    assert client.get("/readyz").status_code == 503
    assert b"secret" not in client.get("/readyz").data
    assert client.get("/healthz").status_code == 200
    assert b"rechroma_requests" in client.get("/metrics").data
