"""Fault tolerance of jobs with Redis and Celery: each image ends exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from rechroma.errors import MissingExtraError
from rechroma.service import create_app, read_settings, service_of
from rechroma.service.jobs.celery import CeleryRunner, make_celery, send
from tests.api.conftest import MakeApp, SharedJobs, StartServer, begin, both, running_app
from tests.api.test_disk_full import assert_result_without_room_fails
from tests.support.redis_and_worker import PASSWORD, RedisServer, Worker, environment_of
from tests.support.service import (
    PATIENCE,
    assert_problem,
    form,
    opened,
    photo_file,
    wait_for_end,
    wait_until,
)

URL = "/v1/jobs"
LONG = ("long.png", photo_file())  # takes long enough to be observed while it runs

StartWorker = Callable[..., Worker]


@pytest.fixture
def redis_at_risk(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for this test alone, which can be killed."""
    server = RedisServer(tmp_path / "redis")
    yield server
    server.kill()


@pytest.fixture
def settings(redis_at_risk: RedisServer, tmp_path: Path, model: str) -> dict[str, Any]:
    """The settings that servers and workers share."""
    folders = {"data": str(tmp_path / "data"), "files": str(tmp_path / "files"), "model": model}
    return folders | {"redis": redis_at_risk.url, "rate": "1000/minute"}


@pytest.fixture
def client(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A client of a server with a short timeout for Redis."""
    monkeypatch.setattr("rechroma.service.jobs.redis.TIMEOUT", 1.0)
    with running_app(**settings) as app:
        yield app.test_client()


@pytest.fixture
def start_worker(settings: dict[str, Any], tmp_path: Path) -> Iterator[StartWorker]:
    """Start workers with two processes, which fail as the names of images say."""
    with ExitStack() as workers:

        def start(*words: str, **more: str) -> Worker:
            number = len(list(tmp_path.glob("*.log")))
            made = Worker(
                tmp_path / f"{number}.log",
                *("--workers", "2", *words),
                program="tests.support.faulty_worker",
                **(environment_of(settings) | more),
            )
            workers.callback(made.kill)
            return made

        yield start
    log = "".join(path.read_text("utf-8") for path in tmp_path.glob("*.log"))
    assert PASSWORD not in log


def submit(client: FlaskClient, *images: bytes | tuple[str, bytes]) -> str:
    answer = client.post(URL, **form(*images))
    assert answer.status_code == 202, answer.get_data()
    return str(answer.headers["Location"])


def running(client: FlaskClient, *urls: str) -> int:
    """Count the images that are running."""
    images = [image for url in urls for image in client.get(url).get_json()["images"]]
    return sum(image["state"] == "running" for image in images)


def start_running(
    client: FlaskClient, start_worker: StartWorker, **more: str
) -> tuple[Worker, list[str]]:
    """Start a worker with two jobs of three images, and wait until it runs one of each."""
    worker = start_worker(**more)
    urls = [submit(client, LONG, LONG, photo_file()) for _ in range(2)]
    wait_until(lambda: running(client, *urls) == 2, "no image was started")
    return worker, urls


def attempts(server: RedisServer) -> list[int]:
    """Return the number of attempts of each image."""
    with server.client() as redis:
        jobs = [redis.hgetall(key) for key in redis.keys("rechroma:job:*")]
    return [int(job[key]) for job in jobs for key in job if key.startswith("attempts:")]


def assert_done(client: FlaskClient, urls: list[str], images: int) -> None:
    """Assert that all jobs end, with all their images done and results stored."""
    for url in urls:
        job = wait_for_end(client, url)
        assert (job["state"], job["done"], job["failed"]) == ("done", images, 0), job
        assert client.get(f"{url}/result").status_code == 200
    counts = service_of(client.application).store.counts()
    assert counts == {"done": images * len(urls)}


@pytest.mark.parametrize("whole", [True, False], ids=["whole worker", "one process"])
def test_images_survive_a_killed_worker(
    client: FlaskClient, start_worker: StartWorker, redis_at_risk: RedisServer, whole: bool
) -> None:
    worker, urls = start_running(client, start_worker, RECHROMA_SECONDS="10")
    if whole:
        worker.kill()
        start_worker(RECHROMA_SECONDS="10")
    else:
        os.kill(worker.children()[0], signal.SIGKILL)
    assert_done(client, urls, 3)
    assert 6 < sum(attempts(redis_at_risk)) <= 6 + (2 if whole else 1)


def test_worker_replaces_a_process_that_cannot_start(
    client: FlaskClient, start_worker: StartWorker, tmp_path: Path
) -> None:
    (tmp_path / "fault").touch()
    start_worker("--workers", "1", FAULT=str(tmp_path / "fault"))
    assert_done(client, [submit(client, photo_file())], 1)
    assert not (tmp_path / "fault").exists()


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "stopped"])
def test_images_survive_an_outage_of_redis(
    client: FlaskClient, start_worker: StartWorker, redis_at_risk: RedisServer, killed: bool
) -> None:
    worker, urls = start_running(client, start_worker)
    if killed:
        redis_at_risk.kill()
    else:
        redis_at_risk.pause()
    for answer in (client.get(urls[0]), client.post(URL, data=photo_file()), client.get("/readyz")):
        problem = assert_problem(answer, 503)
        assert PASSWORD not in str(problem)
        assert "detail" not in problem
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/healthz").status_code == 200
    assert client.post("/v1/colorize", data=photo_file()).status_code == 200
    if killed:
        redis_at_risk.start()
    else:
        redis_at_risk.go_on()
    urls.append(submit(client, LONG, LONG, photo_file()))
    assert_done(client, urls, 3)
    assert worker.stop() == 0


@pytest.mark.parametrize("moment", ["add", "get"])
def test_submit_is_idempotent_when_redis_hangs(
    client: FlaskClient,
    start_worker: StartWorker,
    redis_at_risk: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    start_worker()
    first = submit(client, photo_file())  # so that Redis knows the script
    wait_for_end(client, first)
    store, data, key = service_of(client.application).store, photo_file(level=90), "once"
    usual = getattr(store, moment)

    def stalled(*words: Any) -> Any:
        redis_at_risk.pause()
        return usual(*words)

    with monkeypatch.context() as patch:
        patch.setattr(store, moment, stalled)
        assert_problem(client.post(URL, data=data, headers={"Idempotency-Key": key}), 503)
    redis_at_risk.go_on()
    url = client.post(URL, data=data, headers={"Idempotency-Key": key}).headers["Location"]
    assert_done(client, [first, url], 1)
    result, direct = client.get(f"{url}/result"), client.post("/v1/colorize", data=data)
    assert opened(result.data).tobytes() == opened(direct.data).tobytes()


def test_worker_fails_images_on_a_full_disk(
    client: FlaskClient, start_worker: StartWorker, settings: dict[str, Any]
) -> None:
    assert_result_without_room_fails(client, Path(settings["files"]), start_worker)


def test_worker_fails_a_poison_image_alone(client: FlaskClient, start_worker: StartWorker) -> None:
    start_worker(RECHROMA_ATTEMPTS="2")
    poisoned = submit(client, LONG, ("poison.png", photo_file()), photo_file())
    other = submit(client, LONG, photo_file())
    job = wait_for_end(client, poisoned)
    assert [image["state"] for image in job["images"]] == ["done", "failed", "done"]
    assert job["images"][1]["problem"]["type"] == "urn:rechroma:poison-image"
    assert wait_for_end(client, other)["done"] == 2


def test_worker_fails_slow_images_alone(client: FlaskClient, start_worker: StartWorker) -> None:
    start_worker(RECHROMA_SECONDS="5")  # "fine" needs less, even on a busy machine
    names = ("slow.png", "stuck.png", "fine.png")
    job = wait_for_end(client, submit(client, *((name, photo_file()) for name in names)))
    assert [image["state"] for image in job["images"]] == ["failed", "failed", "done"]
    kinds = {image["problem"]["type"] for image in job["images"][:2]}
    assert kinds == {"urn:rechroma:processing-timeout"}


def test_jobs_survive_a_killed_server(
    settings: dict[str, Any], start_worker: StartWorker, start_server: StartServer
) -> None:
    start_worker()
    servers = [start_server(**environment_of(settings)) for _ in range(2)]
    answer = servers[0].ask("POST", URL, photo_file())
    url = answer.headers["Location"]
    servers[0].kill()
    assert servers[1].wait_for_end(url)["state"] == "done"
    assert servers[1].ask("GET", f"{url}/result").status == 200
    assert servers[1].stop() == ""


def test_worker_ignores_duplicate_messages(
    client: FlaskClient,
    settings: dict[str, Any],
    start_worker: StartWorker,
    redis_at_risk: RedisServer,
) -> None:
    urls = [submit(client, *[photo_file()] * 5) for _ in range(4)]
    celery = make_celery(read_settings(**settings))
    for url in urls * 2:
        for number in range(1, 6):
            send(celery, url.rpartition("/")[2], number, urgent=True)
    send(celery, "unknown", 1, urgent=True)
    celery.close()
    for _ in range(2):
        start_worker()
    assert_done(client, urls, 5)
    with redis_at_risk.client() as redis:
        wait_until(lambda: not redis.exists("rechroma:celery:images"), "messages are left")
    assert attempts(redis_at_risk) == [1] * 20


def test_runner_resends_lost_messages(
    client: FlaskClient,
    start_worker: StartWorker,
    redis_at_risk: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rechroma.service.jobs.redis._RESEND_AFTER", 0.5)
    urls = [submit(client, photo_file(), photo_file()) for _ in range(2)]
    with redis_at_risk.client() as redis:
        assert redis.delete("rechroma:celery:images") == 1
        wait_until(lambda: redis.exists("rechroma:celery:images"), "they are not sent again")
    start_worker()
    assert_done(client, urls, 2)


def test_images_survive_a_full_stop(
    settings: dict[str, Any], start_worker: StartWorker, redis_at_risk: RedisServer
) -> None:
    with running_app(**settings) as app:
        client = app.test_client()
        worker, urls = start_running(client, start_worker, RECHROMA_SECONDS="10")
        worker.kill()
    redis_at_risk.kill()
    redis_at_risk.start()
    with running_app(**settings) as app:
        start_worker(RECHROMA_SECONDS="10")
        assert_done(app.test_client(), urls, 3)


def test_images_survive_a_broker_that_loses_all_messages(
    settings: dict[str, Any], start_worker: StartWorker, redis_at_risk: RedisServer
) -> None:
    with running_app(**settings) as app:
        client = app.test_client()
        worker, urls = start_running(client, start_worker, RECHROMA_SECONDS="10")
        worker.kill()
        with redis_at_risk.client() as redis:
            redis.delete(*redis.keys("rechroma:celery:*"))
        start_worker(RECHROMA_SECONDS="10")
        assert_done(client, urls, 3)


def test_runner_sends_the_messages_of_a_dead_server(
    client: FlaskClient, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CeleryRunner, "notify", lambda *_: None)
    start_worker()
    assert_done(client, [submit(client, photo_file(), photo_file())], 2)


def test_worker_takes_small_images_first(
    settings: dict[str, Any], start_worker: StartWorker
) -> None:
    name, small = LONG
    with running_app(**(settings | {"urgent_bytes": len(small)})) as app:
        client = app.test_client()
        first = submit(client, *[(name, photo_file((200, 150)))] * 2)
        second = submit(client, LONG)
        start_worker("--workers", "1")
        wait_for_end(client, second)
        assert client.get(first).get_json()["done"] == 0
        assert wait_for_end(client, first)["done"] == 2


def test_worker_finishes_running_images_when_stopped(
    client: FlaskClient, start_worker: StartWorker
) -> None:
    worker = start_worker()
    url = submit(client, *[LONG] * 4)
    wait_until(lambda: running(client, url) == 2, "no image was started")
    assert worker.stop() == 0
    states = [image["state"] for image in client.get(url).get_json()["images"]]
    assert sorted(states) == ["done", "done", "queued", "queued"]
    start_worker()
    assert_done(client, [url], 4)


@both
@pytest.mark.parametrize("years", [10, -10])
def test_jobs_survive_jumps_of_the_clock(
    make_app: MakeApp, team: SharedJobs | None, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    app = make_app(start=False)
    client = app.test_client()
    url = submit(client, photo_file(), photo_file())
    usual = time.time
    monkeypatch.setattr(time, "time", lambda: usual() + years * 365.25 * 86_400)
    service_of(app).job_service.cleanup()
    after = submit(client, photo_file())
    begin(app, team)
    assert wait_for_end(client, url)["done"] == 2
    assert wait_for_end(client, after)["done"] == 1


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "RECHROMA_REDIS is not set"),
        ("http://user:secret@host", "RECHROMA_REDIS: "),
        ("redis://:secret@127.0.0.1:1/0", "does not answer"),
    ],
)
def test_worker_command_rejects_bad_redis_addresses(
    address: str, message: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rechroma", "worker", "--debug"],
        cwd=tmp_path,
        env=os.environ | {"RECHROMA_REDIS": address},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--model", "nothing.onnx"], 78, "nothing.onnx"),
        (["--provider", "cuda"], 69, "CUDA"),
        (["--data", __file__], 73, "test_faults.py"),
    ],
)
def test_worker_command_reports_missing_resources(
    redis_server: RedisServer, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rechroma", "worker", *words],
        cwd=tmp_path,
        env=os.environ | {"RECHROMA_REDIS": redis_server.url},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "asked", [{"redis": "redis://127.0.0.1:1/0"}, {"files": "s3://bucket/jobs"}]
)
def test_create_app_reports_missing_extras(
    asked: dict[str, str], tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechroma.service.jobs.factory.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError) as caught:
        create_app(read_settings(data=tmp_path / "service", model=model, **asked))
    assert "rechroma[serve]" in str(caught.value.hint)


def test_settings_hide_the_password_of_redis(redis_at_risk: RedisServer) -> None:
    assert PASSWORD not in repr(read_settings(redis=redis_at_risk.url))


def test_server_starts_before_redis(
    settings: dict[str, Any], redis_at_risk: RedisServer, start_worker: StartWorker
) -> None:
    redis_at_risk.kill()
    with running_app(**settings) as app:
        client = app.test_client()
        assert_problem(client.get("/readyz"), 503)
        redis_at_risk.start()
        assert client.get("/readyz").status_code == 200
        start_worker()
        assert_done(client, [submit(client, photo_file())], 1)


def test_servers_share_the_rate_limit(settings: dict[str, Any]) -> None:
    answers: list[Any] = []
    for _ in range(2):
        with running_app(**(settings | {"rate": "1/minute"})) as app:
            answers.append(app.test_client().post("/v1/colorize", data=photo_file()))
    assert [answer.status_code for answer in answers] == [200, 429]


def test_embedded_service_imports_neither_redis_nor_celery() -> None:
    code = "import sys, rechroma.service; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"redis", "celery", "kombu", "fsspec"}
