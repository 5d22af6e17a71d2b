"""`/v1/jobs`: submission, state, events, results, deletion and expiry."""

from __future__ import annotations

import base64
import json
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from rechroma.service import service_of
from tests.api.conftest import MakeApp, SharedJobs, begin, both
from tests.support.service import (
    assert_problem,
    form,
    has_color,
    opened,
    photo_file,
    wait_for_end,
)

URL = "/v1/jobs"

pytestmark = both


def submit(client: FlaskClient, *images: bytes | tuple[str, bytes], query: str = "") -> str:
    answer = client.post(URL + query, **form(*images))
    assert answer.status_code == 202, answer.get_data()
    assert answer.get_json()["links"]["self"] == answer.headers["Location"]
    return str(answer.headers["Location"])


def test_job_of_one_image_returns_the_image(client: FlaskClient) -> None:
    url = submit(client, ("grandma.png", photo_file()), query="?format=jpeg")
    job = wait_for_end(client, url)
    assert (job["state"], job["total"], job["done"], job["failed"]) == ("done", 1, 1, 0)
    assert job["created"] <= job["ended"] < job["expires"]
    answer = client.get(job["links"]["result"])
    assert answer.content_type == "image/jpeg"
    assert "grandma.color.jpg" in answer.headers["Content-Disposition"]
    assert has_color(answer.data)


@pytest.mark.parametrize("other", ["badge=true", "format=png"])
def test_options_that_contradict_each_other_are_rejected_at_once(
    client: FlaskClient, other: str
) -> None:
    answer = client.post(f"{URL}?keep_luma=true&{other}", **form(photo_file()))
    assert "luma" in assert_problem(answer, 422)["detail"]


def test_job_of_many_images_returns_a_zip(client: FlaskClient) -> None:
    names = ["a.png", "../../etc/passwd", "a.png", "C:\\boot.ini", "\0.png", "Ä Ö.jpeg", ""]
    url = submit(client, *((name, photo_file()) for name in names if name), b"no image")
    job = wait_for_end(client, url)
    assert (job["state"], job["done"], job["failed"]) == ("done", 6, 1)
    assert job["images"][-1]["problem"]["status"] == 415
    answer = client.get(job["links"]["result"])
    assert answer.content_type == "application/zip"
    with zipfile.ZipFile(BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        inside = archive.namelist()
        assert len(set(inside)) == 6
        assert not any("/" in name or "\\" in name or name.startswith(".") for name in inside)
        assert inside[0] == "001-a.color.png"
        assert all(has_color(archive.read(name)) for name in inside)


def test_job_reports_lost_color_and_pages(client: FlaskClient) -> None:
    sepia, box = (opened(photo_file(size, mode="RGB")) for size in ((48, 32), (24, 24)))
    sepia.paste((150, 90, 30), (0, 0, 48, 16))
    file = BytesIO()
    sepia.save(file, "TIFF", save_all=True, append_images=[box, box])
    job = wait_for_end(client, submit(client, file.getvalue(), photo_file(), b"no image"))
    reported = [(image["was_color"], image["pages"]) for image in job["images"]]
    assert reported == [(True, 3), (False, 1), (None, None)]


def test_truncated_jpeg_is_reported_or_rejected(client: FlaskClient) -> None:
    file = BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    half = file.getvalue()[: len(file.getvalue()) // 2]
    job = wait_for_end(client, submit(client, file.getvalue(), file.getvalue()[:-2], half))
    assert [image["damage"] for image in job["images"]] == [None, "end_missing", "truncated"]
    direct = client.post("/v1/colorize", data=half)
    assert direct.headers["Image-Damage"] == "truncated"
    assert "Image-Damage" not in client.post("/v1/colorize", data=file.getvalue()).headers
    assert client.post("/v1/chroma", data=half).get_json()["damage"] == "truncated"
    assert_problem(client.post("/v1/colorize?strict=true", data=half), 422)


def test_unreadable_metadata_is_reported(client: FlaskClient) -> None:
    file = BytesIO()
    exif = b"Exif\0\0II*\0\xff\xff\xff\xff"
    Image.new("L", (64, 64), 90).save(file, "JPEG", exif=exif, xmp=b"<torn")
    job = wait_for_end(client, submit(client, file.getvalue(), photo_file()))
    found = [image["unreadable_metadata"] for image in job["images"]]
    assert found == [["EXIF", "XMP"], []]
    direct = client.post("/v1/colorize", data=file.getvalue())
    assert direct.headers["Unreadable-Metadata"] == "EXIF, XMP"
    whole = client.post("/v1/colorize", data=photo_file())
    assert "Unreadable-Metadata" not in whole.headers
    preview = client.post("/v1/chroma", data=file.getvalue()).get_json()
    assert preview["unreadable_metadata"] == ["EXIF", "XMP"]


def test_jobs_accept_json_and_raw_bodies(client: FlaskClient) -> None:
    data = base64.b64encode(photo_file()).decode()
    answer = client.post(URL, json={"images": [{"data": data, "name": "a.png"}, {"data": data}]})
    assert wait_for_end(client, answer.headers["Location"])["done"] == 2
    answer = client.post(URL, data=photo_file())
    assert wait_for_end(client, answer.headers["Location"])["done"] == 1


def test_range_returns_part_of_the_result(client: FlaskClient) -> None:
    url = submit(client, photo_file(), photo_file())
    wait_for_end(client, url)
    whole = client.get(f"{url}/result").data
    part = client.get(f"{url}/result", headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.data == whole[10:20]
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    beyond = client.get(f"{url}/result", headers={"Range": f"bytes={len(whole)}-"})
    assert_problem(beyond, 416)
    again = client.get(f"{url}/result", headers={"If-None-Match": part.headers["ETag"]})
    assert again.status_code == 304


def test_failed_job_has_a_problem(client: FlaskClient) -> None:
    job = wait_for_end(client, submit(client, photo_file()[:60]))
    assert job["state"] == "failed"
    assert job["problem"]["status"] == 422
    assert "photo" in job["problem"]["detail"]
    assert_problem(client.get(job["links"]["result"]), 409)


def test_result_of_unfinished_job_is_a_conflict(make_app: MakeApp) -> None:
    client = make_app(start=False).test_client()
    url = submit(client, photo_file())
    job = client.get(url).get_json()
    assert (job["state"], job["ended"], job["expires"]) == ("queued", None, None)
    assert_problem(client.get(f"{url}/result"), 409)


@pytest.mark.parametrize("path", ["", "/result", "/events"])
@pytest.mark.parametrize("name", ["unknown", "..", "%2e%2e%2fjobs.sqlite", "a'--"])
def test_unknown_job_is_not_found(client: FlaskClient, name: str, path: str) -> None:
    assert client.get(f"{URL}/{name}{path}").status_code == 404
    assert client.delete(f"{URL}/{name}").status_code == 404


def test_deleted_job_is_gone_with_its_files(make_app: MakeApp, folder: Path) -> None:
    app = make_app()
    client = app.test_client()
    url = submit(client, photo_file())
    wait_for_end(client, url)
    assert client.delete(url).status_code == 204
    assert_problem(client.get(url), 404)
    assert_problem(client.get(f"{url}/result"), 404)
    assert_problem(client.delete(url), 404)
    assert list(folder.iterdir()) == []


def test_queued_job_can_be_deleted(
    make_app: MakeApp, folder: Path, team: SharedJobs | None
) -> None:
    app = make_app(start=False)
    client = app.test_client()
    url, other = submit(client, photo_file()), submit(client, photo_file())
    assert client.delete(url).status_code == 204
    begin(app, team)
    assert wait_for_end(client, other)["state"] == "done"
    assert len(list(folder.iterdir())) == 1


def test_idempotency_key_returns_the_same_job(client: FlaskClient, folder: Path) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (client.post(URL, **form(photo_file()), headers=headers) for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.headers["Location"] == again.headers["Location"]
    other = client.post(URL, **form(photo_file(level=90)), headers=headers)
    assert "Idempotency-Key" in assert_problem(other, 422)["detail"]
    options = client.post(f"{URL}?warmth=1", **form(photo_file()), headers=headers)
    assert_problem(options, 422)
    assert len(list(folder.iterdir())) == 1
    without = submit(client, photo_file())
    assert without != first.headers["Location"]
    assert_problem(
        client.post(URL, **form(photo_file()), headers={"Idempotency-Key": "k" * 300}), 400
    )


def test_full_queue_gives_503(make_app: MakeApp, folder: Path, team: SharedJobs | None) -> None:
    app = make_app(start=False, queue=2)
    client = app.test_client()
    url = submit(client, photo_file(), photo_file())
    full = client.post(URL, **form(photo_file()))
    assert_problem(full, 503)
    assert int(full.headers["Retry-After"]) > 0
    assert len(list(folder.iterdir())) == 1
    begin(app, team)
    wait_for_end(client, url)
    wait_for_end(client, submit(client, photo_file()))


def test_job_limits_are_enforced(make_app: MakeApp, folder: Path) -> None:
    client = make_app(job_bytes=20_000, job_images=2).test_client()
    assert_problem(client.post(URL, **form(*[photo_file()] * 3)), 413)
    for request in ({"data": b"x" * 200_000}, form(b"x" * 200_000)):
        problem = assert_problem(client.post(URL, **request), 413)
        assert problem["type"] == "urn:rechroma:upload-too-large"
        assert "20000 bytes" in problem["detail"]
    assert_problem(client.post(URL, **form(photo_file(), b"")), 422)
    assert list(folder.iterdir()) == []


def test_events_end_with_the_final_state(client: FlaskClient) -> None:
    url = submit(client, *[photo_file((300, 200))] * 4)
    answer = client.get(f"{url}/events")
    assert answer.mimetype == "text/event-stream"
    events = [event.split("\n") for event in answer.get_data(as_text=True).strip().split("\n\n")]
    jobs = [json.loads(data.removeprefix("data: ")) for _, data in events]
    assert [name for name, _ in events] == [f"event: {job['state']}" for job in jobs]
    assert jobs[-1]["state"] == "done"
    counts = [job["done"] for job in jobs]
    assert counts == sorted(counts)
    assert client.get(url).get_json() == jobs[-1]


def test_event_streams_are_limited(make_app: MakeApp) -> None:
    app = make_app(streams=1, start=False)
    client = app.test_client()
    url = submit(client, photo_file())
    with client.get(f"{url}/events", buffered=False) as stream:
        assert_problem(client.get(f"{url}/events"), 503)
        assert b"event: queued" in next(iter(stream.response))
    with client.get(f"{url}/events", buffered=False) as stream:
        events = iter(stream.response)
        next(events)
        client.delete(url)
        assert b'"status":404' in next(events)


def test_results_expire(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    client, service = app.test_client(), service_of(app)
    whole, broken = photo_file(), photo_file()[:60]
    url = submit(client, ("secret-name.png", whole), ("secret-name.png", broken))
    assert "secret-name" in wait_for_end(client, url)["images"][1]["problem"]["detail"]
    waiting = make_app(start=False, data=tmp_path / "other")
    kept = submit(waiting.test_client(), photo_file())
    assert service.store.expire(keep=0) != []
    job = client.get(url).get_json()
    assert job["state"] == "expired"
    assert "secret-name" not in str(job)
    assert_problem(client.get(f"{url}/result"), 410)
    assert client.get(f"{url}/events").get_data().startswith(b"event: expired")
    service.store.expire(keep=0)
    assert_problem(client.get(url), 404)
    assert service_of(waiting).store.expire(keep=0) == []  # what has not ended is kept
    assert waiting.test_client().get(kept).get_json()["state"] == "queued"


def test_expired_files_are_removed(make_app: MakeApp, folder: Path) -> None:
    app = make_app(keep=0.001)
    client = app.test_client()
    wait_for_end(client, submit(client, photo_file()))
    service_of(app).job_service.cleanup()
    assert list(folder.iterdir()) == []


def test_every_result_decodes(client: FlaskClient) -> None:
    for name in ("jpeg", "png", "webp", "tiff", "avif", "jpeg2000"):
        url = submit(client, photo_file((64, 48)), query=f"?format={name}")
        wait_for_end(client, url)
        assert opened(client.get(f"{url}/result").data).format == name.upper()
