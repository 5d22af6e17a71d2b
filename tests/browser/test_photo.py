"""One photograph: previews, adjustments, views and downloads."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from playwright.sync_api import Route, expect
from skimage.color import deltaE_ciede2000, rgb2lab

from tests.browser.conftest import Open, on_both
from tests.support.exif_blocks import adobe_rgb_block
from tests.support.images import with_chunk
from tests.support.page_driver import PageDriver, decode_rgb, make_photo
from tests.support.service import Server, has_color, opened

ADJUSTMENTS = (
    {"saturation": 1.0, "warmth": 0.0, "blend": 1.0},
    {"saturation": 1.8, "warmth": -0.6, "blend": 0.9},
    {"saturation": 3.0, "warmth": 1.0, "blend": 1.0},
)

_TURNED = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>
</rdf:RDF></x:xmpmeta>"""


def difference(shown: np.ndarray, written: np.ndarray) -> float:
    """Compute the mean CIEDE2000 of two images."""
    assert shown.shape == written.shape
    return float(deltaE_ciede2000(rgb2lab(shown), rgb2lab(written)).mean())


def middle(image: np.ndarray, height: int, width: int) -> np.ndarray:
    top, left = round((image.shape[0] - height) / 2), round((image.shape[1] - width) / 2)
    return image[top : top + height, left : left + width]


def test_dropped_photograph_is_colored_and_downloaded(driver: PageDriver) -> None:
    exif = Image.Exif()
    exif[0x010E] = "The cat, 1962"
    photo = make_photo(exif=exif)
    driver.drop(("cat of 1962.jpg", photo))
    expect(driver.find("#welcome")).to_be_hidden()
    driver.wait_colored().wait_ready()
    driver.screenshot("photo-wide-light")
    name, content = driver.download()
    assert name == "cat of 1962.color.jpg"
    assert opened(content).size == opened(photo).size
    assert has_color(content)
    with Image.open(BytesIO(content)) as image:
        assert image.getexif()[0x010E] == "The cat, 1962"
    assert b"compositeWithTrainedAlgorithmicMedia" in content
    assert len(driver.requests_to("/v1/jobs")) == 1  # the one of the drop


def test_photograph_is_gray_until_colors_arrive(driver: PageDriver) -> None:
    held: list[Route] = []
    driver.page.route("**/v1/chroma", lambda route: held.append(route))
    driver.drop(("cat.jpg", make_photo()))
    expect(driver.find("#canvas")).to_have_attribute("data-drawn", "before")
    pixels = driver.pixels()
    assert np.ptp(pixels, axis=-1).max() == 0
    assert pixels.std() > 20
    expect(driver.find("#notice")).to_have_text("Predicting colors…")
    driver.screenshot("photo-loading")
    driver.wait_for_route(held).continue_()
    driver.wait_colored()
    expect(driver.find("#notice")).to_be_hidden()
    assert np.ptp(driver.pixels(), axis=-1).max() > 20


@pytest.mark.parametrize("adjustments", ADJUSTMENTS, ids=["default", "cool", "most"])
def test_page_matches_the_service(
    driver: PageDriver, server: Server, adjustments: dict[str, float]
) -> None:
    photo = make_photo()
    driver.add_photo(photo)
    driver.adjust(**adjustments)
    driver.show_pixels()
    query = "&".join(f"{name}={value}" for name, value in adjustments.items())
    answer = server.ask("POST", f"/v1/colorize?{query}", photo, Accept="image/png")
    assert difference(driver.pixels(), decode_rgb(answer.body)) < 1


@pytest.mark.parametrize("name", ["linear.png", "wide.png", "wide.avif", "adobe.jpg"])
def test_page_matches_the_service_in_other_color_spaces(
    driver: PageDriver, server: Server, name: str
) -> None:
    photo = {
        "linear.png": lambda: with_chunk(
            make_photo(format="PNG", icc_profile=None), b"gAMA", bytes([0, 1, 134, 160])
        ),
        "wide.png": lambda: with_chunk(make_photo(format="PNG"), b"cICP", bytes([9, 8, 0, 1])),
        "wide.avif": lambda: make_photo(format="AVIF", icc_profile=None).replace(
            b"colrnclx\0\x01\0\x0d", b"colrnclx\0\x09\0\x08"
        ),
        "adobe.jpg": lambda: make_photo(exif=b"Exif\0\0" + adobe_rgb_block()),
    }[name]()
    driver.add_photo(photo, name)
    driver.show_pixels()
    assert "gray=" in driver.requests_to("/v1/chroma")[0].url  # decoded by the service
    answer = server.ask("POST", "/v1/colorize", photo, Accept="image/png")
    assert difference(driver.pixels(), decode_rgb(answer.body)) < 1


def test_page_matches_the_service_for_large_photographs(driver: PageDriver, server: Server) -> None:
    photo = make_photo("coffee.png", size=(2400, 1600))
    driver.add_photo(photo)
    driver.adjust(saturation=1.3)
    driver.show_pixels()
    answer = server.ask("POST", "/v1/colorize?saturation=1.3", photo, Accept="image/png")
    shown = driver.pixels()
    assert difference(shown, middle(decode_rgb(answer.body), *shown.shape[:2])) < 1


@pytest.mark.parametrize("beneath", ["white", "image"])
def test_page_matches_the_service_under_transparency(
    driver: PageDriver, server: Server, beneath: str
) -> None:
    pixels = np.array(opened(make_photo(size=(1500, 1000))).convert("LA"))
    hole = pixels[200:800, 450:1000]
    hole[..., 1] = 0
    if beneath == "white":
        hole[..., 0] = 255
    file = BytesIO()
    Image.fromarray(pixels, "LA").save(file, "PNG")
    driver.add_photo(file.getvalue(), "cat.png")
    driver.show_pixels()
    answer = server.ask("POST", "/v1/colorize", file.getvalue(), Accept="image/png")
    written = np.array(opened(answer.body))
    written[written[..., 3] == 0] = 0
    shown = driver.pixels()
    assert difference(shown, middle(written[..., :3], *shown.shape[:2])) < 1


def test_page_turns_color_to_gray_as_the_service(driver: PageDriver, server: Server) -> None:
    file = BytesIO()
    with Image.open(f"{skimage.__path__[0]}/data/coffee.png") as image:
        image.save(file, "PNG")
    driver.add_photo(file.getvalue(), "coffee.png")
    driver.adjust(blend=0)
    driver.show_pixels()
    answer = server.ask("POST", "/v1/colorize?blend=0", file.getvalue())
    assert difference(driver.pixels(), decode_rgb(answer.body)) < 0.1


def test_sliders_have_the_ranges_of_the_service(driver: PageDriver, server: Server) -> None:
    sliders = json.loads(server.ask("GET", "/sliders").body)
    driver.add_photo()
    assert driver.find("#adjust input").count() == len(sliders)
    for slider in sliders:
        field = driver.find(f"#{slider['name']}")
        for name in ("min", "max", "step"):
            assert float(str(field.get_attribute(name))) == slider[name]
        assert float(field.input_value()) == slider["default"]
        expect(driver.find(f"label[for={slider['name']}]")).not_to_contain_text("slider.")


@on_both
def test_sliders_need_no_request(driver: PageDriver) -> None:
    driver.add_photo()
    before = driver.pixels()
    asked = len(driver.requests)
    driver.adjust(saturation=2.5, warmth=0.5)
    driver.wait_settled()
    assert len(driver.requests) == asked
    assert np.abs(driver.pixels().astype(int) - before).mean() > 3
    expect(driver.find("output[for=saturation]")).to_have_text("250%")
    expect(driver.find("output[for=warmth]")).to_have_text("+50%")
    driver.screenshot("adjusted")
    for _ in range(2):
        driver.page.keyboard.press("Control+z")
    driver.wait_settled()
    assert np.array_equal(driver.pixels(), before)
    driver.find("#redo").click()
    expect(driver.find("#saturation")).to_have_value("2.5")
    driver.find("#reset").click()
    expect(driver.find("#saturation")).to_have_value("1")


def test_download_is_adjusted_and_requested_once(driver: PageDriver) -> None:
    driver.add_photo(make_photo(format="PNG"), "cat.png")
    driver.adjust(blend=0)
    _, content = driver.download()
    assert not has_color(content)
    assert len(driver.requests_to("/v1/jobs")) == 2
    assert driver.download()[1] == content
    assert len(driver.requests_to("/v1/jobs")) == 2


@on_both
def test_orientation_is_applied(driver: PageDriver) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    photos = {
        "exif.jpg": make_photo(exif=exif),
        "exif.webp": make_photo(format="WEBP", exif=exif, quality=95),
        "xmp.jpg": make_photo(xmp=_TURNED),
    }
    upright = np.rot90(decode_rgb(make_photo()), -1)
    for name, content in photos.items():
        driver.add_photo(content, name)
        driver.show_pixels()
        off = driver.pixels().mean(axis=-1) - upright.mean(axis=-1)
        assert np.abs(off).mean() < 8, name
        driver.find("#photos .remove").click()


@on_both
def test_narrow_photograph_is_colored(driver: PageDriver) -> None:
    driver.add_photo(make_photo(format="PNG", size=(3000, 3)), "border.png")
    assert opened(driver.download()[1]).size == (3000, 3)


@on_both
def test_remarks_name_what_is_left_out(driver: PageDriver) -> None:
    driver.add_photo()
    expect(driver.find("#remarks")).to_be_hidden()
    file = BytesIO()
    with Image.open(f"{skimage.__path__[0]}/data/coffee.png") as image:
        image.save(file, "WEBP", save_all=True, append_images=[image.rotate(180), image])
    driver.drop(("film.webp", file.getvalue()))
    driver.wait_ready(2)
    expect(driver.find("#photos .state").nth(1)).to_have_text("ready: first of 3")
    driver.find("#photos .select").nth(1).click()
    expect(driver.find("#remarks")).to_contain_text("This photograph was in color or toned.")
    expect(driver.find("#remarks")).to_contain_text("This file contains 3 pages or frames.")
    expect(driver.find("#announcer")).to_contain_text("Only the first is colored.")


def test_unreadable_metadata_is_a_remark(driver: PageDriver) -> None:
    driver.add_photo(make_photo(exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    expect(driver.find("#remarks")).to_have_text(
        "Metadata that cannot be read is missing from the result: EXIF."
    )


@pytest.mark.parametrize(("name", "format_"), [("scan.tif", "TIFF"), ("phone.heic", "HEIF")])
def test_service_previews_what_the_browser_cannot_decode(
    driver: PageDriver, name: str, format_: str
) -> None:
    if format_ == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    driver.add_photo(make_photo(format=format_), name)
    assert np.ptp(driver.pixels(), axis=-1).max() > 20
    driver.correct()
    expect(driver.find(".marker")).to_have_count(1)
    taken, content = driver.download()
    assert taken == name.replace(".", ".color.")
    assert opened(content).format == format_
    assert has_color(content)


@on_both
def test_photographs_can_be_chosen_pasted_and_taken(driver: PageDriver, tmp_path: Path) -> None:
    path = tmp_path / "chosen.jpg"
    path.write_bytes(make_photo())
    driver.find("#files").set_input_files(path)
    driver.find("#camera-file").set_input_files(path)
    driver.page.evaluate(
        """async () => {
          const answer = await fetch("samples/cat.jpg");
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([await answer.blob()], "pasted.jpg"));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }"""
    )
    driver.wait_ready(3)
    expect(driver.find("#photos .name")).to_have_text(
        ["chosen.jpg", "chosen.jpg (2)", "pasted.jpg"]
    )


@on_both
def test_folder_adds_images_and_counts_other_files(driver: PageDriver, tmp_path: Path) -> None:
    inner = tmp_path / "box" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "box" / "a.jpg").write_bytes(make_photo())
    (inner / "b.png").write_bytes(make_photo(format="PNG"))
    (inner / "notes.txt").write_text("not an image")
    (inner / "c.JFIF").write_bytes(make_photo())
    (inner / "d").write_bytes(make_photo())
    (inner / ".hidden").write_text("hidden")
    driver.find("#folder").set_input_files(tmp_path / "box")
    expect(driver.find("#notifications")).to_have_text(
        "Files skipped because they are not photographs: 1."
    )
    driver.wait_ready(4)
    names = driver.find("#photos .name").all_text_contents()
    assert sorted(names) == ["a.jpg", "b.png", "c.JFIF", "d"]


def test_dropped_folder_adds_its_images(driver: PageDriver, tmp_path: Path) -> None:
    inner = tmp_path / "box" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "box" / "a.jpg").write_bytes(make_photo())
    (inner / "b.jpg").write_bytes(make_photo())
    (inner / ".hidden.jpg").write_bytes(b"not an image")
    (inner / "notes.txt").write_text("nor is this")
    session = driver.page.context.new_cdp_session(driver.page)
    files = {"items": [], "files": [str(tmp_path / "box")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": 400, "y": 300, "data": files}
        session.send("Input.dispatchDragEvent", event)
    expect(driver.find("#notifications")).to_contain_text("not photographs: 1")
    driver.wait_ready(2)
    assert sorted(driver.find("#photos .name").all_text_contents()) == ["a.jpg", "b.jpg"]


@on_both
def test_sample_is_colored(driver: PageDriver) -> None:
    driver.find("#samples button").first.click()
    driver.wait_colored().wait_ready()
    expect(driver.find("#photos .name")).to_have_text("astronaut.jpg")


def test_stage_zooms_pans_and_shows_side_by_side(driver: PageDriver) -> None:
    driver.add_photo(make_photo(size=(1200, 900)))
    whole = driver.find("#zoom-value").text_content()
    x, y = driver.point(0.3, 0.4)
    driver.page.mouse.dblclick(x, y)
    expect(driver.find("#zoom-value")).to_have_text("100%")
    driver.page.mouse.wheel(0, -300)
    expect(driver.find("#zoom-value")).not_to_have_text("100%")
    driver.wait_settled()
    before = driver.pixels()
    driver.page.mouse.move(x, y)
    driver.page.mouse.down()
    driver.page.mouse.move(x + 80, y + 60, steps=3)
    driver.page.mouse.up()
    driver.wait_settled()
    assert not np.array_equal(driver.pixels(), before)
    driver.find("#zoom-fit").click()
    expect(driver.find("#zoom-value")).to_have_text(str(whole))
    driver.find("#side-by-side").click()
    expect(driver.find("#divider")).to_be_hidden()
    driver.wait_settled()
    first, second = np.array_split(driver.pixels(), 2, axis=1)
    assert np.ptp(first, axis=-1).max() == 0
    assert np.ptp(second, axis=-1).max() > 20
    driver.screenshot("side-by-side")


def test_divider_follows_the_mouse(driver: PageDriver) -> None:
    driver.add_photo(make_photo(size=(1200, 900)))
    driver.page.mouse.move(*driver.point(0.5, 0.5))
    driver.page.mouse.down()
    driver.page.mouse.move(*driver.point(0.25, 0.5), steps=4)
    driver.page.mouse.up()
    value = driver.find("#divider").get_attribute("aria-valuenow")
    assert 20 <= int(str(value)) <= 35
    gray = np.ptp(driver.pixels(), axis=-1).max(axis=0) == 0
    assert gray[: len(gray) // 5].all()
    assert not gray[len(gray) // 2 :].any()


def test_full_screen_hides_the_panel(driver: PageDriver) -> None:
    driver.add_photo()
    driver.find("#full-screen").click()
    expect(driver.find("#full-screen")).to_have_attribute("aria-pressed", "true")
    expect(driver.find("#panel")).to_be_hidden()
    driver.find("#full-screen").click()
    expect(driver.find("#full-screen")).to_have_attribute("aria-pressed", "false")
    expect(driver.find("#panel")).to_be_visible()


def test_full_screen_keeps_the_correct_tab(driver: PageDriver) -> None:
    driver.add_photo()
    driver.find("#tab-correct").click()
    driver.find("#full-screen").click()
    expect(driver.find("#full-screen")).to_have_attribute("aria-pressed", "true")
    driver.wait_settled()
    driver.page.mouse.click(*driver.point(0.5, 0.5))
    driver.find("#swatches button").nth(1).click()
    expect(driver.find("button.marker")).to_have_count(1)
    driver.wait_settled()
    driver.screenshot("correct-full-screen")


def test_full_screen_shows_errors_with_retry(driver: PageDriver) -> None:
    driver.expected = ("500",)
    driver.add_photo()
    driver.find("#tab-correct").click()
    driver.find("#full-screen").click()
    expect(driver.find("#full-screen")).to_have_attribute("aria-pressed", "true")
    driver.wait_settled()
    driver.page.route("**/v1/chroma", lambda route: route.fulfill(status=500), times=1)
    driver.page.mouse.click(*driver.point(0.5, 0.5))
    driver.find("#swatches button").nth(1).click()
    with driver.page.expect_response(lambda answer: answer.url.endswith("chroma") and answer.ok):
        driver.find("#notifications").get_by_role("button", name="Try again").click()


@on_both
def test_before_keeps_the_original_colors(driver: PageDriver) -> None:
    pixels = np.array(opened(make_photo()).convert("RGB"))
    sepia = Image.fromarray((pixels * [1.0, 0.8, 0.6]).astype(np.uint8))
    file = BytesIO()
    sepia.save(file, "PNG")
    driver.add_photo(file.getvalue(), "sepia.png")
    driver.find("#zoom-actual").click()
    driver.find("#divider").press("End")
    driver.wait_settled()
    np.testing.assert_array_equal(driver.pixels(), np.asarray(sepia))
    expect(driver.find("#remarks")).to_contain_text("in color or toned")


def test_translucent_pixels_match_the_service(driver: PageDriver, server: Server) -> None:
    pixels = np.array(opened(make_photo()).convert("RGBA"))
    pixels[100:200, 100:300] = 220, 30, 30, 128
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    driver.add_photo(file.getvalue(), "clear.png")
    driver.show_pixels()
    answer = server.ask("POST", "/v1/colorize", file.getvalue(), Accept="image/png")
    written = np.asarray(opened(answer.body))[110:190, 110:290, :3].astype(int)
    shown = driver.pixels()[110:190, 110:290].astype(int)
    assert np.abs(shown - written).mean() < 4


def test_scan_keeps_its_size(driver: PageDriver) -> None:
    photo = make_photo(size=(3000, 2000))
    driver.add_photo(photo)
    percent = str(driver.find("#zoom-value").text_content())
    driver.drop(("scan.tif", make_photo(format="TIFF", size=(3000, 2000))))
    driver.wait_ready(2)
    driver.find("#photos .select").nth(1).click()
    driver.wait_settled()
    expect(driver.find("#zoom-value")).to_have_text(percent)
    driver.show_pixels()
    driver.find("#divider").press("End")
    shown = driver.pixels()
    gray = middle(np.asarray(opened(photo)), *shown.shape[:2])
    assert np.abs(shown[..., 0].astype(int) - gray).mean() < 3


def test_tiny_photograph_has_no_captions(driver: PageDriver) -> None:
    driver.add_photo(make_photo(size=(12, 9)))
    expect(driver.find("#after")).to_be_hidden()
    driver.drop(("cat.jpg", make_photo()))
    driver.wait_ready(2)
    driver.find("#photos .select").nth(1).click()
    expect(driver.find("#after")).to_be_visible()


def pinch(driver: PageDriver, before: float, after: float) -> None:
    """Pinch the stage with two fingers."""
    x, y = driver.point(0.5, 0.3)
    session = driver.page.context.new_cdp_session(driver.page)

    def touch(kind: str, *apart: float) -> None:
        points = [{"x": x + side * d / 2, "y": y} for d in apart for side in (-1, 1)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", before)
    for step in range(1, 5):
        touch("touchMove", before + (after - before) * step / 4)
    touch("touchEnd")


def test_phone_supports_touch(open_page: Open) -> None:
    options = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    driver = open_page(viewport={"width": 390, "height": 844}, **options)
    driver.screenshot("welcome-phone")
    driver.find("#samples button").nth(1).tap()
    driver.wait_colored().wait_ready()
    width = driver.page.evaluate("document.documentElement.scrollWidth")
    assert width == 390
    driver.screenshot("photo-phone-light")
    whole = str(driver.find("#zoom-value").text_content())
    pinch(driver, 100, 220)
    expect(driver.find("#zoom-value")).not_to_have_text(whole)
    driver.find("#zoom-fit").tap()
    expect(driver.find("#zoom-value")).to_have_text(whole)
    driver.find("#tab-correct").tap()
    driver.page.touchscreen.tap(*driver.point(0.4, 0.4))
    driver.find("#swatches button").first.tap()
    expect(driver.find("button.marker")).to_have_count(1)
    driver.wait_settled()
    driver.screenshot("correct-phone-light")
    assert has_color(driver.download()[1])
