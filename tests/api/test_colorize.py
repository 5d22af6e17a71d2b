"""`POST /v1/colorize`: a picture in, a picture out."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.api.conftest import MakeApp
from tests.support.models import write_model
from tests.support.service import form, has_color, opened, photo_file, problem

URL = "/v1/colorize"
HINTS = {"format": 1, "hints": [{"x": 0.5, "y": 0.5, "color": "#2040c0"}]}


def as_json(data: bytes, **fields: Any) -> dict[str, Any]:
    return {"json": {"picture": base64.b64encode(data).decode(), **fields}}


@pytest.mark.parametrize(
    "sent",
    [
        {"data": photo_file()},
        {"data": photo_file(), "content_type": "image/png"},
        {"data": photo_file(), "content_type": "application/x-www-form-urlencoded"},
        form(photo_file()),
        as_json(photo_file()),
    ],
    ids=["raw", "typed", "as curl calls it", "form", "json"],
)
def test_every_way_to_send_a_picture(client: FlaskClient, sent: dict[str, Any]) -> None:
    answer = client.post(URL, **sent)
    assert answer.status_code == 200, answer.get_data()
    assert answer.content_type == "image/png"
    assert opened(answer.data).size == (48, 32)
    assert has_color(answer.data)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("image/jpeg", "JPEG"),
        ("image/png", "PNG"),
        ("image/webp", "WEBP"),
        ("image/tiff", "TIFF"),
        ("text/html, image/webp;q=0.7, */*;q=0.2", "WEBP"),
        ("image/*", "BMP"),
        ("*/*", "BMP"),
        (None, "BMP"),
    ],
)
def test_accept_chooses_the_format(client: FlaskClient, accept: str | None, wanted: str) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = client.post(URL, data=photo_file(format="BMP"), headers=headers)
    assert answer.content_type == f"image/{wanted.lower()}"
    assert opened(answer.data).format == wanted


def test_a_gif_comes_back_as_png(client: FlaskClient) -> None:
    answer = client.post(URL, data=photo_file(format="GIF"), headers={"Accept": "*/*"})
    assert opened(answer.data).format == "PNG"


def test_a_format_that_is_not_written(client: FlaskClient) -> None:
    answer = client.post(URL, data=photo_file(), headers={"Accept": "text/html"})
    assert "image/webp" in problem(answer, 406)["hint"]


def test_badge(client: FlaskClient) -> None:
    plain, marked = (
        np.asarray(opened(client.post(f"{URL}?badge={badge}", data=photo_file((200, 100))).data))
        for badge in ("false", "true")
    )
    assert not np.array_equal(plain[80:, 180:], marked[80:, 180:])
    assert np.array_equal(plain[:80], marked[:80])


def test_knobs(client: FlaskClient) -> None:
    gray = client.post(f"{URL}?saturation=0", data=photo_file()).data
    assert not has_color(gray)
    labeled, plain = (
        client.post(f"{URL}?provenance={label}", data=photo_file()).data
        for label in ("true", "false")
    )
    assert b"compositeWithTrainedAlgorithmicMedia" in labeled
    assert b"compositeWithTrainedAlgorithmicMedia" not in plain
    best, worst = (
        client.post(f"{URL}?quality={q}", data=photo_file((300, 200), "JPEG")).data for q in (95, 5)
    )
    assert len(best) > len(worst)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("saturation=9", "saturation"),
        ("saturation=nan", "saturation"),
        ("warmth=warm", "warmth"),
        ("size=1", "size"),
        ("quality=0", "quality"),
        ("saturaton=1", "saturaton"),
        ("model=../../etc/passwd.onnx", "no model"),
        ("model=tiny2", "no model"),
    ],
)
def test_knobs_out_of_range(client: FlaskClient, query: str, named: str) -> None:
    answer = client.post(f"{URL}?{query}", data=photo_file())
    assert answer.status_code == 422
    assert named in answer.get_json(force=True)["detail"]


@pytest.mark.parametrize("sent", [as_json(photo_file(), hints=HINTS), None])
def test_hints(client: FlaskClient, sent: dict[str, Any] | None) -> None:
    sent = sent or form(photo_file(), hints=json.dumps(HINTS))
    plain = np.asarray(opened(client.post(URL, data=photo_file()).data)).astype(int)
    hinted = np.asarray(opened(client.post(URL, **sent).data)).astype(int)
    red, _, blue = np.moveaxis(hinted - plain, -1, 0)
    assert blue.max() > 20
    assert red.min() < -20


def test_hints_that_make_no_sense(client: FlaskClient) -> None:
    told = problem(client.post(URL, **form(photo_file(), hints="{}")), 422)
    assert "format" in told["detail"]


def test_hints_for_a_model_that_takes_none(make_app: MakeApp, tmp_path_factory: Any) -> None:
    plain = write_model(tmp_path_factory.mktemp("plain") / "plain.onnx")
    client = make_app(model=str(plain)).test_client()
    told = problem(client.post(URL, **as_json(photo_file(), hints=HINTS)), 422)
    assert "does not support hints" in told["detail"]


def test_another_model(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    write_model(folder / "blue.onnx", ab=(0.0, -40.0))
    (folder / "broken.onnx").write_bytes(b"no model")
    monkeypatch.setenv("RECHROMA_MODELS", str(folder))
    client = make_app().test_client()
    listed = client.get("/v1/models").get_json()["models"]
    assert [entry["default"] for entry in listed] == [True, *[False] * (len(listed) - 1)]
    assert "blue" in [entry["name"] for entry in listed]
    assert "broken" not in [entry["name"] for entry in listed]
    answer = client.post(f"{URL}?model=blue", data=photo_file())
    red, _, blue = np.asarray(opened(answer.data)).astype(int).mean(axis=(0, 1))
    assert blue > red + 10
    problem(client.post(f"{URL}?model=broken", data=photo_file()), 500)


@pytest.mark.parametrize("way", ["raw", "form", "json"])
def test_too_many_bytes_point_to_jobs(make_app: MakeApp, way: str) -> None:
    client = make_app(direct_bytes=100).test_client()
    data = photo_file((400, 300))
    for size in (101, 100_000, len(data)):
        body = (data * (size // len(data) + 1))[:size]
        sent = {"raw": {"data": body}, "form": form(body), "json": as_json(body)}[way]
        assert "/v1/jobs" in problem(client.post(URL, **sent), 413)["hint"]


def test_too_many_pixels_point_to_jobs(make_app: MakeApp) -> None:
    client = make_app(direct_pixels=48 * 32 - 1).test_client()
    told = problem(client.post(URL, data=photo_file()), 413)
    assert "exceed the limit of 1535" in told["detail"]
    assert "/v1/jobs" in told["hint"]


def test_one_picture_at_a_time(client: FlaskClient) -> None:
    told = problem(client.post(URL, **form(photo_file(), photo_file())), 400)
    assert "/v1/jobs" in told["hint"]


def test_all_hands_are_busy(make_app: MakeApp) -> None:
    from rechroma.service import service_of

    app = make_app(workers=1, wait=0, start=False, rate="9/hour")
    with service_of(app).hands.turn(0):
        answer = app.test_client().post(URL, data=photo_file())
    problem(answer, 503)
    assert 0 < int(answer.headers["Retry-After"]) < 60  # and not until the rate begins anew
    assert app.test_client().post(URL, data=photo_file()).status_code == 200


def test_some_threads_are_kept_for_other_requests(make_app: MakeApp) -> None:
    from rechroma.service import service_of

    app = make_app(threads=4, start=False)
    places = service_of(app).waiting
    for _ in range(3):
        assert places.acquire(blocking=False)
    problem(app.test_client().post(URL, data=photo_file()), 503)
    assert app.test_client().get("/healthz").status_code == 200
    for _ in range(3):
        places.release()
