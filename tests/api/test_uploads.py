"""Uploads: names, forms, bodies without a length, and ranges of results."""

from __future__ import annotations

import base64
import gc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from werkzeug.http import parse_options_header
from werkzeug.test import TestResponse

from rechroma.imaging import SUFFIXES
from tests.api.conftest import MakeApp
from tests.support.service import assert_problem, form, photo_file, wait_for_end

JOBS = "/v1/jobs"
DIRECT = "/v1/colorize"
Test = TypeVar("Test", bound=Callable[..., None])
LONG = "я" * 250

NAMES = [  # as given, and as kept before the suffix
    ("фото.jpg", "фото"),
    ("写真.png", "写真"),
    ("फोटो.jpg", "फोटो"),
    ("Ä Ö.jpeg", "Ä Ö"),
    ("e\u0301te\u0301.jpg", "été"),
    ("2024.05.01.jpg", "2024.05.01"),
    ("2024.05.02.JPG", "2024.05.02"),
    ("scan 3.5", "scan 3.5"),
    ("photo (1).png", "photo _1_"),
    ("../../etc/passwd.png", "passwd"),
    ("C:\\scans\\boot.ini", "boot.ini"),
    ("...hidden. .png", "hidden"),
    ("a\u202egpj\t.exe.png", "a_gpj_.exe"),
    (".jpg", ""),
    ("..", ""),
    (f"{LONG}.jpg", LONG[:60]),
]


def unmeasured(client: FlaskClient, url: str, **sent: Any) -> TestResponse:
    """Send a body without a length, as servers pass on a chunked one."""
    return client.post(
        url,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
        **sent,
    )


@pytest.fixture
def _leftovers() -> Iterator[None]:
    """Collect the unclosed files of Werkzeug's form parser here, not in another test."""
    yield
    gc.collect()


def cut_off(test: Test) -> Test:
    """Marks a test in which forms are not read to their end."""
    passed = "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
    marked: Test = pytest.mark.usefixtures("_leftovers")(pytest.mark.filterwarnings(passed)(test))
    return marked


@pytest.mark.parametrize(("given", "kept"), NAMES)
def test_names_are_sanitized(client: FlaskClient, given: str, kept: str) -> None:
    image = {"data": base64.b64encode(photo_file()).decode(), "name": given}
    url = client.post(JOBS, json={"images": [image]}).headers["Location"]
    job = wait_for_end(client, url)
    suffix = Path(given).suffix if kept and Path(given).suffix.lower() in SUFFIXES else ""
    assert job["images"][0]["name"] == kept + suffix
    disposition = client.get(f"{url}/result").headers["Content-Disposition"]
    name = parse_options_header(disposition)[1]["filename"]
    assert name == f"{kept or 'image'}.color.png"
    assert len(name.encode()) < 140


def test_names_of_a_form_are_kept_in_the_zip(client: FlaskClient) -> None:
    names = ["фото.jpg", "2024.05.01.jpg", "2024.05.02.jpg", "фото.jpg"]
    url = client.post(JOBS, **form(*[(name, photo_file()) for name in names])).headers["Location"]
    wait_for_end(client, url)
    with ZipFile(BytesIO(client.get(f"{url}/result").data)) as archive:
        assert archive.namelist() == [
            "001-фото.color.png",
            "002-2024.05.01.color.png",
            "003-2024.05.02.color.png",
            "004-фото.color.png",
        ]


def test_job_accepts_more_parts_than_the_default_limit(make_app: MakeApp) -> None:
    client = make_app(job_images=1001, queue=2000, start=False).test_client()
    answer = client.post(JOBS, **form(*[photo_file()] * 1001))
    assert answer.status_code == 202
    assert answer.get_json()["total"] == 1001


@cut_off
@pytest.mark.parametrize("settings", [{"job_images": 3}, {"queue": 3}], ids=["job", "queue"])
def test_job_with_too_many_images_is_rejected(make_app: MakeApp, settings: dict[str, int]) -> None:
    client = make_app(start=False, **settings).test_client()
    for count in (4, 200):
        answer = client.post(JOBS, **form(*[photo_file()] * count))
        problem = assert_problem(answer, 413)
        assert "3" in problem["detail"]
        assert "Retry-After" not in answer.headers
    assert client.post(JOBS, **form(*[photo_file()] * 3)).status_code == 202


@cut_off
@pytest.mark.parametrize("url", [DIRECT, JOBS])
@pytest.mark.parametrize("measured", [True, False], ids=["measured", "in chunks"])
def test_too_large_form_fields_are_rejected(client: FlaskClient, url: str, measured: bool) -> None:
    many = form(*[b"x"] * 1001)
    wordy = form(photo_file(), hints=" " * 600_000)
    for sent, excess in ((many, "parts"), (wordy, "hints")):
        answer = client.post(url, **sent) if measured else unmeasured(client, url, **sent)
        problem = assert_problem(answer, 413)
        assert excess in problem["detail"]
        assert "image is too large" not in problem["detail"]
        assert "larger ones" not in problem["hint"]


@cut_off
@pytest.mark.parametrize("way", ["raw", "form"])
def test_body_without_a_length_is_limited(make_app: MakeApp, way: str) -> None:
    client = make_app(direct_bytes=10_000, job_bytes=10_000).test_client()
    for rest, statuses in ((0, [200, 202]), (100_000, [413, 413])):
        body = photo_file() + bytes(rest)
        answers = []
        for url in (DIRECT, JOBS):
            sent = form(body) if way == "form" else {"data": body}
            answers.append(unmeasured(client, url, **sent))
        assert [answer.status_code for answer in answers] == statuses
    assert "/v1/jobs" in assert_problem(answers[0], 413)["hint"]


@pytest.mark.parametrize("url", [DIRECT, JOBS])
def test_missing_body_is_rejected(client: FlaskClient, url: str) -> None:
    for answer in (client.post(url), unmeasured(client, url, input_stream=BytesIO())):
        assert assert_problem(answer, 400)["detail"] == "the request has no body"


@pytest.mark.parametrize(
    "given", ["lines=1", "lines=1-2", "bytes=0-1,5-6", "bytes=5-6,0-1", "bytes=a-b", "bytes", ""]
)
@pytest.mark.parametrize("files", ["", "memory://ranges"], ids=["folder", "elsewhere"])
def test_range_in_other_units_is_ignored(make_app: MakeApp, given: str, files: str) -> None:
    client = make_app(files=files).test_client()
    url = client.post(JOBS, data=photo_file()).headers["Location"]
    wait_for_end(client, url)
    whole = client.get(f"{url}/result")
    answer = client.get(f"{url}/result", headers={"Range": given})
    assert (answer.status_code, answer.data) == (200, whole.data)
    assert "Content-Range" not in answer.headers
