"""The static site: what it loads, offline use, updates, and what a browser cannot do."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from rechroma import Colorizer
from rechroma.models import find_model
from rechroma.web.site import write_site
from tests.browser.conftest import Open
from tests.support.models import write_model
from tests.support.page_driver import PageDriver, decode_rgb, make_photo
from tests.support.service import has_color, opened
from tests.support.site_backend import SiteBackend
from tests.support.static_host import StaticHost

PHONE = {"width": 390, "height": 844}
_LOADED = """() => performance.getEntriesByType("resource").map(
  ({ name, transferSize }) => [new URL(name).pathname, transferSize])"""
_SAVES_DATA = 'Object.defineProperty(navigator, "connection", { value: { saveData: true } })'
_CREATE = "async function create"
_CONTROLLED = "async () => { await navigator.serviceWorker.ready; }"


@pytest.fixture
def local_page(open_page: Open, site: str) -> PageDriver:
    return open_page(site)


@pytest.fixture
def idle_page(open_page: Open, site: str) -> PageDriver:
    """Open the site as a browser that asks for little data: no model is loaded, in seconds."""
    driver = open_page("data:text/html,<html data-ready=true>")
    driver.page.add_init_script(_SAVES_DATA)
    driver.url = site
    return driver.open()


def photo_16_bits() -> bytes:
    file = BytesIO()
    pixels = np.linspace(0, 65535, 60 * 80).reshape(60, 80).astype(np.uint16)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_everything_comes_from_the_site(local_page: PageDriver) -> None:
    local_page.add_photo()
    paths = {request.url.removeprefix(local_page.url) for request in local_page.requests}
    assert not [path for path in paths if path.startswith("http")], paths
    assert local_page.page.context.cookies() == []
    name, content = local_page.download()
    assert name == "cat.color.jpg"
    assert has_color(content)


def test_policy_allows_the_site_alone(idle_page: PageDriver) -> None:
    meta = idle_page.find("meta[http-equiv='Content-Security-Policy']")
    policy = str(meta.get_attribute("content"))
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "http" not in policy
    idle_page.expected = ("Content Security Policy", "violates", "Refused")
    fetched = idle_page.page.evaluate("fetch('https://rechroma.invalid/').then(() => 1, () => 0)")
    assert fetched == 0
    assert any("connect-src" in error for error in idle_page.errors)


def test_first_visit_says_what_it_loads(open_page: Open, site: str) -> None:
    driver = open_page(site, viewport=PHONE)
    line = driver.find("#loading p")
    expect(line).to_have_text(re.compile(r"Loading the model, 1\d\.\d MB"))
    driver.screenshot("site-phone-loading")
    expect(driver.find("#loading")).to_be_hidden()
    driver.find("#samples button").first.click()
    driver.wait_colored().wait_ready()
    driver.screenshot("site-phone")
    assert driver.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    sizes = driver.page.evaluate(_LOADED)
    assert sum(size for _, size in sizes) < 18_500_000  # without the host's compression


def test_second_visit_loads_nothing_and_works_offline(open_page: Open, site: str) -> None:
    driver = open_page(site)
    expect(driver.find("#samples button").first).to_be_visible()
    driver.add_photo()
    driver.page.evaluate(_CONTROLLED)
    driver.find("#photos .remove").click()
    driver.page.context.set_offline(True)
    driver.open()
    driver.add_photo()
    assert has_color(driver.download()[1])
    driver.find("#language").select_option("ru")
    expect(driver.find("html")).to_have_attribute("lang", "ru")
    assert sum(size for _, size in driver.page.evaluate(_LOADED)) == 0


def test_unreadable_files_are_explained(idle_page: PageDriver) -> None:
    files = {
        "scan.tif": (make_photo(format="TIFF"), "cannot read this kind of file"),
        "text.jpg": (b"Dear reader", "Choose a JPEG, PNG, WebP, AVIF"),
        "damaged.png": (make_photo(format="PNG")[:60], "damaged"),
        "damaged.jpg": (make_photo()[:200], "the installed program colors what is there"),
        "empty.jpg": (b"", "empty"),
    }
    for name, (content, words) in files.items():
        idle_page.drop((name, content))
        expect(idle_page.find("#notice")).to_contain_text(words)
        expect(idle_page.find(".retry")).to_be_hidden()
        idle_page.find("#photos .remove").click()
        expect(idle_page.find("#photos .remove")).to_have_count(0)


def test_deep_photograph_is_colored_with_a_remark(local_page: PageDriver) -> None:
    local_page.add_photo(photo_16_bits(), "deep.png")
    expect(local_page.find("#remarks")).to_contain_text("16 bits")
    assert opened(local_page.download()[1]).mode == "RGB"


def test_transparency_is_kept(backend: SiteBackend) -> None:
    pixels = np.array(opened(make_photo(size=(200, 150))).convert("LA"))
    pixels[:50, :, 1] = 0
    pixels[50:80, :, 1] = 120
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    result = np.asarray(opened(backend.colorize(file.getvalue())[0])).astype(int)
    assert np.array_equal(result[..., 3], pixels[..., 1])
    assert np.ptp(result[80:, :, :3], axis=2).max() > 20


@pytest.mark.parametrize(
    ("kind", "written"), [("WEBP", "JPEG"), ("BMP", "PNG"), ("GIF", "PNG"), ("JPEG", "JPEG")]
)
def test_results_are_jpeg_or_png(backend: SiteBackend, kind: str, written: str) -> None:
    content, media_type, _ = backend.colorize(make_photo(format=kind))
    assert opened(content).format == written
    assert media_type == f"image/{written.lower()}"
    assert b"compositeWithTrainedAlgorithmicMedia" in content


def test_frames_are_counted(backend: SiteBackend) -> None:
    frames = [opened(make_photo(size=(60, 40))).rotate(angle) for angle in (0, 90, 180)]
    for kind in ("GIF", "PNG", "WEBP"):
        file = BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:])
        _, _, facts = backend.colorize(file.getvalue())
        assert facts["pages"] == 3, kind


def test_badge_is_that_of_the_package(backend: SiteBackend) -> None:
    photo = make_photo(format="PNG", icc_profile=None)
    found = decode_rgb(backend.colorize(photo, badge=True)[0])
    expected = decode_rgb(Colorizer().colorize_bytes(photo, badge=True).content)
    plain = decode_rgb(Colorizer().colorize(photo)).astype(int)
    corner = (slice(-30, None), slice(-30, None))
    drawn = np.abs(plain[corner] - expected[corner]).mean()
    assert np.abs(found[corner] - expected[corner].astype(int)).mean() < drawn / 4


def test_model_waits_for_the_first_photograph_if_data_is_saved(idle_page: PageDriver) -> None:
    idle_page.page.wait_for_timeout(300)
    assert not [request for request in idle_page.requests if request.url.endswith(".gz")]
    idle_page.add_photo()
    assert [request for request in idle_page.requests if request.url.endswith(".onnx.gz")]


def test_model_that_does_not_load_can_be_tried_again(open_page: Open, site: str) -> None:
    driver = open_page("data:text/html,<html data-ready=true>", service_workers="block")
    driver.url = site
    driver.expected = ("net::ERR_FAILED", "blocked by Playwright")
    driver.page.context.route("**/*.onnx.gz", lambda route: route.abort())
    driver.open()
    driver.drop(("cat.jpg", make_photo()))
    expect(driver.find("#notice")).to_contain_text("could not be loaded")
    driver.page.context.unroute("**/*.onnx.gz")
    driver.find(".retry").click()
    driver.wait_colored().wait_ready()


def test_damaged_model_is_named(open_page: Open, site: str) -> None:
    driver = open_page("data:text/html,<html data-ready=true>", service_workers="block")
    driver.url = site
    driver.expected = ("blocked by Playwright",)
    driver.page.context.route("**/*.onnx.gz", lambda route: route.fulfill(body=b"no model"))
    driver.open()
    driver.drop(("cat.jpg", make_photo()))
    expect(driver.find("#notice")).to_contain_text("A file of the model is damaged")


_FAILS_ONCE = """
export async function createNetwork(...all) {
  const network = await create(...all);
  let isFirst = true;
  const run = async (...given) => {
    if (isFirst) { isFirst = false; throw new BackendError("engine"); }
    return network.run(...given);
  };
  return { run };
}"""


def test_failure_of_the_engine_can_be_tried_again(
    open_page: Open, changing: tuple[Path, str]
) -> None:
    folder, url = changing
    module = folder / "static/js/local/network.js"
    text = module.read_text("utf-8").replace("export async function createNetwork", _CREATE)
    module.write_text(text + _FAILS_ONCE, "utf-8")
    driver = open_page(url, service_workers="block")
    driver.expected = ("blocked by Playwright",)
    driver.drop(("cat.jpg", make_photo()))
    expect(driver.find("#notice")).to_contain_text("The model failed")
    driver.find(".retry").click()
    driver.wait_colored().wait_ready()


def test_site_is_installable(idle_page: PageDriver, site: str) -> None:
    page = idle_page.page
    href = page.locator("link[rel=manifest]").evaluate("(link) => link.href")
    manifest = page.evaluate("(url) => fetch(url).then((response) => response.json())", href)
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        assert page.request.get(f"{site}{icon['src']}").ok
    session = page.context.new_cdp_session(page)
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] in (
        [],
        [{"errorId": "in-incognito", "errorArguments": []}],
    )


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A site of its own, of a tiny model."""
    folder = tmp_path / "changing"
    write_site(folder, write_model(tmp_path / "tiny.onnx"))
    host = StaticHost(folder)
    yield folder, host.url
    host.stop()


def test_update_is_loaded_by_the_next_visit(open_page: Open, changing: tuple[Path, str]) -> None:
    folder, url = changing
    driver = open_page(url)
    missing: list[str] = []
    driver.page.on("response", lambda one: missing.append(one.url) if one.status == 404 else None)
    driver.page.evaluate(_CONTROLLED)
    driver.add_photo()
    driver.find("#photos .remove").click()
    assert driver.find(".new").count() == 0
    write_site(folder, find_model(), threads=True)
    index = folder / "index.html"
    worker = folder / "service-worker.js"
    changed = index.read_text("utf-8").replace("<noscript>", '<p class="new"></p><noscript>')
    index.write_text(changed, "utf-8")
    files = json.loads(worker.read_text("utf-8").split("const FILES = ")[1].split(";\n")[0])
    worker.write_text(
        worker.read_text("utf-8").replace(files[""], integrity(index.read_bytes())), "utf-8"
    )
    driver.open()  # the version before, while the new one is installed
    driver.page.evaluate(
        """async () => {
          const registration = await navigator.serviceWorker.ready;
          while (!registration.waiting) await new Promise((resolve) => setTimeout(resolve, 50));
        }"""
    )
    driver.requests.clear()
    driver.open()
    expect(driver.find(".new")).to_have_count(1)
    names = driver.page.evaluate("caches.keys()")
    assert len([name for name in names if name.startswith("rechroma-page")]) == 1
    assert driver.page.evaluate("crossOriginIsolated")  # by `threads`
    driver.add_photo()
    assert has_color(driver.download()[1])
    kept = driver.page.evaluate(
        "async () => (await (await caches.open((await caches.keys()).find((name) => "
        "name.startsWith('rechroma-assets')))).keys()).map(({ url }) => url)"
    )
    assert len(kept) == 2
    assert any("rechroma-5" in one for one in kept)
    assert missing == []


def integrity(content: bytes) -> str:
    return f"sha256-{base64.b64encode(sha256(content).digest()).decode()}"
