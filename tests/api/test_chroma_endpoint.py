"""`POST /v1/chroma` and `/v1/suggestions`: colors for a page that renders the photo itself."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from flask.testing import FlaskClient
from PIL import Image

from rechroma import Colorizer
from rechroma.color.render import adjust_chroma, render_srgb
from rechroma.imaging import ChromaUpsampler
from rechroma.options import Adjustments
from tests.api.conftest import MakeApp, StartServer
from tests.support.models import write_model
from tests.support.service import assert_problem, form, opened, photo_file

CHROMA, SUGGESTIONS = "/v1/chroma", "/v1/suggestions"
HINTS = {"format": 1, "hints": [{"x": 0.5, "y": 0.5, "color": "#2040c0"}]}


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.ascontiguousarray(skimage.data.astronaut()[:300, :400, 1])


def file_of(gray: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(gray).save(file, "PNG")
    return file.getvalue()


def chroma_of(body: dict[str, Any]) -> np.ndarray:
    chroma = body["chroma"]
    steps = np.frombuffer(base64.b64decode(chroma["data"]), "<i2")
    ab: np.ndarray = steps.reshape(chroma["height"], chroma["width"], 2) * chroma["step"]
    return ab.astype(np.float32)


def test_rendered_chroma_equals_the_colorized_image(make_app: MakeApp, photo: np.ndarray) -> None:
    client = make_app(model="default").test_client()
    file = file_of(photo)
    body = client.post(f"{CHROMA}?gray=4096", data=file).get_json()
    assert (body["width"], body["height"], body["was_color"]) == (400, 300, False)
    seen = opened(base64.b64decode(body["gray"]))
    assert (seen.size, seen.format, seen.mode) == ((400, 300), "JPEG", "L")
    ab = adjust_chroma(chroma_of(body), Adjustments(saturation=1.5, warmth=-0.5, blend=0.8))
    ours = render_srgb(photo, ChromaUpsampler(ab, photo.shape).strip(slice(0, len(photo))))
    answer = client.post("/v1/colorize?saturation=1.5&warmth=-0.5&blend=0.8", data=file)
    theirs = np.asarray(opened(answer.data))
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_gray_has_the_requested_size(client: FlaskClient) -> None:
    body = client.post(f"{CHROMA}?gray=16", data=photo_file((48, 32))).get_json()
    assert opened(base64.b64decode(body["gray"])).size == (16, 11)
    assert client.post(CHROMA, data=photo_file()).get_json()["gray"] is None


def test_hints_change_the_chroma(client: FlaskClient) -> None:
    plain, hinted = (
        client.post(CHROMA, **form(photo_file(), **fields)).get_json()
        for fields in ({}, {"hints": json.dumps(HINTS)})
    )
    assert not np.array_equal(chroma_of(plain), chroma_of(hinted))


def test_suggestions_equal_those_of_the_library(make_app: MakeApp, photo: np.ndarray) -> None:
    client = make_app(model="default").test_client()
    query = {"x": 0.55, "y": 0.35, "count": 4}
    body = client.post(SUGGESTIONS, data=file_of(photo), query_string=query).get_json()
    expected = Colorizer().suggest_colors(photo, 0.55, 0.35, count=4)
    assert [one["color"] for one in body["colors"]] == [one.color for one in expected]
    shares = [one["probability"] for one in body["colors"]]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) == 4


@pytest.mark.parametrize(
    ("url", "field"),
    [
        (f"{SUGGESTIONS}?x=0.5", "y"),
        (f"{SUGGESTIONS}?x=2&y=0", "x"),
        (f"{SUGGESTIONS}?x=nan&y=0", "x"),
        (f"{SUGGESTIONS}?x=0&y=0&count=0", "count"),
        (f"{CHROMA}?gray=5", "gray"),
        (f"{CHROMA}?saturation=2", "saturation"),
    ],
)
def test_invalid_queries_name_the_parameter(client: FlaskClient, url: str, field: str) -> None:
    assert field in assert_problem(client.post(url, data=photo_file()), 422)["errors"]


@pytest.mark.parametrize("url", [CHROMA, f"{SUGGESTIONS}?x=0&y=0"])
def test_damaged_images_are_rejected(client: FlaskClient, url: str) -> None:
    assert "damaged" in assert_problem(client.post(url, data=photo_file()[:60]), 422)["detail"]
    assert_problem(client.post(url, data=b"no image"), 415)
    assert_problem(client.post(url, data=b""), 400)


def test_suggestions_need_a_distribution(make_app: MakeApp, tmp_path: Path) -> None:
    client = make_app(model=str(write_model(tmp_path / "plain.onnx"))).test_client()
    answer = client.post(f"{SUGGESTIONS}?x=0&y=0", data=photo_file())
    assert "no distribution" in assert_problem(answer, 422)["detail"]


def test_too_large_images_are_rejected(make_app: MakeApp) -> None:
    client = make_app(direct_pixels=48 * 32 - 1).test_client()
    assert "jobs" in assert_problem(client.post(CHROMA, data=photo_file()), 413)["hint"]


def test_chroma_and_suggestions_work_in_worker_processes(start_server: StartServer) -> None:
    server = start_server()
    body = json.loads(server.ask("POST", f"{CHROMA}?gray=32", photo_file()).body)
    assert chroma_of(body).any()
    refused = server.ask("POST", CHROMA, photo_file()[:60])
    assert (refused.status, b"damaged" in refused.body) == (422, True)
