"""Uploads and results when the disk is full."""

from __future__ import annotations

import base64
import gc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from rechroma.service import service_of
from tests.api.conftest import MakeApp, both
from tests.api.test_jobs import URL
from tests.support.disk import room_for
from tests.support.service import assert_problem, has_color, wait_for_end, wait_until

ROOM = 500_000


def noise(pixels: int) -> bytes:
    """Encode an image that takes about one byte per pixel, and more in color."""
    gray = np.random.default_rng(0).integers(0, 256, (500, pixels // 500), np.uint8)
    file = BytesIO()
    Image.fromarray(gray).save(file, "PNG")
    return file.getvalue()


def send(client: FlaskClient, *images: bytes) -> str:
    """Submit a job as JSON: a form could be buffered on the disk."""
    data = [{"data": base64.b64encode(image).decode()} for image in images]
    return str(client.post(URL, json={"images": data}).headers["Location"])


def assert_result_without_room_fails(
    client: FlaskClient, folder: Path, begin: Callable[[], object]
) -> None:
    """Assert that only the image whose result does not fit fails, and leaves no files."""
    url = send(client, noise(10_000), noise(ROOM * 2))
    with room_for(ROOM):
        begin()
        job = wait_for_end(client, url)
    assert [image["state"] for image in job["images"]] == ["done", "failed"]
    assert job["images"][1]["problem"]["status"] == 507
    # The uploads are deleted after the end of the job is recorded.
    wait_until(lambda: sum(path.is_file() for path in folder.rglob("*")) == 1, "files are left")
    (left,) = (path for path in folder.rglob("*") if path.is_file())
    assert has_color(left.read_bytes())


@both
def test_upload_to_a_full_disk_gives_507(make_app: MakeApp, folder: Path) -> None:
    client, data = make_app().test_client(), noise(ROOM * 2)
    with room_for(ROOM):
        assert_problem(client.post(URL, data=data), 507)
    assert list(folder.iterdir()) == []
    assert wait_for_end(client, send(client, data))["state"] == "done"


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # tempfile leaves its file to the collector
def test_form_on_a_full_disk_gives_507(make_app: MakeApp, folder: Path) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="p"; filename="p.png"\r\n\r\n'
    data = head + noise(ROOM * 2) + b"\r\n--x--\r\n"
    client = make_app().test_client()
    with room_for(ROOM):
        answer = client.post(URL, data=data, content_type="multipart/form-data; boundary=x")
    gc.collect()
    assert_problem(answer, 507)
    assert list(folder.iterdir()) == []


def test_result_on_a_full_disk_fails_with_507(make_app: MakeApp, folder: Path) -> None:
    app = make_app(start=False)
    client = app.test_client()
    assert_result_without_room_fails(client, folder, service_of(app).start)
    assert wait_for_end(client, send(client, noise(ROOM * 2)))["state"] == "done"
