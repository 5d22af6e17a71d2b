"""The static site in Firefox: the model, results, offline use and accessibility."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rechroma import Colorizer, Hint
from rechroma.hints import hints_to_json
from rechroma.models import find_model
from rechroma.web.site import write_site
from tests.support.firefox import FirefoxPage
from tests.support.page_driver import axe_violations, decode_rgb, make_photo
from tests.support.service import has_color, opened
from tests.support.site_backend import SiteBackend
from tests.support.static_host import StaticHost

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = pytest.mark.skipif(not FIREFOX, reason="Firefox is not installed")

TOLERANCE = 0.01  # units of a* and b*
CLICK = "(selector) => document.querySelector(selector).click()"
CHOOSE = """(theme) => {
  const choice = document.querySelector("#theme");
  choice.value = theme;
  choice.dispatchEvent(new Event("change", { bubbles: true }));
}"""
KEPT = """async () => {
  await navigator.serviceWorker.ready;
  const names = (await caches.keys()).filter((name) => name.startsWith("rechroma-assets"));
  const kept = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
  return kept.flat().length;
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirefoxPage]:
    opened_page = FirefoxPage(str(FIREFOX), tmp_path_factory.mktemp("firefox"))
    yield opened_page
    opened_page.close()


@pytest.fixture(scope="module")
def backend(page: FirefoxPage, site: str) -> SiteBackend:
    return SiteBackend(page, site)


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer(provider="cpu", threads=1)


@pytest.mark.parametrize("size", [(451, 300), (1003, 1711)], ids=str)
@pytest.mark.parametrize("hints", [(), (Hint(0.5, 0.45, "#3060c0"),)], ids=["plain", "hint"])
def test_chroma_equals_that_of_the_package(
    backend: SiteBackend, colorizer: Colorizer, size: tuple[int, int], hints: tuple[Hint, ...]
) -> None:
    photo = make_photo("chelsea.png", "PNG", size=size, icc_profile=None)
    options = {"hints": hints_to_json(hints)} if hints else {}
    found = backend.call("predictChroma", photo, **options)
    expected = colorizer.predict(photo, hints=hints)
    assert np.abs(np.reshape(found["data"], found["shape"]) - expected).max() < TOLERANCE


def test_suggestions_are_those_of_the_package(backend: SiteBackend, colorizer: Colorizer) -> None:
    photo = make_photo("chelsea.png", "PNG", icc_profile=None)
    found = backend.call("suggestColors", photo, x=0.31, y=0.77)
    expected = colorizer.suggest_colors(photo, 0.31, 0.77)
    assert [one["probability"] for one in found] == pytest.approx(
        [one.probability for one in expected], abs=1e-4
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_result_is_that_of_the_package(
    backend: SiteBackend, colorizer: Colorizer, kind: str
) -> None:
    photo = make_photo(format=kind, size=(600, 400), icc_profile=None)
    content, media_type, _ = backend.colorize(photo)
    assert media_type == f"image/{kind.lower()}"
    assert b"compositeWithTrainedAlgorithmicMedia" in content
    expected = decode_rgb(colorizer.colorize_bytes(photo).content).astype(int)
    assert np.abs(decode_rgb(content) - expected).mean() < 1.5


def test_transparency_is_kept(backend: SiteBackend) -> None:
    pixels = np.array(opened(make_photo(size=(200, 150))).convert("LA"))
    pixels[:50, :, 1] = 120
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    result = np.asarray(opened(backend.colorize(file.getvalue())[0]))
    assert np.array_equal(result[..., 3], pixels[..., 1])
    assert has_color(backend.colorize(file.getvalue())[0])


def test_page_is_accessible_and_works_offline(page: FirefoxPage, tmp_path: Path) -> None:
    folder = tmp_path / "host"
    write_site(folder, find_model())
    host = StaticHost(folder)
    page.goto(host.url)
    page.wait_for("#samples button")
    assert axe_violations(page) == []
    page.evaluate(CLICK, "#samples button")
    page.wait_for("#photos [data-stage=done]")
    for size in ((390, 844), (1440, 900)):
        page.resize(*size)
        for theme in ("dark", "light"):
            page.evaluate(CHOOSE, theme)
            page.wait_for(f"html[data-theme={theme}]")
            assert axe_violations(page) == [], (size, theme)
    assert page.evaluate(KEPT) == 2
    host.stop()
    page.evaluate(CLICK, "#photos .remove")
    page.goto(host.url)
    page.wait_for("#samples button")
    page.evaluate(CLICK, "#samples button")
    page.wait_for("#canvas[data-drawn=color]")
    assert page.errors == []
