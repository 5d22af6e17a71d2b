"""Both clients against a real server: results, retries and errors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from rechroma.client import ColorizeParams
from rechroma.errors import (
    ApiError,
    ClientError,
    ConnectionFailedError,
    JobTimeoutError,
    OptionError,
    SourceError,
)
from rechroma.service import new_key
from rechroma.service.schemas import JobOptions
from tests.client.conftest import NewClient
from tests.support.models import write_model
from tests.support.service import Server, figures, has_color, opened, photo_file

NEW_KEY = [sys.executable, "-m", "rechroma", "serve", "--new-key"]
HINTS = {"format": 1, "hints": [{"x": 0.5, "y": 0.5, "color": "#2040c0"}]}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo_file((300, 200), "JPEG"))
    return path


@pytest.mark.parametrize(
    "way",
    [
        str,
        Path,
        Path.read_bytes,
        lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()),
        lambda path: BytesIO(path.read_bytes()),
    ],
    ids=["name", "path", "bytes", "bytearray", "memoryview", "file"],
)
def test_colorize_returns_a_color_image_for_each_kind_of_source(
    client: Any, photo: Path, way: Callable[[Path], Any]
) -> None:
    colored = client.colorize(way(photo))
    assert has_color(colored)
    assert (opened(colored).format, opened(colored).size) == ("JPEG", (300, 200))
    assert client.submit(way(photo)).total == 1  # not one for each letter, byte or line


@pytest.mark.parametrize("nothing", [None, 5, StringIO("text"), object()])
def test_sources_of_other_types_are_rejected(client: Any, nothing: Any) -> None:
    for call in (client.colorize, client.submit, lambda image: client.submit([image])):
        with pytest.raises(OptionError, match="is not an image") as caught:
            call(nothing)
        assert "path" in str(caught.value.hint)


def test_submit_rejects_an_empty_job(client: Any) -> None:
    with pytest.raises(OptionError, match="at least one image"):
        client.submit([])
    with pytest.raises(OptionError, match="at least one image"):
        client.submit(iter(()))


@pytest.mark.parametrize("key", ["ключ", "a\r\nX-Evil: b", "a\0b"])
def test_submit_rejects_keys_that_are_not_ascii(client: Any, photo: Path, key: str) -> None:
    with pytest.raises(OptionError, match="key"):
        client.submit(photo, idempotency_key=key)


def test_results_keep_unicode_names_and_dots(client: Any, tmp_path: Path) -> None:
    names = ["фото.png", "写真.png", "2024.05.01.png", "2024.05.02.png"]
    for name in names:
        (tmp_path / name).write_bytes(photo_file())
    jobs = [client.wait(client.submit(tmp_path / name)) for name in names]
    assert [job.images[0].name for job in jobs] == names
    results = [name for job in jobs for name, _ in client.results(job)]
    assert results == [name.replace(".png", ".color.png") for name in names]


def test_colorize_params_change_the_result(client: Any, photo: Path) -> None:
    plain = client.colorize(photo, saturation=0, provenance=False, format="png")
    assert opened(plain).format == "PNG"
    assert not has_color(plain)
    assert client.colorize(photo, hints=HINTS) != client.colorize(photo)
    with pytest.raises(ApiError, match="saturation") as caught:
        client.colorize(photo, saturation=9)
    assert caught.value.status == 422


def test_colorize_params_match_those_of_the_service() -> None:
    assert set(ColorizeParams.__annotations__) == {*JobOptions.model_fields, "hints"}


def test_job_reports_each_image_and_returns_a_zip(client: Any, photo: Path) -> None:
    broken = BytesIO(b"not an image")
    job = client.wait(client.submit([photo, photo_file(), broken], format="webp"))
    assert (job.state, job.total, job.done, job.failed) == ("done", 3, 2, 1)
    assert [image.state for image in job.images] == ["done", "done", "failed"]
    assert [image.was_color for image in job.images] == [False, False, None]
    assert [image.pages for image in job.images] == [1, 1, None]
    assert job.images[2].problem.status == 415
    results = list(client.results(job))
    assert [name for name, _ in results] == ["001-photo.color.webp", "002-image.color.webp"]
    assert [image.result for image in job.images] == [*(name for name, _ in results), None]
    assert [client.result(job, name) for name, _ in results] == [data for _, data in results]
    with pytest.raises(ApiError, match="a result of that name"):
        client.result(job, "003-image.color.webp")
    assert all(has_color(data) for _, data in results)
    client.delete(job.id)
    client.delete(job)  # as after a lost response
    with pytest.raises(ApiError, match="no such job") as caught:
        client.get_job(job)
    with pytest.raises(ApiError):
        client.get_job("../../\n?")
    assert (caught.value.status, caught.value.title) == (
        404,
        "The job does not exist, or belongs to another client",
    )
    assert caught.value.hint


def test_job_of_one_image_returns_the_image(client: Any, photo: Path) -> None:
    job = client.wait(client.submit([photo], hints=HINTS).id, timeout=60)
    ((name, data),) = client.results(job)
    assert name == "photo.color.jpg"
    assert has_color(data)


def test_failed_job_carries_its_problem(client: Any) -> None:
    job = client.wait(client.submit([b"not an image"]))
    assert job.state == "failed"
    assert job.problem.hint
    with pytest.raises(ApiError, match="failed"):
        list(client.results(job))


def test_submit_with_the_same_idempotency_key_returns_the_same_job(
    client: Any, photo: Path
) -> None:
    first, again = (client.submit([photo], idempotency_key="box") for _ in range(2))
    assert first.id == again.id
    assert client.submit([photo]).id != client.submit([photo]).id


def test_models_include_a_default(client: Any) -> None:
    (usual,) = (model for model in client.models() if model.default)
    assert usual.hints
    assert usual.size > 0


def test_missing_file_raises_source_error(client: Any, tmp_path: Path) -> None:
    for call in (client.colorize, lambda path: client.submit([path])):
        with pytest.raises(SourceError, match=r"nothing\.jpg"):
            call(tmp_path / "nothing.jpg")


def forwarding(
    server: Server, fault: Callable[[int], httpx.Response | None]
) -> httpx.MockTransport:
    """Forward to the server, with faults before (n) or after (-n) the n-th request."""
    requests = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        answered = fault(len(requests))
        if answered is not None:
            return httpx.Response(
                answered.status_code, headers=answered.headers, content=answered.content
            )
        path = request.url.raw_path.decode()
        answer = server.ask(request.method, path, request.content, **dict(request.headers))
        if broken := fault(-len(requests)):
            raise httpx.ReadError(broken.text, request=request)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)

    return httpx.MockTransport(handle)


def test_submit_retried_after_a_lost_response_submits_once(
    new_client: NewClient, server: Server, photo: Path
) -> None:
    before = count_images(server)
    line = forwarding(server, lambda time: httpx.Response(500) if time in (-1, -2) else None)
    client = new_client(server.url, transport=line)
    job = client.submit([photo, photo_file()])
    assert client.wait(job).done == 2
    assert count_images(server) - before == 2


def count_images(server: Server) -> int:
    """Count the images of jobs, in all states."""
    found = figures(server.ask("GET", "/metrics").body.decode())
    return sum(int(found[name]) for name in found if name.startswith("rechroma_job_images/"))


@pytest.mark.parametrize("status", [429, 503])
def test_busy_service_is_retried(
    new_client: NewClient, server: Server, photo: Path, status: int
) -> None:
    busy = httpx.Response(status, headers={"Retry-After": "1"})
    line = forwarding(server, lambda time: busy if time == 1 else None)
    assert has_color(new_client(server.url, transport=line).colorize(photo))


@pytest.mark.parametrize("wait", ["3600", "Sun, 06 Nov 1994 08:49:37 GMT", None])
def test_service_that_stays_busy_raises_api_error(
    new_client: NewClient, server: Server, wait: str | None
) -> None:
    busy = httpx.Response(503, headers={"Retry-After": wait} if wait else {})
    client = new_client(server.url, retry_for=1, transport=forwarding(server, lambda _: busy))
    with pytest.raises(ApiError, match="503 Service Unavailable") as caught:
        client.models()
    assert caught.value.status == 503


def test_retries_end_after_retry_for_seconds(new_client: NewClient, server: Server) -> None:
    asked = []
    busy = httpx.Response(429)
    line = forwarding(server, lambda time: asked.append(time) or busy)  # type: ignore[func-returns-value]
    with pytest.raises(ApiError):
        new_client(server.url, retry_for=2, transport=line).models()
    assert len(asked) == 3  # after 0.5 and 1 second; 2 more would be too long


def test_wait_raises_after_its_timeout(new_client: NewClient, server: Server) -> None:
    status = {"id": "x", "state": "running", "total": 2, "done": 1, "failed": 0}
    running = httpx.Response(200, json=status | {"images": [], "problem": None, "new": "field"})
    client = new_client(server.url, transport=forwarding(server, lambda _: running))
    with pytest.raises(JobTimeoutError, match="1 of 2 images"):
        client.wait("x", timeout=0.5)


def test_rejected_connection_raises_without_the_password(new_client: NewClient) -> None:
    with pytest.raises(
        ConnectionFailedError, match=r"^http://127\.0\.0\.1:9 cannot be reached"
    ) as caught:
        new_client("http://user:secret@127.0.0.1:9/").models()
    assert caught.value.hint
    assert isinstance(caught.value, ClientError)


def test_timeout_raises_connection_failed(new_client: NewClient, server: Server) -> None:
    def sleep(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    with pytest.raises(ConnectionFailedError, match="in time"):
        new_client(server.url, transport=httpx.MockTransport(sleep)).models()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (httpx.Response(200, text="<html>hello</html>"), "not a list of models"),
        (httpx.Response(200, json=[]), "not a list of models"),
        (httpx.Response(200, json={"models": [{}]}), "not a list of models"),
        (httpx.Response(502, text="<html>Bad Gateway</html>"), "502 Bad Gateway"),
        (httpx.Response(404, json={"error": "nothing here"}), "404 Not Found"),
        (httpx.Response(599), "599"),
    ],
)
def test_response_of_another_service_raises(
    new_client: NewClient, server: Server, answer: httpx.Response, message: str
) -> None:
    client = new_client(server.url, transport=forwarding(server, lambda _: answer))
    with pytest.raises(ClientError, match=message):
        client.models()


def test_redirect_is_reported_in_the_hint(new_client: NewClient, server: Server) -> None:
    moved = httpx.Response(301, headers={"Location": "https://color.example/v1/models"})
    client = new_client(server.url, transport=forwarding(server, lambda _: moved))
    with pytest.raises(ApiError, match="301") as caught:
        client.models()
    assert "https://color.example" in str(caught.value.hint)


def test_broken_zip_raises_connection_failed(new_client: NewClient, server: Server) -> None:
    broken = httpx.Response(200, headers={"Content-Type": "application/zip"}, content=b"PK")
    client = new_client(server.url, transport=forwarding(server, lambda _: broken))
    with pytest.raises(ConnectionFailedError, match="not a result"):
        list(client.results("x"))


def test_names_of_results_have_no_folders(new_client: NewClient, server: Server) -> None:
    named = {"Content-Disposition": 'inline; filename="../../..\\\\evil.png"'}
    answer = httpx.Response(200, headers=named, content=b"x")
    client = new_client(server.url, transport=forwarding(server, lambda _: answer))
    assert [name for name, _ in client.results("x")] == ["evil.png"]


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://x:port", "x" * 9]
)
def test_invalid_url_raises_option_error(new_client: NewClient, url: str) -> None:
    with pytest.raises(OptionError, match="is not the URL"):
        new_client(url)


def test_api_key_is_sent_and_checked(new_client: NewClient, tmp_path: Path) -> None:
    completed = subprocess.run(NEW_KEY, capture_output=True, text=True, check=True)
    key = completed.stderr.splitlines()[0].rsplit(maxsplit=1)[1]
    server = Server(tmp_path / "jobs", RECHROMA_KEYS=completed.stdout.strip().partition("=")[2])
    try:
        assert new_client(server.url, key).models()
        for wrong in (None, "wrong"):
            with pytest.raises(ApiError, match="key") as caught:
                new_client(server.url, wrong).models()
            assert caught.value.status == 401
    finally:
        server.stop()
    with pytest.raises(OptionError, match="key"):
        new_client(server.url, "schlüssel")


def test_import_loads_no_heavy_modules() -> None:
    code = "import json, sys, rechroma.client; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"numpy", "cv2", "PIL", "onnxruntime", "flask", "pydantic", "torch"}


def test_jobs_lists_those_of_the_key(tmp_path: Path, new_client: NewClient) -> None:
    (key, hashed), (other, other_hashed) = new_key(), new_key()
    server = Server(
        tmp_path / "jobs",
        *("--model", str(write_model(tmp_path / "tiny.onnx")), "--workers", "1"),
        RECHROMA_KEYS=f"{hashed},{other_hashed}",
    )
    mine, theirs = new_client(server.url, key=key), new_client(server.url, key=other)
    ids = [mine.submit(photo_file()).id for _ in range(22)]  # more than a page
    assert [job.id for job in mine.jobs()] == ids[::-1]
    assert list(theirs.jobs()) == []
    server.stop()
