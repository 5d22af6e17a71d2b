"""The blueprint of the page and `rechroma app`, without a browser."""

from __future__ import annotations

import gzip
import os
import re
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from rechroma._version import __version__
from rechroma.options import OPTIONS
from rechroma.service import Settings, create_app, new_key, service_of
from rechroma.web.blueprint import STATIC
from tests.support.models import write_model
from tests.support.service import PATIENCE, opened, photo_file


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("page")
    model = str(write_model(folder / "tiny.onnx"))
    settings = Settings(data=folder, model=model, workers=1, isolate=False, keys=(new_key()[1],))
    app = create_app(settings)
    yield app.test_client()
    service_of(app).close()


def test_index_needs_no_key_and_has_a_strict_policy(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "Set-Cookie" not in answer.headers
    assert client.get("/v1/models").status_code == 401


def test_static_files_have_no_inline_code_or_other_hosts() -> None:
    html = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    names_of_xmp = STATIC / "js" / "local" / "metadata"  # namespaces look like addresses
    for path in STATIC.rglob("*"):
        if path.suffix in (".html", ".css", ".js") and path.parent != names_of_xmp:
            hosts = re.findall(r"https?://[\w.]+", path.read_text("utf-8"))
            assert hosts == [], path


def test_every_module_of_the_service_is_preloaded() -> None:
    html = (STATIC / "index.html").read_text("utf-8")
    named = set(re.findall(r'"static/js/([\w./]+)"', html))
    modules = {path.relative_to(STATIC / "js").as_posix() for path in (STATIC / "js").rglob("*.js")}
    assert named == {name for name in modules if not name.startswith("local/")}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("js/main.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("texts/ru.json", "application/json"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_static_files_are_compressed_and_revalidated(
    client: FlaskClient, name: str, kind: str
) -> None:
    plain = client.get(f"/static/{name}")
    assert plain.data == (STATIC / name).read_bytes()
    assert plain.content_type == kind
    packed = client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    again = client.get(f"/static/{name}", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["../blueprint.py", "..%2fblueprint.py", "js", "nothing.js"])
def test_other_files_are_not_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_sliders_are_those_of_the_options(client: FlaskClient) -> None:
    sliders = {slider["name"]: slider for slider in client.get("/sliders").get_json()}
    assert sliders.keys() == {"saturation", "warmth", "blend"}
    for name, slider in sliders.items():
        option = OPTIONS[name]
        assert (slider["min"], slider["max"]) == (option.low, option.high)
        assert (slider["step"], slider["default"]) == (option.step, option.default)


def test_help_facts_need_no_key(client: FlaskClient) -> None:
    assert client.get("/about").get_json() == {"version": __version__}
    card = client.get("/model-card").get_json()
    assert card["name"] == "tiny"
    assert card["license"]


def test_samples_are_gray_in_two_sizes(client: FlaskClient) -> None:
    names = client.get("/samples").get_json()
    assert "cat" in names
    large = opened(client.get("/samples/cat.jpg").data)
    small = opened(client.get("/samples/small/cat.jpg").data)
    assert large.mode == small.mode == "L"
    assert max(small.size) == 200 < max(large.size)
    assert np.asarray(large).std() > 20
    assert client.get("/samples/nothing.jpg").status_code == 404


def test_samples_without_scikit_image_are_those_of_the_package(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechroma.web.samples.find_spec", lambda _: None)
    names = client.get("/samples").get_json()
    assert names == ["astronaut", "cat", "coffee", "rocket", "photographer"]
    for name in names:
        assert opened(client.get(f"/samples/{name}.jpg").data).mode == "L"
    assert client.get("/samples/motorcycle.jpg").status_code == 404


def test_openapi_omits_the_page(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    assert not [path for path in paths if path == "/" or "static" in path or "samples" in path]


@pytest.mark.skipif(os.name == "nt", reason="the browser is a shell script")
def test_app_command_opens_the_page_and_cleans_up(tmp_path: Path) -> None:
    seen, temporary = tmp_path / "seen", tmp_path / "temporary"
    temporary.mkdir()
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    model = write_model(tmp_path / "tiny.onnx")
    command = [sys.executable, "-W", "error", "-m", "rechroma", "app", "--port", "0"]
    given = {"BROWSER": f"{browser} %s", "TMPDIR": str(temporary), "RECHROMA_KEYS": new_key()[1]}
    given["RECHROMA_DIRECT_PIXELS"] = "100"  # such limits are for a service of many
    app = subprocess.Popen(
        [*command, "--model", str(model)], env=os.environ | given, stderr=subprocess.PIPE, text=True
    )
    try:
        assert app.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", app.stderr.readline())
        assert found
        limit = time.monotonic() + PATIENCE
        while not (seen.exists() and seen.read_text().strip()):
            assert time.monotonic() < limit
            time.sleep(0.05)
        assert seen.read_text().strip() == found[0]
        with urllib.request.urlopen(f"{found[0]}/v1/models") as answer:  # it wants no key
            assert answer.status == 200
        with urllib.request.urlopen(f"{found[0]}/v1/chroma", photo_file()) as answer:
            assert answer.status == 200
        assert len(list(temporary.glob("rechroma-*"))) == 1
    finally:
        app.terminate()
        stderr = app.communicate(timeout=PATIENCE)[1]
    assert stderr == ""
    assert list(temporary.glob("rechroma-*")) == []
