"""Malformed requests and fuzzed images: a client error, never a server error."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.api.conftest import running_app
from tests.support.service import assert_problem, form, photo_file, wait_for_end

REFUSED = {400, 413, 415, 422}
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, model: str) -> Iterator[FlaskClient]:
    """A client of one app for all requests, which must not affect later ones."""
    with running_app(data=tmp_path_factory.mktemp("service"), model=model) as app:
        yield app.test_client()


def fuzzed(seed: int) -> bytes:
    """Generate an image file with bytes changed, removed or inserted."""
    rng = np.random.default_rng(seed)
    data = bytearray(photo_file((40, 30), FORMATS[seed % len(FORMATS)], mode="RGB"))
    for _ in range(rng.integers(1, 12)):
        at = int(rng.integers(0, len(data)))
        match rng.integers(0, 3):
            case 0:
                data[at] = int(rng.integers(0, 256))
            case 1:
                del data[at : at + int(rng.integers(1, 30))]
            case _:
                data[at:at] = rng.bytes(int(rng.integers(1, 30)))
        data = data or bytearray(b"\0")
    return bytes(data)


def bomb(side: int) -> bytes:
    """Make a PNG of a few bytes whose header declares `side` x `side` pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(100_000))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("seed", range(50))
def test_fuzzed_images_give_a_result_or_a_problem(client: FlaskClient, seed: int) -> None:
    answer = client.post("/v1/colorize", data=fuzzed(seed))
    assert answer.status_code in REFUSED | {200}, answer.get_data()
    if answer.status_code != 200:
        assert_problem(answer, answer.status_code)


def test_fuzzed_images_in_a_job_give_results_or_problems(client: FlaskClient) -> None:
    answer = client.post("/v1/jobs", **form(*(fuzzed(seed) for seed in range(50)), photo_file()))
    job = wait_for_end(client, answer.headers["Location"])
    assert job["state"] == "done"
    assert job["done"] + job["failed"] == 51
    assert job["images"][-1]["state"] == "done"
    problems = [image["problem"] for image in job["images"] if image["problem"]]
    assert {problem["status"] for problem in problems} <= REFUSED


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (photo_file((300, 200), "JPEG")[:250], 422),
        (photo_file()[:40], 422),
        (b"GIF89a", 422),
        (b"%PDF-1.7 and so on", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
        (b"PK\x03\x04" + bytes(100), 415),
        (b"\0", 415),
        (photo_file((1, 40)), 422),
        (bomb(60_000), 413),
        (b"<script>" + photo_file(), 415),
    ],
    ids=["cut jpeg", "cut png", "gif head", "pdf", "svg", "zip", "nul", "line", "bomb", "polyglot"],
)
def test_unusable_images_are_rejected(client: FlaskClient, data: bytes, status: int) -> None:
    assert_problem(client.post("/v1/colorize", data=data), status)
    job = wait_for_end(client, client.post("/v1/jobs", data=data).headers["Location"])
    assert job["problem"]["status"] == status


def test_trailing_bytes_are_ignored(client: FlaskClient) -> None:
    answer = client.post("/v1/colorize", data=photo_file() + b"<script>alert(1)</script>")
    assert answer.status_code == 200
    assert b"alert" not in answer.data
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


IMAGE = base64.b64encode(photo_file()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"image"',
        "{}",
        '{"image": 5}',
        '{"image": ""}',
        '{"image": "%%%"}',
        '{"image": "QUJD", "other": 1}',
        '{"images": []}',
        '{"images": ["QUJD"]}',
        '{"images": [{"data": "QUJD", "name": 7}]}',
        '{"images": [{"data": "\\u0000"}]}',
        "[" * 100_000,
        '{"image": "\ud800"}'.encode("utf-8", "surrogatepass"),
        b'\xff\xfe{"image"',
        json.dumps({"image": IMAGE, "hints": {"format": 2}}),
        json.dumps({"images": [{"data": IMAGE}], "hints": {"format": 1, "hints": 5}}),
        '{"images": [{"data": "QUJD", "name": "' + "n" * 300 + '"}]}',
    ],
)
@pytest.mark.parametrize("url", ["/v1/colorize", "/v1/jobs"])
def test_malformed_json_is_rejected(client: FlaskClient, url: str, text: str | bytes) -> None:
    answer = client.post(url, data=text, content_type="application/json")
    problem = assert_problem(answer, answer.status_code)
    assert problem["status"] in REFUSED
    assert IMAGE[:20] not in str(problem)


@pytest.mark.parametrize(
    "data", ["!!!", "@@@not base64@@@", IMAGE[:8] + "!" + IMAGE[8:], IMAGE + "!", "\n", "===="]
)
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_what_is_not_base64_is_an_invalid_body(client: FlaskClient, prefix: str, data: str) -> None:
    expected = "must be a file in base64, or a data URL of one"
    answer = client.post("/v1/colorize", json={"image": prefix + data})
    detail = assert_problem(answer, 400)["detail"]
    assert detail == f"the JSON body is invalid: image {expected}"
    answer = client.post("/v1/jobs", json={"images": [{"data": prefix + data}]})
    detail = assert_problem(answer, 400)["detail"]
    assert detail == f"the JSON body is invalid: images.0.data {expected}"


def test_base64_may_have_line_breaks(client: FlaskClient) -> None:
    body = {"image": base64.encodebytes(photo_file()).decode().replace("\n", "\r\n")}
    assert client.post("/v1/colorize", json=body).status_code == 200


@pytest.mark.parametrize(
    ("url", "text", "sentence"),
    [
        ("/v1/colorize", "[]", "it must be a JSON object"),
        ("/v1/colorize", '"image"', "it must be a JSON object"),
        ("/v1/jobs", "null", "it must be a JSON object"),
        ("/v1/jobs", '{"images": ["QUJD"]}', "images.0 must be a JSON object"),
    ],
)
def test_what_is_not_an_object_is_named(
    client: FlaskClient, url: str, text: str, sentence: str
) -> None:
    answer = client.post(url, data=text, content_type="application/json")
    assert assert_problem(answer, 400)["detail"] == f"the JSON body is invalid: {sentence}"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: nothing\r\n\r\na\r\n--x--",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nno file\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="p"; filename="a"\r\n\r\ncut off',
        ),
        ("multipart/form-data; boundary=" + "x" * 500, b"--x"),
        ("application/json; charset=nothing", b"{"),
        ("", b""),
        ("image/png", b""),
    ],
)
@pytest.mark.filterwarnings(  # Werkzeug leaves it to Python to close the file that was begun
    "ignore:Exception ignored in. <function SpooledTemporaryFile:"
    "pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("url", ["/v1/colorize", "/v1/jobs"])
def test_malformed_forms_are_rejected(
    client: FlaskClient, url: str, content_type: str, body: bytes
) -> None:
    answer = client.post(url, data=body, content_type=content_type)
    assert assert_problem(answer, answer.status_code)["status"] in REFUSED


def test_forms_with_thousands_of_parts_are_rejected(client: FlaskClient) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    body = part * 5000 + b"--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    assert_problem(client.post("/v1/jobs", data=body, content_type=kind), 413)
    assert_problem(client.post("/v1/colorize", data=body, content_type=kind), 413)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(client: FlaskClient, method: str) -> None:
    answer = client.open("/v1/colorize", method=method)
    problem = assert_problem(answer, 405)
    assert "POST" in answer.headers["Allow"]
    assert problem["type"] == "urn:rechroma:wrong-method"
    assert problem["detail"] == f"this URL does not support {method}"
    assert "/docs" in problem["hint"]


@pytest.mark.parametrize("url", ["/v1/colourize", "/nothing", "/v1/jobs/a/b/c"])
def test_unknown_urls_are_not_found(client: FlaskClient, url: str) -> None:
    problem = assert_problem(client.get(url), 404)
    assert problem["type"] == "urn:rechroma:unknown-url"
    assert "/docs" in problem["hint"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "\xff\x00;;q=x,,,"},
        {"Accept": "image/png;q=" + "9" * 400},
        {"Content-Length": "-1"},
        {"Content-Length": "many"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic %%%"},
        {"Idempotency-Key": ""},
        {"Range": "bytes=a-b"},
    ],
)
def test_odd_headers_cause_no_server_error(client: FlaskClient, headers: dict[str, Any]) -> None:
    for url in ("/v1/colorize", "/v1/jobs"):
        answer = client.post(url, data=photo_file(), headers=headers)
        assert answer.status_code < 500, answer.get_data()
