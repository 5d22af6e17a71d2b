"""A thousand concurrent requests: each gets a clear response, and accepted images finish once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import pytest

from tests.load.conftest import Place, StartPlace
from tests.support.service import Answer, Server, has_color, photo_file, wait_until

resource = pytest.importorskip("resource", reason="Windows knows no limit of open files")

MANY = 1000
PHOTO = photo_file((64, 64))


def post_at_once(server: Server, path: str) -> list[Answer]:
    """Send a thousand requests at the same moment and return the responses."""
    gate = Barrier(MANY)

    def post(_: int) -> Answer:
        gate.wait()
        return server.ask("POST", path, PHOTO)

    with _raised_file_limit(MANY + 500), ThreadPoolExecutor(MANY) as crowd:
        return list(crowd.map(post, range(MANY)))


@contextmanager
def _raised_file_limit(count: int) -> Iterator[None]:
    """Raise the limit of open files of this process; the server keeps its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def assert_rejections(responses: list[Answer]) -> None:
    """Assert that rejections are problem details (RFC 9457) with `Retry-After`."""
    for answer in responses:
        assert answer.json["status"] == answer.status
        assert answer.json["title"]
        assert 0 < int(answer.headers["Retry-After"]) <= (60 if answer.status == 503 else 3600)


def read_metric(server: Server, name: str) -> dict[str, int]:
    """Read the samples of a metric by their labels."""
    text = server.ask("GET", "/metrics").body.decode()
    found = re.findall(rf"^{name}{{(.*)}} ([\d.]+)$", text, re.MULTILINE)
    return {labels: int(float(value)) for labels, value in found if float(value)}


def count_attempts(place: Place) -> int:
    """Sum the number of started images of jobs."""
    if place.redis is None:
        return sum(
            count
            for labels, count in read_metric(place.server, "rechroma_images_total").items()
            if 'route="job"' in labels
        )
    with place.redis.client() as redis:
        jobs = [redis.hgetall(key) for key in redis.keys("rechroma:job:*")]
    return sum(int(job["attempts:1"]) for job in jobs)


def assert_finished(server: Server) -> None:
    log = server.stop()
    assert server.process.returncode == 0
    assert "Traceback" not in log


def test_thousand_jobs_finish(start_place: StartPlace) -> None:
    place = start_place(queue=30)
    server = place.server
    responses = post_at_once(server, "/v1/jobs")
    accepted = [answer for answer in responses if answer.status == 202]
    rejected = [answer for answer in responses if answer.status != 202]
    assert len(accepted) >= 30
    assert {answer.status for answer in rejected} == {503}
    assert_rejections(rejected)
    urls = {answer.headers["Location"] for answer in accepted}
    assert len(urls) == len(accepted)
    ended = [server.wait_for_end(url) for url in urls]
    assert Counter(job["state"] for job in ended) == {"done": len(accepted)}
    assert read_metric(server, "rechroma_job_images") == {'state="done"': len(accepted)}
    wait_until(lambda: count_attempts(place) >= len(accepted), "images are not counted")
    assert count_attempts(place) == len(accepted)
    assert all(has_color(server.ask("GET", f"{url}/result").body) for url in urls)
    again = server.ask("POST", "/v1/jobs", PHOTO)
    assert server.wait_for_end(again.headers["Location"])["state"] == "done"
    assert_finished(server)


def test_thousand_images_finish(start_place: StartPlace) -> None:
    server = start_place(rate="900/hour", wait=1).server
    responses = post_at_once(server, "/v1/colorize")
    counts = Counter(answer.status for answer in responses)
    assert set(counts) <= {200, 429, 503}
    assert counts[200] > 0
    assert counts[429] == 100
    assert all(has_color(answer.body) for answer in responses if answer.status == 200)
    assert_rejections([answer for answer in responses if answer.status != 200])
    assert server.ask("GET", "/readyz").status == 200
    assert_finished(server)
