"""`GET /v1/jobs`: the jobs of an API key; and single results by their names."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from rechroma.service import new_key, service_of
from tests.api.conftest import MakeApp, both
from tests.support.service import assert_problem, form, has_color, photo_file, wait_for_end

URL = "/v1/jobs"
pytestmark = both


@pytest.fixture
def keys() -> list[tuple[str, str]]:
    return [new_key(), new_key()]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def submit(client: FlaskClient, headers: dict[str, str], *images: Any) -> str:
    answer = client.post(URL, **form(*(images or (photo_file(),))), headers=headers)
    assert answer.status_code == 202
    return str(answer.get_json()["id"])


def listed(client: FlaskClient, headers: dict[str, str], query: str = "") -> list[str]:
    """Follow the pages to the last."""
    found: list[str] = []
    url: str | None = URL + query
    while url:
        page = client.get(url, headers=headers).get_json()
        found += [job["id"] for job in page["jobs"]]
        url = page["next"]
    return found


def test_jobs_of_the_own_key_are_listed_page_by_page(
    make_app: MakeApp, keys: list[tuple[str, str]]
) -> None:
    client = make_app(keys=[hashed for _, hashed in keys], start=False).test_client()
    mine, other = (bearer(key) for key, _ in keys)
    assert client.get(URL, headers=mine).get_json() == {"jobs": [], "next": None}
    ids = [submit(client, mine) for _ in range(5)]
    theirs = submit(client, other)
    for count in (1, 2, 5, 100):
        assert listed(client, mine, f"?count={count}") == ids[::-1]
    assert listed(client, other) == [theirs]
    first = client.get(f"{URL}?count=2", headers=mine).get_json()
    assert [job["state"] for job in first["jobs"]] == ["queued", "queued"]
    assert client.delete(f"{URL}/{ids[2]}", headers=mine).status_code == 204
    newer = submit(client, mine)
    following = client.get(first["next"], headers=mine).get_json()  # neither twice nor left out
    assert [job["id"] for job in following["jobs"]] == [ids[1], ids[0]]
    assert listed(client, mine) == [newer, ids[4], ids[3], ids[1], ids[0]]
    assert client.get(first["next"], headers=other).get_json()["jobs"] == []


def test_invalid_pages_are_explained(make_app: MakeApp, keys: list[tuple[str, str]]) -> None:
    client = make_app(keys=keys[0][1], start=False).test_client()
    headers = bearer(keys[0][0])
    problem = assert_problem(client.get(f"{URL}?after=there", headers=headers), 422)
    assert problem["detail"] == "after is not of the expected form"
    problem = assert_problem(client.get(f"{URL}?count=0", headers=headers), 422)
    assert problem["detail"] == "count must be a whole number from 1 to 100"
    assert_problem(client.get(URL), 401)


def test_jobs_are_not_listed_without_keys(make_app: MakeApp) -> None:
    client = make_app(start=False).test_client()
    submit(client, {})
    assert "RECHROMA_KEYS" in assert_problem(client.get(URL), 401)["hint"]


def test_a_result_is_downloaded_by_its_name(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    images = [("a b.png", photo_file()), ("scan.gif", photo_file()), ("bad.jpg", b"rubbish")]
    url = f"{URL}/{submit(client, {}, *images)}"
    job = wait_for_end(client, url)
    names = [image["result"] for image in job["images"]]
    assert names == ["001-a b.color.png", "002-scan.color.png", None]
    for name in names[:2]:
        answer = client.get(f"{url}/results/{name}")
        assert answer.status_code == 200
        assert answer.content_type == "image/png"
        assert has_color(answer.data)
    part = client.get(f"{url}/results/{names[0]}", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, b"\x89PNG")
    for name in ("003-bad.color.png", "a b.color.png", "..", "%2e%2e"):
        assert_problem(client.get(f"{url}/results/{name}"), 404)
    app.extensions["rechroma"].job_service._keep = 0
    service_of(app).job_service.cleanup()
    assert_problem(client.get(f"{url}/results/{names[0]}"), 410)
    assert client.get(url).get_json()["images"][0]["result"] is None


def test_the_result_of_a_job_of_one_image_has_no_number(make_app: MakeApp) -> None:
    client = make_app().test_client()
    url = f"{URL}/{submit(client, {}, ('photo.png', photo_file()))}"
    (image,) = wait_for_end(client, url)["images"]
    assert image["result"] == "photo.color.png"
    assert has_color(client.get(f"{url}/results/photo.color.png").data)
