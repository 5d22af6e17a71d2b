"""One photograph: from the drop to the download."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from playwright.sync_api import Route, expect
from skimage.color import deltaE_ciede2000, rgb2lab

from tests.browser.conftest import Open
from tests.support.service import Server, has_color, opened
from tests.support.studio import Studio, photograph, rgb

KNOBS = (
    {"saturation": 1.0, "warmth": 0.0, "blend": 1.0},
    {"saturation": 1.8, "warmth": -0.6, "blend": 0.9},
    {"saturation": 3.0, "warmth": 1.0, "blend": 1.0},
)


def difference(shown: np.ndarray, written: np.ndarray) -> float:
    """The mean CIEDE2000 of two pictures of one size."""
    assert shown.shape == written.shape
    return float(deltaE_ciede2000(rgb2lab(shown), rgb2lab(written)).mean())


def middle(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    top, left = round((picture.shape[0] - height) / 2), round((picture.shape[1] - width) / 2)
    return picture[top : top + height, left : left + width]


def test_from_the_drop_to_the_download(studio: Studio) -> None:
    exif = Image.Exif()
    exif[0x010E] = "The cat, 1962"
    photo = photograph(exif=exif)
    studio.drop(("cat of 1962.jpg", photo))
    expect(studio.find("#welcome")).to_be_hidden()
    studio.colored().ready()
    studio.shoot("photo-wide-light")
    name, content = studio.download()
    assert name == "cat of 1962.color.jpg"
    assert opened(content).size == opened(photo).size
    assert has_color(content)
    with Image.open(BytesIO(content)) as image:
        assert image.getexif()[0x010E] == "The cat, 1962"
    assert b"compositeWithTrainedAlgorithmicMedia" in content
    assert len(studio.sent("/v1/jobs")) == 1  # the one of the drop


def test_it_is_gray_at_first(studio: Studio) -> None:
    held: list[Route] = []
    studio.page.route("**/v1/chroma", lambda route: held.append(route))
    studio.drop(("cat.jpg", photograph()))
    expect(studio.find("#canvas")).to_have_attribute("data-drawn", "before")
    pixels = studio.pixels()
    assert np.ptp(pixels, axis=-1).max() == 0
    assert pixels.std() > 20
    expect(studio.find("#notice")).to_have_text("Colors are on their way …")
    studio.shoot("photo-loading")
    studio.first_of(held).continue_()
    studio.colored()
    expect(studio.find("#notice")).to_be_hidden()
    assert np.ptp(studio.pixels(), axis=-1).max() > 20


@pytest.mark.parametrize("knobs", KNOBS, ids=["usual", "cool", "most"])
def test_the_page_shows_what_the_service_writes(
    studio: Studio, server: Server, knobs: dict[str, float]
) -> None:
    photo = photograph()
    studio.with_photo(photo)
    studio.turn(**knobs)
    studio.show_pixels()
    query = "&".join(f"{name}={value}" for name, value in knobs.items())
    answer = server.ask("POST", f"/v1/colorize?{query}", photo, Accept="image/png")
    assert difference(studio.pixels(), rgb(answer.body)) < 1


def test_it_does_so_for_large_photographs(studio: Studio, server: Server) -> None:
    photo = photograph("coffee.png", size=(2400, 1600))
    studio.with_photo(photo)
    studio.turn(saturation=1.3)
    studio.show_pixels()
    answer = server.ask("POST", "/v1/colorize?saturation=1.3", photo, Accept="image/png")
    shown = studio.pixels()
    assert difference(shown, middle(rgb(answer.body), *shown.shape[:2])) < 1


@pytest.mark.parametrize("beneath", ["white", "picture"])
def test_it_does_so_where_a_large_one_is_clear(
    studio: Studio, server: Server, beneath: str
) -> None:
    pixels = np.array(opened(photograph(size=(1500, 1000))).convert("LA"))
    hole = pixels[200:800, 450:1000]
    hole[..., 1] = 0
    if beneath == "white":
        hole[..., 0] = 255
    file = BytesIO()
    Image.fromarray(pixels, "LA").save(file, "PNG")
    studio.with_photo(file.getvalue(), "cat.png")
    studio.show_pixels()
    answer = server.ask("POST", "/v1/colorize", file.getvalue(), Accept="image/png")
    written = np.array(opened(answer.body))
    written[written[..., 3] == 0] = 0
    shown = studio.pixels()
    assert difference(shown, middle(written[..., :3], *shown.shape[:2])) < 1


def test_a_color_photograph_is_turned_gray_as_the_service_does(
    studio: Studio, server: Server
) -> None:
    file = BytesIO()
    with Image.open(f"{skimage.__path__[0]}/data/coffee.png") as image:
        image.save(file, "PNG")
    studio.with_photo(file.getvalue(), "coffee.png")
    studio.turn(blend=0)
    studio.show_pixels()
    answer = server.ask("POST", "/v1/colorize?blend=0", file.getvalue())
    assert difference(studio.pixels(), rgb(answer.body)) < 0.1


def test_knobs_are_turned_without_the_service(studio: Studio) -> None:
    studio.with_photo()
    before = studio.pixels()
    asked = len(studio.requests)
    studio.turn(saturation=2.5, warmth=0.5)
    studio.settled()
    assert len(studio.requests) == asked
    assert np.abs(studio.pixels().astype(int) - before).mean() > 3
    expect(studio.find("output[for=saturation]")).to_have_text("250 %")
    expect(studio.find("output[for=warmth]")).to_have_text("+50 %")
    studio.shoot("adjusted")
    for _ in range(2):
        studio.page.keyboard.press("Control+z")
    studio.settled()
    assert np.array_equal(studio.pixels(), before)
    studio.find("#redo").click()
    expect(studio.find("#saturation")).to_have_value("2.5")
    studio.find("#reset").click()
    expect(studio.find("#saturation")).to_have_value("1")


def test_what_is_downloaded_is_adjusted_and_asked_for_once(studio: Studio) -> None:
    studio.with_photo(photograph(format="PNG"), "cat.png")
    studio.turn(blend=0)
    _, content = studio.download()
    assert not has_color(content)
    assert len(studio.sent("/v1/jobs")) == 2
    assert studio.download()[1] == content
    assert len(studio.sent("/v1/jobs")) == 2


def test_upright(studio: Studio) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    studio.with_photo(photograph(exif=exif))
    studio.show_pixels()
    upright = np.rot90(rgb(photograph()), -1)
    assert np.abs(studio.pixels().mean(axis=-1) - upright.mean(axis=-1)).mean() < 8


def test_what_was_left_out_is_said(studio: Studio) -> None:
    studio.with_photo()
    expect(studio.find("#remarks")).to_be_hidden()
    file = BytesIO()
    with Image.open(f"{skimage.__path__[0]}/data/coffee.png") as image:
        image.save(file, "WEBP", save_all=True, append_images=[image.rotate(180), image])
    studio.drop(("film.webp", file.getvalue()))
    studio.ready(2)
    expect(studio.find("#photos .state").nth(1)).to_have_text("ready: the first of 3")
    studio.find("#photos .select").nth(1).click()
    expect(studio.find("#remarks")).to_contain_text("It was in color or toned.")
    expect(studio.find("#remarks")).to_contain_text("Its file holds 3 pictures.")
    expect(studio.find("#said")).to_contain_text("Only the first is colored.")


@pytest.mark.parametrize(("name", "format_"), [("scan.tif", "TIFF"), ("phone.heic", "HEIF")])
def test_what_the_browser_cannot_decode(studio: Studio, name: str, format_: str) -> None:
    if format_ == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    studio.with_photo(photograph(format=format_), name)
    assert np.ptp(studio.pixels(), axis=-1).max() > 20
    studio.correct()
    expect(studio.find(".mark")).to_have_count(1)
    taken, content = studio.download()
    assert taken == name.replace(".", ".color.")
    assert opened(content).format == format_
    assert has_color(content)


def test_chosen_pasted_and_photographed(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "chosen.jpg"
    path.write_bytes(photograph())
    studio.find("#files").set_input_files(path)
    studio.find("#shot").set_input_files(path)
    studio.page.evaluate(
        """async () => {
          const answer = await fetch("/samples/cat.jpg");
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([await answer.blob()], "pasted.jpg"));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }"""
    )
    studio.ready(3)
    expect(studio.find("#photos .name")).to_have_text(
        ["chosen.jpg", "chosen.jpg (2)", "pasted.jpg"]
    )


def test_the_pictures_of_a_folder(studio: Studio, tmp_path: Path) -> None:
    inner = tmp_path / "box" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "box" / "a.jpg").write_bytes(photograph())
    (inner / "b.png").write_bytes(photograph(format="PNG"))
    (inner / "notes.txt").write_text("not a picture")
    (inner / "c.JFIF").write_bytes(photograph())
    (inner / "d").write_bytes(photograph())
    (inner / ".hidden").write_text("nobody sees it")
    studio.find("#folder").set_input_files(tmp_path / "box")
    studio.ready(4)
    names = studio.find("#photos .name").all_text_contents()
    assert sorted(names) == ["a.jpg", "b.png", "c.JFIF", "d"]
    expect(studio.find("#complaint")).to_have_text(
        "Files that are no photographs were left out: 1."
    )


def test_a_folder_that_is_dropped(studio: Studio, tmp_path: Path) -> None:
    inner = tmp_path / "box" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "box" / "a.jpg").write_bytes(photograph())
    (inner / "b.jpg").write_bytes(photograph())
    (inner / ".hidden.jpg").write_bytes(b"not a picture")
    (inner / "notes.txt").write_text("nor is this")
    session = studio.page.context.new_cdp_session(studio.page)
    files = {"items": [], "files": [str(tmp_path / "box")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": 400, "y": 300, "data": files}
        session.send("Input.dispatchDragEvent", event)
    studio.ready(2)
    assert sorted(studio.find("#photos .name").all_text_contents()) == ["a.jpg", "b.jpg"]
    expect(studio.find("#complaint")).to_contain_text("left out: 1")


def test_a_sample(studio: Studio) -> None:
    studio.find("#samples button").first.click()
    studio.colored().ready()
    expect(studio.find("#photos .name")).to_have_text("astronaut.jpg")


def test_views(studio: Studio) -> None:
    studio.with_photo(photograph(size=(1200, 900)))
    whole = studio.find("#zoom-value").text_content()
    x, y = studio.point(0.3, 0.4)
    studio.page.mouse.dblclick(x, y)
    expect(studio.find("#zoom-value")).to_have_text("100 %")
    studio.page.mouse.wheel(0, -300)
    expect(studio.find("#zoom-value")).not_to_have_text("100 %")
    studio.settled()
    before = studio.pixels()
    studio.page.mouse.move(x, y)
    studio.page.mouse.down()
    studio.page.mouse.move(x + 80, y + 60, steps=3)
    studio.page.mouse.up()
    studio.settled()
    assert not np.array_equal(studio.pixels(), before)
    studio.find("#zoom-fit").click()
    expect(studio.find("#zoom-value")).to_have_text(str(whole))
    studio.find("#side").click()
    expect(studio.find("#divider")).to_be_hidden()
    studio.settled()
    first, second = np.array_split(studio.pixels(), 2, axis=1)
    assert np.ptp(first, axis=-1).max() == 0
    assert np.ptp(second, axis=-1).max() > 20
    studio.shoot("side-by-side")


def test_the_divider_by_mouse(studio: Studio) -> None:
    studio.with_photo(photograph(size=(1200, 900)))
    studio.page.mouse.move(*studio.point(0.5, 0.5))
    studio.page.mouse.down()
    studio.page.mouse.move(*studio.point(0.25, 0.5), steps=4)
    studio.page.mouse.up()
    value = studio.find("#divider").get_attribute("aria-valuenow")
    assert 20 <= int(str(value)) <= 35
    gray = np.ptp(studio.pixels(), axis=-1).max(axis=0) == 0
    assert gray[: len(gray) // 5].all()
    assert not gray[len(gray) // 2 :].any()


def test_full_screen(studio: Studio) -> None:
    studio.with_photo()
    studio.find("#full-screen").click()
    expect(studio.find("#full-screen")).to_have_attribute("aria-pressed", "true")
    expect(studio.find("#panel")).to_be_hidden()
    studio.find("#full-screen").click()
    expect(studio.find("#full-screen")).to_have_attribute("aria-pressed", "false")
    expect(studio.find("#panel")).to_be_visible()


def test_correcting_in_full_screen(studio: Studio) -> None:
    studio.with_photo()
    studio.find("#tab-correct").click()
    studio.find("#full-screen").click()
    expect(studio.find("#full-screen")).to_have_attribute("aria-pressed", "true")
    studio.settled()
    studio.page.mouse.click(*studio.point(0.5, 0.5))
    studio.find("#swatches button").nth(1).click()
    expect(studio.find("button.mark")).to_have_count(1)
    studio.settled()
    studio.shoot("correct-full-screen")


def test_a_complaint_in_full_screen_can_be_pressed(studio: Studio) -> None:
    studio.expected = ("500",)
    studio.with_photo()
    studio.find("#tab-correct").click()
    studio.find("#full-screen").click()
    expect(studio.find("#full-screen")).to_have_attribute("aria-pressed", "true")
    studio.settled()
    studio.page.route("**/v1/chroma", lambda route: route.fulfill(status=500), times=1)
    studio.page.mouse.click(*studio.point(0.5, 0.5))
    studio.find("#swatches button").nth(1).click()
    with studio.page.expect_response(lambda answer: answer.url.endswith("chroma") and answer.ok):
        studio.find("#complaint").get_by_role("button", name="Try again").click()


def test_before_is_what_it_was(studio: Studio) -> None:
    pixels = np.array(opened(photograph()).convert("RGB"))
    sepia = Image.fromarray((pixels * [1.0, 0.8, 0.6]).astype(np.uint8))
    file = BytesIO()
    sepia.save(file, "PNG")
    studio.with_photo(file.getvalue(), "sepia.png")
    studio.find("#zoom-actual").click()
    studio.find("#divider").press("End")
    studio.settled()
    np.testing.assert_array_equal(studio.pixels(), np.asarray(sepia))
    expect(studio.find("#remarks")).to_contain_text("in color or toned")


def test_what_is_half_clear(studio: Studio, server: Server) -> None:
    pixels = np.array(opened(photograph()).convert("RGBA"))
    pixels[100:200, 100:300] = 220, 30, 30, 128
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    studio.with_photo(file.getvalue(), "clear.png")
    studio.show_pixels()
    answer = server.ask("POST", "/v1/colorize", file.getvalue(), Accept="image/png")
    written = np.asarray(opened(answer.body))[110:190, 110:290, :3].astype(int)
    shown = studio.pixels()[110:190, 110:290].astype(int)
    assert np.abs(shown - written).mean() < 4


def test_a_scan_is_as_large_as_it_is(studio: Studio) -> None:
    photo = photograph(size=(3000, 2000))
    studio.with_photo(photo)
    percent = str(studio.find("#zoom-value").text_content())
    studio.drop(("scan.tif", photograph(format="TIFF", size=(3000, 2000))))
    studio.ready(2)
    studio.find("#photos .select").nth(1).click()
    studio.settled()
    expect(studio.find("#zoom-value")).to_have_text(percent)
    studio.show_pixels()
    studio.find("#divider").press("End")
    shown = studio.pixels()
    gray = middle(np.asarray(opened(photo)), *shown.shape[:2])
    assert np.abs(shown[..., 0].astype(int) - gray).mean() < 3


def test_no_words_on_a_tiny_picture(studio: Studio) -> None:
    studio.with_photo(photograph(size=(12, 9)))
    expect(studio.find("#after")).to_be_hidden()
    studio.drop(("cat.jpg", photograph()))
    studio.ready(2)
    studio.find("#photos .select").nth(1).click()
    expect(studio.find("#after")).to_be_visible()


def pinch(studio: Studio, before: float, after: float) -> None:
    """Move two fingers apart on the picture."""
    x, y = studio.point(0.5, 0.3)
    session = studio.page.context.new_cdp_session(studio.page)

    def touch(kind: str, *apart: float) -> None:
        points = [{"x": x + side * d / 2, "y": y} for d in apart for side in (-1, 1)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", before)
    for step in range(1, 5):
        touch("touchMove", before + (after - before) * step / 4)
    touch("touchEnd")


def test_on_a_phone_by_touch(open_page: Open) -> None:
    options = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    studio = open_page(viewport={"width": 390, "height": 844}, **options)
    studio.shoot("welcome-phone")
    studio.find("#samples button").nth(1).tap()
    studio.colored().ready()
    width = studio.page.evaluate("document.documentElement.scrollWidth")
    assert width == 390
    studio.shoot("photo-phone-light")
    whole = str(studio.find("#zoom-value").text_content())
    pinch(studio, 100, 220)
    expect(studio.find("#zoom-value")).not_to_have_text(whole)
    studio.find("#zoom-fit").tap()
    expect(studio.find("#zoom-value")).to_have_text(whole)
    studio.find("#tab-correct").tap()
    studio.page.touchscreen.tap(*studio.point(0.4, 0.4))
    studio.find("#swatches button").first.tap()
    expect(studio.find("button.mark")).to_have_count(1)
    studio.settled()
    studio.shoot("correct-phone-light")
    assert has_color(studio.download()[1])
