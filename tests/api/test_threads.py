"""Jobs of the embedded mode: the store in SQLite, and the runner in threads."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rechroma.errors import TargetError
from rechroma.service import service_of
from rechroma.service.errors import StoreError
from rechroma.service.inference.predictor import Predictor
from rechroma.service.jobs import JobState, LocalFileStore, SqliteStore, TaskResult
from tests.api.conftest import MakeApp
from tests.api.test_job_stores import POISON, new
from tests.api.test_jobs import URL, submit
from tests.support.disk import room_for
from tests.support.service import (
    RESULT_INFO,
    assert_problem,
    figures,
    form,
    photo_file,
    wait_for_end,
)


def test_take_runs_images_of_a_dead_server_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "jobs.sqlite", capacity=5)
    store.add(new("a", 3))
    for _ in range(2):
        store.take("dead")
    store.requeue_dead(lambda _: True, 3, POISON)
    numbers = []
    while task := store.take("alive"):
        assert store.take("alive") is None or task.number == 3
        store.finish(task.job_id, task.number, "alive", TaskResult(RESULT_INFO))
        numbers.append(task.number)
    assert numbers == [1, 2, 3]
    store.close()


def test_requeue_dead_queues_images_until_their_attempts_are_used_up(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "jobs.sqlite", capacity=5)
    store.add(new("a", 2))
    for attempt in range(3):
        task = store.take(f"dead{attempt}")
        assert task is not None
        assert task.number == 1
        store.requeue_dead(lambda worker: worker.startswith("dead"), 3, POISON)
    job = store.get("a")
    assert job is not None
    assert [image.state for image in job.images] == [JobState.FAILED, JobState.QUEUED]
    assert job.ended is None
    task = store.take("alive")
    assert task is not None
    store.requeue_dead(lambda worker: worker.startswith("dead"), 3, POISON)
    assert store.take("other") is None
    store.finish(task.job_id, task.number, "alive", TaskResult(RESULT_INFO))
    job = store.get("a")
    assert job is not None
    assert job.state is JobState.DONE
    assert job.ended is not None
    store.close()


def test_requeue_dead_ends_a_job_of_poison_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "jobs.sqlite", capacity=5)
    store.add(new())
    store.take("dead")
    store.requeue_dead(lambda _: True, 1, POISON)
    job = store.get("a")
    assert job is not None
    assert (job.state, job.images[0].problem) == (JobState.FAILED, POISON)
    assert job.ended is not None
    store.close()


def test_sqlite_store_rejects_other_files(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(StoreError):
        SqliteStore(tmp_path / "text", capacity=1)
    with sqlite3.connect(tmp_path / "another") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="another version"):
        SqliteStore(tmp_path / "another", capacity=1)


def test_sqlite_store_survives_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    store = SqliteStore(path, capacity=100)
    log = path.with_name("jobs.sqlite-wal")
    with room_for(log.stat().st_size), pytest.raises((StoreError, TargetError)):
        store.add(new("a"))
    assert store.get("a") is None
    assert store.add(new("a")).id == "a"
    store.close()
    store = SqliteStore(path, capacity=100)
    assert store.get("a")
    store.close()


def open_to_others(folder: Path) -> set[str]:
    """List the files in a folder that other users can read."""
    open_ = [path for path in folder.iterdir() if path.stat().st_mode & 0o077]
    inside = (open_to_others(path) for path in open_ if path.is_dir())
    return {path.name for path in open_ if path.is_file()}.union(*inside)


@pytest.mark.parametrize("files", ["", "shared"])
def test_files_are_private_even_in_open_folders(
    make_app: MakeApp, tmp_path: Path, files: str
) -> None:
    for name in ("service", "service/jobs", "shared", "shared/rechroma-jobs"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    before = SqliteStore(tmp_path / "service" / "jobs.sqlite", capacity=5)
    before.add(new())
    for path in (tmp_path / "service").glob("jobs.sqlite*"):
        path.chmod(0o644)
    client = make_app(files=files and str(tmp_path / files)).test_client()
    wait_for_end(client, submit(client, photo_file()))
    assert (tmp_path / "service" / "jobs.sqlite-wal").exists()
    assert open_to_others(tmp_path) == set()
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o755
    before.close()


def test_runner_shares_jobs_with_another_server(make_app: MakeApp) -> None:
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
    name = "rechroma_images_total/done/job"
    assert sum(figures(text).get(name, 0) for text in texts) == 20


def test_runner_restarts_images_of_a_dead_server(make_app: MakeApp) -> None:
    app = make_app(start=False)
    client = app.test_client()
    url = client.post("/v1/jobs", **form(photo_file(), photo_file())).headers["Location"]
    store = service_of(app).store
    assert isinstance(store, SqliteStore)
    store.take("a server that is dead")
    assert client.get(url).get_json()["state"] == "running"
    service_of(app).start()
    assert wait_for_end(client, url)["done"] == 2


def test_runner_retries_while_the_store_cannot_be_written(
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


def test_runner_fails_images_with_too_many_pixels(make_app: MakeApp) -> None:
    client = make_app(job_pixels=2000).test_client()
    job = wait_for_end(client, submit(client, photo_file((60, 40))))
    assert job["problem"]["status"] == 413


def test_submit_and_jobs_report_a_full_disk(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_app().test_client()
    url = submit(client, photo_file())
    wait_for_end(client, url)

    def full(*_: Any, **__: Any) -> None:
        raise TargetError("/secret/path: no space") from OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LocalFileStore, "put_source", full)
        problem = assert_problem(client.post(URL, **form(photo_file())), 507)
        assert problem["detail"] == "The disk of the service is full."
    with monkeypatch.context() as patch:
        patch.setattr(LocalFileStore, "put_result", full)
        job = wait_for_end(client, submit(client, photo_file()))
        assert job["problem"]["status"] == 507
    assert wait_for_end(client, submit(client, photo_file()))["state"] == "done"


def test_runner_fails_only_the_image_of_an_unexpected_error(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    client, usual = app.test_client(), Predictor.colorize

    def fragile(predictor: Predictor, source: Path, *words: Any, **options: Any) -> Any:
        if options["name"] == "poison.png":
            raise ZeroDivisionError("secret")
        return usual(predictor, source, *words, **options)

    monkeypatch.setattr(Predictor, "colorize", fragile)
    job = wait_for_end(client, submit(client, photo_file(), ("poison.png", photo_file())))
    assert (job["state"], job["done"], job["failed"]) == ("done", 1, 1)
    assert job["images"][1]["problem"]["status"] == 500
    assert "secret" not in str(job)


def test_runner_deletes_the_upload_of_an_image_without_attempts(
    make_app: MakeApp, folder: Path
) -> None:
    app = make_app(start=False, attempts=1)
    client, service = app.test_client(), service_of(app)
    url = submit(client, photo_file())
    assert isinstance(service.store, SqliteStore)
    assert service.store.take("a server that is dead")
    assert len(list(folder.rglob("*.source"))) == 1
    service.start()
    assert wait_for_end(client, url)["problem"]["type"] == "urn:rechroma:poison-image"
    assert list(folder.rglob("*.source")) == []


def test_runner_releases_its_lock_if_it_cannot_start(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = make_app(start=False)

    def broken(*_: Any) -> Any:
        raise StoreError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(service_of(app).store, "requeue_dead", broken)
        with pytest.raises(StoreError):
            service_of(app).start()
    assert list((tmp_path / "service" / "servers").iterdir()) == []
    service_of(app).start()
    client = app.test_client()
    assert wait_for_end(client, submit(client, photo_file()))["state"] == "done"


def test_idle_runner_looks_for_images_once_per_job(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechroma.service.jobs.threads._POLL_INTERVAL", 3600.0)
    app = make_app(workers=1)
    client, store, looks = app.test_client(), service_of(app).store, 0
    assert isinstance(store, SqliteStore)
    usual = store.take

    def take(worker: str) -> Any:
        nonlocal looks
        looks += 1
        return usual(worker)

    monkeypatch.setattr(store, "take", take)
    wait_for_end(client, submit(client, *[photo_file()] * 20))
    wait_for_end(client, submit(client, photo_file()))
    assert looks <= 24  # each image once, and once in vain after each job
