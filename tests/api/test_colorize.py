"""`POST /v1/colorize`."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from rechroma.errors import ModelNotFoundError
from rechroma.imaging import restore_luma
from tests.api.conftest import MakeApp
from tests.support.models import write_model
from tests.support.service import assert_problem, form, has_color, opened, photo_file

URL = "/v1/colorize"
HINTS = {"format": 1, "hints": [{"x": 0.5, "y": 0.5, "color": "#2040c0"}]}


def as_json(data: bytes, **fields: Any) -> dict[str, Any]:
    return {"json": {"image": base64.b64encode(data).decode(), **fields}}


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    "sent",
    [
        {"data": photo_file()},
        {"data": photo_file(), "content_type": "image/png"},
        {"data": photo_file(), "content_type": "application/x-www-form-urlencoded"},
        form(photo_file()),
        as_json(photo_file()),
        {"json": {"image": data_url(photo_file())}},
        {"json": {"image": data_url(photo_file()).replace("data:image/png;", "DATA:;")}},
        {"json": {"image": data_url(photo_file()).replace("+", "%2B")}},
    ],
    ids=["raw", "typed", "as curl calls it", "form", "json", "URL", "untyped URL", "quoted URL"],
)
def test_colorize_accepts_form_json_and_raw_bodies(
    client: FlaskClient, sent: dict[str, Any]
) -> None:
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
        ("image/avif", "AVIF"),
        ("image/avif,image/webp;q=0.9", "AVIF"),
        ("text/html, image/webp;q=0.7, */*;q=0.2", "WEBP"),
        ("image/*", "BMP"),
        ("*/*", "BMP"),
        (None, "BMP"),
    ],
)
def test_accept_header_selects_the_format(
    client: FlaskClient, accept: str | None, wanted: str
) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = client.post(URL, data=photo_file(format="BMP"), headers=headers)
    assert answer.content_type == f"image/{wanted.lower()}"
    assert opened(answer.data).format == wanted


def test_jpeg_2000_is_written_on_request(client: FlaskClient) -> None:
    headers = {"Accept": "image/jp2"}
    answer = client.post(URL, data=photo_file((64, 48)), headers=headers)
    assert answer.content_type == "image/jp2"
    assert opened(answer.data).format == "JPEG2000"
    assert has_color(answer.data)


def test_gif_is_returned_as_png(client: FlaskClient) -> None:
    answer = client.post(URL, data=photo_file(format="GIF"), headers={"Accept": "*/*"})
    assert opened(answer.data).format == "PNG"


def test_pages_of_a_tiff_are_selected(client: FlaskClient) -> None:
    file, page = BytesIO(), opened(photo_file())
    page.save(file, "TIFF", save_all=True, append_images=[page, page])
    for pages, count in (("all", 3), ("2-3", 2), ("3", 1)):
        answer = client.post(f"{URL}?pages={pages}", data=file.getvalue())
        assert getattr(opened(answer.data), "n_frames", 1) == count
    assert_problem(client.post(f"{URL}?pages=0", data=file.getvalue()), 422)
    assert_problem(client.post(f"{URL}?pages=4", data=file.getvalue()), 422)
    as_png = {"Accept": "image/png"}
    answer = client.post(f"{URL}?pages=all", data=file.getvalue(), headers=as_png)
    assert "need a TIFF" in assert_problem(answer, 422)["detail"]


def test_unavailable_format_is_not_acceptable(client: FlaskClient) -> None:
    answer = client.post(URL, data=photo_file(), headers={"Accept": "text/html"})
    assert "image/webp" in assert_problem(answer, 406)["hint"]


def test_badge_is_drawn_into_the_corner(client: FlaskClient) -> None:
    plain, marked = (
        np.asarray(opened(client.post(f"{URL}?badge={badge}", data=photo_file((200, 100))).data))
        for badge in ("false", "true")
    )
    assert not np.array_equal(plain[80:, 180:], marked[80:, 180:])
    assert np.array_equal(plain[:80], marked[:80])


def test_luma_of_a_gray_jpeg_is_kept(client: FlaskClient) -> None:
    file = BytesIO()
    opened(photo_file()).convert("L").save(file, "JPEG")
    answer = client.post(f"{URL}?keep_luma=true", data=file.getvalue())
    assert has_color(answer.data)
    assert restore_luma(answer.data) == (file.getvalue(), True)
    refused = client.post(f"{URL}?keep_luma=true", data=photo_file(format="PNG"))
    assert "gray JPEG" in assert_problem(refused, 415)["detail"]
    for other in ("badge=true", "format=png"):
        assert_problem(client.post(f"{URL}?keep_luma=true&{other}", data=file.getvalue()), 422)
    as_png = {"Accept": "image/png"}
    answer = client.post(f"{URL}?keep_luma=true", data=file.getvalue(), headers=as_png)
    assert_problem(answer, 422)


def test_options_change_the_result(client: FlaskClient) -> None:
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
    ("query", "sentence"),
    [
        ("saturation=9", "saturation must be a number from 0 to 3"),
        ("saturation=nan", "saturation must be a number from 0 to 3"),
        ("warmth=warm", "warmth must be a number from -1 to 1"),
        ("size=1", "size must be a whole number from 64 to 2048"),
        ("quality=0", "quality must be a whole number from 1 to 100"),
        ("badge=maybe", "badge must be true or false"),
        ("saturaton=1", "saturaton is not known"),
        ("model=../../etc/passwd.onnx", "there is no model '../../etc/passwd.onnx'"),
        ("model=tiny2", "there is no model 'tiny2'"),
    ],
)
def test_invalid_options_are_explained_in_a_sentence(
    client: FlaskClient, query: str, sentence: str
) -> None:
    answer = client.post(f"{URL}?{query}", data=photo_file())
    assert answer.status_code == 422
    problem = answer.get_json(force=True)
    assert problem["detail"] == sentence
    assert problem["hint"]


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"not an image", "this is a text file, not a photograph"),
        (photo_file()[:60], "the image is damaged or truncated"),
        (photo_file((1, 9)), "1 x 9 pixels are too few to color"),
    ],
)
def test_errors_say_once_that_it_is_the_image(
    client: FlaskClient, data: bytes, detail: str
) -> None:
    assert client.post(URL, data=data).get_json(force=True)["detail"] == detail


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "image is required"),
        ({"image": 5}, "image must be a file in base64, or a data URL of one"),
        ({"image": "data:image/png,QUJD"}, "image: a data URL must be in base64"),
        ({"image": "QUJD", "other": 1}, "other is not known"),
        ({"image": "QUJD", "hints": 5}, "hints must be a JSON object"),
    ],
)
def test_invalid_json_is_explained_in_a_sentence(
    client: FlaskClient, body: dict[str, Any], sentence: str
) -> None:
    problem = assert_problem(client.post(URL, json=body), 400)
    assert problem["detail"] == f"the JSON body is invalid: {sentence}"


def test_a_data_url_keeps_to_the_limits(make_app: MakeApp) -> None:
    content = photo_file((96, 64))
    client = make_app(direct_bytes=len(content)).test_client()
    assert client.post(URL, json={"image": data_url(content)}).status_code == 200
    problem = assert_problem(client.post(URL, json={"image": data_url(content + b"x")}), 413)
    assert problem["hint"] == "Use POST /v1/jobs for larger images."


@pytest.mark.parametrize("sent", [as_json(photo_file(), hints=HINTS), None])
def test_hints_change_the_colors(client: FlaskClient, sent: dict[str, Any] | None) -> None:
    sent = sent or form(photo_file(), hints=json.dumps(HINTS))
    plain = np.asarray(opened(client.post(URL, data=photo_file()).data)).astype(int)
    hinted = np.asarray(opened(client.post(URL, **sent).data)).astype(int)
    red, _, blue = np.moveaxis(hinted - plain, -1, 0)
    assert blue.max() > 20
    assert red.min() < -20


def test_invalid_hints_are_rejected(client: FlaskClient) -> None:
    problem = assert_problem(client.post(URL, **form(photo_file(), hints="{}")), 422)
    assert "format" in problem["detail"]


def test_hints_for_a_model_without_support_are_rejected(
    make_app: MakeApp, tmp_path_factory: Any
) -> None:
    plain = write_model(tmp_path_factory.mktemp("plain") / "plain.onnx")
    client = make_app(model=str(plain)).test_client()
    problem = assert_problem(client.post(URL, **as_json(photo_file(), hints=HINTS)), 422)
    assert "does not support hints" in problem["detail"]


def test_model_is_selected_by_name(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
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
    assert_problem(client.post(f"{URL}?model=broken", data=photo_file()), 500)


def test_unknown_model_is_rejected_with_those_that_there_are(client: FlaskClient) -> None:
    problem = assert_problem(client.post(f"{URL}?model=nosuch", data=photo_file()), 422)
    assert problem["detail"] == "there is no model 'nosuch'"
    assert problem["hint"]


def test_missing_folder_of_models_is_an_error_at_the_start_and_a_problem_later(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    folder = tmp_path / "models"
    monkeypatch.setenv("RECHROMA_MODELS", str(folder))
    with pytest.raises(ModelNotFoundError, match=r"the model folder .* does not exist"):
        make_app()
    folder.mkdir()
    client = make_app().test_client()
    folder.rmdir()
    for answer in (
        client.get("/v1/models"),
        client.post(f"{URL}?model=nosuch", data=photo_file()),
    ):
        assert "folder of models, is missing" in assert_problem(answer, 500)["detail"]
    assert client.post(URL, data=photo_file()).status_code == 200


def test_replaced_model_is_loaded_again(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("RECHROMA_MODELS", str(folder))
    client = make_app().test_client()

    def blue_excess() -> float:
        answer = client.post(f"{URL}?model=mine", data=photo_file())
        red, _, blue = np.asarray(opened(answer.data)).astype(int).mean(axis=(0, 1))
        return float(blue - red)

    path = write_model(folder / "mine.onnx", ab=(0.0, -40.0))
    assert blue_excess() > 10
    path.unlink()
    write_model(path, ab=(0.0, 40.0), hints=True)
    assert blue_excess() < -10
    hinted = client.post(URL, **form(photo_file(), hints=json.dumps(HINTS), model="mine"))
    assert hinted.status_code == 200, hinted.text
    path.unlink()
    assert_problem(client.post(f"{URL}?model=mine", data=photo_file()), 422)


@pytest.mark.parametrize("way", ["raw", "form", "json"])
def test_too_many_bytes_are_rejected_with_a_hint_at_jobs(make_app: MakeApp, way: str) -> None:
    client = make_app(direct_bytes=100).test_client()
    data = photo_file((400, 300))
    for size in (101, 100_000, len(data)):
        body = (data * (size // len(data) + 1))[:size]
        sent = {"raw": {"data": body}, "form": form(body), "json": as_json(body)}[way]
        assert "/v1/jobs" in assert_problem(client.post(URL, **sent), 413)["hint"]


def test_too_many_pixels_are_rejected_with_a_hint_at_jobs(make_app: MakeApp) -> None:
    client = make_app(direct_pixels=48 * 32 - 1).test_client()
    problem = assert_problem(client.post(URL, data=photo_file()), 413)
    assert problem["detail"] == "48 x 32 pixels exceed the limit of 1535"
    assert "/v1/jobs" in problem["hint"]


def test_several_images_are_rejected(client: FlaskClient) -> None:
    problem = assert_problem(client.post(URL, **form(photo_file(), photo_file())), 400)
    assert "/v1/jobs" in problem["hint"]


def test_busy_workers_give_503(make_app: MakeApp) -> None:
    from rechroma.service import service_of

    app = make_app(workers=1, wait=0, start=False, rate="9/hour")
    with service_of(app).pool.acquire(0):
        answer = app.test_client().post(URL, data=photo_file())
    assert_problem(answer, 503)
    assert 0 < int(answer.headers["Retry-After"]) < 60  # not the whole period of the limit
    assert app.test_client().post(URL, data=photo_file()).status_code == 200


def test_health_is_answered_while_image_slots_are_taken(make_app: MakeApp) -> None:
    from rechroma.service import service_of

    app = make_app(threads=4, start=False)
    places = service_of(app).image_slots
    for _ in range(3):
        assert places.acquire(blocking=False)
    assert_problem(app.test_client().post(URL, data=photo_file()), 503)
    assert app.test_client().get("/healthz").status_code == 200
    for _ in range(3):
        places.release()
