"""The whole stack of compose, started as local processes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser

from rechroma.client import Client
from rechroma.errors import ApiError
from rechroma.service import new_key
from tests.deploy.conftest import (
    NGINX,
    Gunicorn,
    Nginx,
    env_file,
    free_port,
    redis_of_compose,
    redis_program,
    services,
    with_our_programs,
)
from tests.support.page_driver import PageDriver, make_photo
from tests.support.redis_and_worker import Worker
from tests.support.service import PATIENCE, Answer, has_color, photo_file, wait_until

LARGE = photo_file((1600, 1200), "JPEG")
pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
    pytest.mark.skipif(redis_program("redis-server") is None, reason="there is no Redis here"),
]


class ComposeWorker(Worker):
    """Start a worker with the command of compose."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self._log = log
        self._environment = os.environ | with_our_programs() | environment
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                services()["worker"]["command"],
                env=self._environment,
                stderr=file,
                start_new_session=True,
            )
        wait_until(self._is_ready, "the worker does not begin")

    def is_healthy(self, **environment: str) -> bool:
        """Run the health check of compose."""
        way, *words = services()["worker"]["healthcheck"]["test"]
        assert way == "CMD"
        done = subprocess.run(words, env=self._environment | environment, check=False)
        return done.returncode == 0


@dataclass
class Stack:
    """The running stack, and a valid key."""

    api: Gunicorn
    worker: ComposeWorker
    nginx: Nginx
    environment: dict[str, str]
    key: str

    def client(self) -> Client:
        """Create a client of nginx."""
        return Client(self.nginx.url, self.key, timeout=PATIENCE)

    def ask(self, path: str, **headers: str) -> Answer:
        """Send a request with the key to nginx."""
        return self.nginx.ask("GET", path, None, Authorization=f"Bearer {self.key}", **headers)

    def start_api(self) -> None:
        """Restart it at the address that nginx uses."""
        data = Path(self.environment["RECHROMA_DATA"])
        self.api = Gunicorn(data, self.api.port, **self.environment)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, model: str) -> Iterator[Stack]:
    """Start the stack as compose does, and check for errors when it stops."""
    folder = tmp_path_factory.mktemp("stack")
    key, hashed = new_key()
    with redis_of_compose(folder) as port:
        given = env_file("compose.env")
        given["RECHROMA_REDIS"] = given["RECHROMA_REDIS"].replace("redis:6379", f"127.0.0.1:{port}")
        given |= {"RECHROMA_KEYS": hashed, "RECHROMA_MODEL": model, "RECHROMA_WORKERS": "1"}
        given["RECHROMA_DATA"] = str(folder / "data")
        api = Gunicorn(folder / "data", free_port(), **given)
        worker = ComposeWorker(folder / "worker.log", given)
        nginx = Nginx(folder / "nginx", f"127.0.0.1:{api.port}")
        made = Stack(api, worker, nginx, given, key)
        yield made
        nginx.stop()
        log = made.api.stop()
        assert (nginx.process.returncode, made.api.process.returncode, worker.stop()) == (0, 0, 0)
        assert "Traceback" not in log + worker.log


def test_stack_colors_an_image_directly(stack: Stack) -> None:
    with stack.client() as client:
        assert has_color(client.colorize(photo_file()))
    with Client(stack.nginx.url, "wrong") as client, pytest.raises(ApiError, match="key"):
        client.colorize(photo_file())


def test_page_works_behind_the_stack(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    driver = PageDriver(browser.new_page(locale="en-GB"), stack.nginx.url, tmp_path).open()
    driver.expected = ("401",)
    driver.drop(("cat.jpg", make_photo(size=(1800, 1200))))
    driver.find("#key").fill(stack.key)
    driver.find("#key").press("Enter")
    driver.wait_colored().wait_ready()
    name, content = driver.download()
    assert name == "cat.color.jpg"
    assert has_color(content)
    driver.page.close()
    driver.assert_clean()


def test_stack_runs_a_job_of_several_images(stack: Stack) -> None:
    stack.worker.pause()  # so that events that came only with the last one would never come
    with stack.client() as client:
        job = client.submit([LARGE, photo_file(), photo_file()])
        line = HTTPConnection(stack.nginx.host, stack.nginx.port, PATIENCE / 3)
        line.request("GET", f"/v1/jobs/{job.id}/events", headers={"X-API-Key": stack.key})
        stream = line.getresponse()
        assert stream.readline() == b"event: queued\n"
        stack.worker.go_on()
        last = stream.read().rstrip().split(b"\n\n")[-1]
        line.close()
    assert last.startswith(b"event: done\n")
    assert json.loads(last.partition(b"data: ")[2])["done"] == 3


def test_stack_serves_ranges_of_a_result(stack: Stack) -> None:
    with stack.client() as client:
        job = client.wait(client.submit([photo_file(), photo_file()]))
    url = f"/v1/jobs/{job.id}/result"
    parts = [stack.ask(url, Range=f"bytes={part}") for part in ("0-99", "100-")]
    assert [part.status for part in parts] == [206, 206]
    with ZipFile(BytesIO(parts[0].body + parts[1].body)) as archive:
        assert archive.testzip() is None
        assert all(has_color(archive.read(name)) for name in archive.namelist())
        assert len(archive.namelist()) == 2


def test_jobs_survive_a_restart_of_the_api(stack: Stack) -> None:
    with stack.client() as client:
        before = client.wait(client.submit([photo_file()]))
        job = client.submit([LARGE] * 6, idempotency_key="box")
        wait_until(lambda: client.get_job(job).done, "nothing was done")
        log = stack.api.stop()
        assert (stack.api.process.returncode, "Traceback" in log) == (0, False)
        assert stack.ask("/v1/models").status == 503
        stack.start_api()
        assert client.submit([LARGE] * 6, idempotency_key="box").id == job.id
        assert client.wait(job).done == 6
        assert len(list(client.results(job))) == 6
        assert all(has_color(image) for _, image in client.results(before))


def test_workers_report_their_health(stack: Stack, tmp_path: Path) -> None:
    assert stack.worker.is_healthy()
    with redis_of_compose(tmp_path) as port:  # where no worker says anything
        assert not stack.worker.is_healthy(RECHROMA_REDIS=f"redis://127.0.0.1:{port}/0")
