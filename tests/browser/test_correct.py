"""Correcting: places, their likely colors, and what becomes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open, Serve
from tests.browser.test_photo import difference
from tests.support.models import write_model
from tests.support.page_driver import PageDriver, photograph, rgb
from tests.support.service import wait_until


@pytest.fixture
def corrected(driver: PageDriver) -> PageDriver:
    """The page with a color that somebody has chosen."""
    driver.with_photo(photograph("coffee.png"), "coffee.jpg")
    driver.correct(0.2, 0.8)
    expect(driver.find("button.marker")).to_have_count(1)
    return driver


def marks(driver: PageDriver) -> list[str]:
    """What the marks are called."""
    return [str(mark.get_attribute("aria-label")) for mark in driver.find("button.marker").all()]


def hints_of(driver: PageDriver) -> dict[str, list[dict[str, float | str]]]:
    """The hints that the page saves."""
    name, content = driver.download("#save-hints")
    assert name.endswith(".hints.json")
    read: dict[str, list[dict[str, float | str]]] = json.loads(content)
    return read


def test_a_likely_color(driver: PageDriver) -> None:
    driver.with_photo(photograph("coffee.png"))
    driver.find("#divider").press("Home")
    before = driver.pixels()
    color = driver.correct(0.2, 0.8)
    expect(driver.find("#hex")).to_have_value(color)
    expect(driver.find(f'#swatches [value="{color}"]')).to_have_attribute("aria-pressed", "true")
    driver.settled()
    assert np.abs(driver.pixels().astype(int) - before).mean() > 1
    driver.shoot("correct-wide-light")


def test_the_picture_is_that_of_the_service(corrected: PageDriver) -> None:
    corrected.settled()
    _, content = corrected.download()
    corrected.find("#tab-adjust").click()
    corrected.show_pixels()
    assert difference(corrected.pixels(), rgb(content)) < 1.5  # the file is a JPEG


def test_a_model_that_takes_no_corrections(open_page: Open, serve: Serve, tmp_path: Path) -> None:
    driver = open_page(serve("--model", str(write_model(tmp_path / "plain.onnx"))).url)
    driver.with_photo()
    driver.find("#tab-correct").click()
    expect(driver.find("#load-hints")).to_be_disabled()
    expect(driver.find("#no-hints")).to_have_text("The server's model does not support hints.")
    driver.page.mouse.click(*driver.point(0.5, 0.5))
    expect(driver.find("#spot")).to_be_hidden()
    expect(driver.find("#correct-help")).to_be_hidden()
    assert driver.sent("/v1/suggestions") == []


def test_undo_and_redo(corrected: PageDriver) -> None:
    corrected.find("#stage").focus()
    corrected.page.keyboard.press("Control+z")
    expect(corrected.find("button.marker")).to_have_count(0)
    corrected.page.keyboard.press("Control+Shift+Z")
    expect(corrected.find("button.marker")).to_have_count(1)
    corrected.find("button.marker").press("Delete")
    expect(corrected.find("button.marker")).to_have_count(0)
    corrected.find("#undo").click()
    expect(corrected.find("button.marker")).to_have_count(1)


def test_the_colors_follow_undo(driver: PageDriver) -> None:
    driver.with_photo(photograph("coffee.png"))
    driver.find("#tab-correct").click()
    driver.settled()
    before = driver.pixels()
    driver.correct(0.2, 0.8)
    driver.settled()
    assert not np.array_equal(driver.pixels(), before)
    driver.find("#undo").click()
    driver.settled()
    assert np.array_equal(driver.pixels(), before)


def test_moved_by_hand_and_by_keys(corrected: PageDriver) -> None:
    mark = corrected.find("button.marker")
    mark.press("ArrowRight")
    (hint,) = hints_of(corrected)["hints"]
    assert hint["x"] == pytest.approx(0.21, abs=0.005)
    mark.hover()
    corrected.page.mouse.down()
    corrected.page.mouse.move(*corrected.point(0.6, 0.4), steps=5)
    corrected.page.mouse.up()
    (hint,) = hints_of(corrected)["hints"]
    assert (hint["x"], hint["y"]) == pytest.approx((0.6, 0.4), abs=0.02)
    corrected.find("#undo").click()
    (hint,) = hints_of(corrected)["hints"]
    assert hint["x"] == pytest.approx(0.21, abs=0.005)


def test_a_drag_that_ends_beside_the_picture(corrected: PageDriver) -> None:
    corrected.find("button.marker").hover()
    corrected.page.mouse.down()
    corrected.page.mouse.move(*corrected.point(0.6, 0.4))
    corrected.page.mouse.move(5, 5)
    corrected.page.mouse.up()
    (hint,) = hints_of(corrected)["hints"]
    assert (hint["x"], hint["y"]) == pytest.approx((0.6, 0.4), abs=0.02)
    corrected.find("#undo").click()
    (hint,) = hints_of(corrected)["hints"]
    assert (hint["x"], hint["y"]) == pytest.approx((0.2, 0.8), abs=0.02)


def test_a_drag_that_the_browser_ends(corrected: PageDriver) -> None:
    hints = hints_of(corrected)
    hand = corrected.page.context.new_cdp_session(corrected.page)
    for kind, places in (
        ("touchStart", [(0.2, 0.8)]),
        ("touchMove", [(0.3, 0.7)]),
        ("touchMove", [(0.6, 0.4)]),
        ("touchCancel", []),
    ):
        points = [dict(zip("xy", corrected.point(*place), strict=True)) for place in places]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    moved = hints_of(corrected)
    assert moved != hints
    corrected.find("button.marker").press("ArrowLeft")
    corrected.find("#undo").click()
    assert hints_of(corrected) == moved


def test_what_is_likely_follows_the_mark(corrected: PageDriver) -> None:
    page = corrected.page
    old = corrected.find("#color-plane").evaluate("(plane) => plane.toDataURL()")
    corrected.find("button.marker").hover()
    page.mouse.down()
    page.mouse.move(*corrected.point(0.6, 0.4))
    with page.expect_response(lambda answer: "/v1/suggestions?" in answer.url) as waiting:
        page.mouse.up()
    (hint,) = hints_of(corrected)["hints"]
    asked = parse_qs(urlsplit(waiting.value.url).query)
    assert float(asked["x"][0]) == pytest.approx(hint["x"])
    likely = [one["color"] for one in waiting.value.json()["colors"]]
    expect(corrected.find("#swatches button").first).to_have_attribute("value", likely[0])
    assert corrected.find("#color-plane").evaluate("(plane) => plane.toDataURL()") != old


def test_another_color_for_the_same_place(corrected: PageDriver) -> None:
    corrected.find("#hex").fill("#3050c0")
    corrected.find("#hex").press("Enter")
    expect(corrected.find("button.marker")).to_have_count(1)
    shown = corrected.find("#hex").input_value()
    (hint,) = hints_of(corrected)["hints"]
    assert hint["color"] == shown
    corrected.find("#hex").fill("blue")
    corrected.find("#hex").press("Enter")
    expect(corrected.find("#hex")).to_have_attribute("aria-invalid", "true")
    expect(corrected.find("#notifications")).to_contain_text("Enter a color as # and six digits")
    assert hints_of(corrected)["hints"] == [hint]
    corrected.find("#hex").fill("#864")
    corrected.find("#hex").press("Enter")
    expect(corrected.find("#hex")).to_have_attribute("aria-invalid", "false")
    (hint,) = hints_of(corrected)["hints"]
    expect(corrected.find("#announcer")).to_have_text(f"dark brown {hint['color']}")


def test_the_plane_of_colors(corrected: PageDriver) -> None:
    before = corrected.find("#hex").input_value()
    corrected.find("#color-plane").press("ArrowRight")
    after = corrected.find("#hex").input_value()
    assert after != before
    corrected.find("#color-plane").click(position={"x": 110, "y": 60})
    clicked = corrected.find("#hex").input_value()
    assert clicked not in (before, after)
    (hint,) = hints_of(corrected)["hints"]
    assert hint["color"] == clicked


def test_letting_go_over_the_plane_chooses_nothing(corrected: PageDriver) -> None:
    before = corrected.find("#hex").input_value()
    plane = corrected.find("#color-plane").bounding_box()
    assert plane
    corrected.find("#hex").hover()
    corrected.page.mouse.down()
    corrected.page.mouse.move(plane["x"] + 90, plane["y"] + 60, steps=3)
    corrected.page.mouse.up()
    assert corrected.find("#hex").input_value() == before


def test_the_focus_stays_on_the_picture(corrected: PageDriver) -> None:
    corrected.find("#remove-hint").click()
    expect(corrected.find("#stage")).to_be_focused()
    corrected.find("#undo").press("Enter")
    expect(corrected.find("button.marker")).to_have_count(1)
    corrected.find("button.marker").focus()
    corrected.find("#redo").dispatch_event("click")
    expect(corrected.find("button.marker")).to_have_count(0)
    expect(corrected.find("#stage")).to_be_focused()


def test_marks_stay_on_the_picture_in_color(corrected: PageDriver) -> None:
    corrected.find("#side-by-side").click()
    corrected.settled()
    mark = corrected.find("button.marker").bounding_box()
    assert mark
    middle = [mark["x"] + 13, mark["y"] + 13]
    corrected.page.mouse.move(*middle)
    is_mark = "([x, y]) => document.elementFromPoint(x, y).matches('.marker')"
    assert corrected.page.evaluate(is_mark, middle)
    for _ in range(3):
        corrected.find("#zoom-in").click()
    mark = corrected.find("button.marker").bounding_box()
    assert mark
    stage = corrected.find("#stage").bounding_box()
    assert stage
    middle = [mark["x"] + 13, mark["y"] + 13]
    assert stage["x"] < middle[0] < stage["x"] + stage["width"] / 2  # beside its picture
    assert not corrected.page.evaluate(is_mark, middle)


def test_saved_hints_suit_the_command_line(corrected: PageDriver, tmp_path: Path) -> None:
    corrected.correct(0.7, 0.3, swatch=0)
    expect(corrected.find("button.marker")).to_have_count(2)
    _, content = corrected.download("#save-hints")
    (tmp_path / "coffee.hints.json").write_bytes(content)
    (tmp_path / "coffee.png").write_bytes(photograph("coffee.png", "PNG"))
    words = ["colorize", "coffee.png", "--hints", "coffee.hints.json"]
    command = [sys.executable, "-m", "rechroma", *words]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    hinted = rgb((tmp_path / "coffee.color.png").read_bytes())
    assert np.ptp(hinted, axis=-1).max() > 20


def test_loaded_hints(corrected: PageDriver, tmp_path: Path) -> None:
    path = tmp_path / "some.hints.json"
    hints = [{"x": x, "y": 0.5, "color": "#C04030"} for x in (0.2, 0.5, 0.8)]
    path.write_text(json.dumps({"format": 1, "hints": hints}))
    corrected.find("#hint-file").set_input_files(path)
    expect(corrected.find("button.marker")).to_have_count(3)
    path.write_text('{"format": 2}')
    corrected.find("#hint-file").set_input_files(path)
    expect(corrected.find("#notifications")).to_have_text("This is not a hint file.")
    assert len(marks(corrected)) == 3
    corrected.find("button.marker").first.click()
    expect(corrected.find("#spot")).to_be_visible()
    corrected.find("#clear-hints").click()
    expect(corrected.find("button.marker")).to_have_count(0)
    expect(corrected.find("#spot")).to_be_hidden()
    expect(corrected.find("#announcer")).to_have_text("All hints were removed.")


def test_each_photograph_has_its_own(corrected: PageDriver) -> None:
    corrected.drop(("cat.jpg", photograph()))
    corrected.ready(2)
    corrected.find("#photos .select").nth(1).click()
    corrected.colored()
    expect(corrected.find("button.marker")).to_have_count(0)
    corrected.find("#photos .select").first.click()
    expect(corrected.find("button.marker")).to_have_count(1)


def hold(driver: PageDriver, held: list[Route], most: int) -> None:
    """Keep the next questions for colors from the service."""

    def keep(route: Route) -> None:
        if len(held) < most:
            held.append(route)
        else:
            route.continue_()

    driver.page.route("**/v1/chroma", keep)


def test_the_colors_follow_a_drag(corrected: PageDriver) -> None:
    corrected.settled()
    before = corrected.pixels()
    held: list[Route] = []
    hold(corrected, held, 2)
    corrected.find("button.marker").hover()
    corrected.page.mouse.down()
    for step in range(1, 8):
        corrected.page.mouse.move(*corrected.point(0.2 + 0.08 * step, 0.8 - 0.08 * step))
        corrected.page.wait_for_timeout(80)
    assert len(held) == 1  # the next question waits for the answer
    with corrected.page.expect_request("**/v1/chroma"):
        held[0].continue_()
    wait_until(lambda: not np.array_equal(corrected.pixels(), before))
    assert len(held) == 2
    held[1].continue_()
    corrected.page.mouse.up()
    corrected.settled()


def test_a_late_answer_is_not_for_another_photograph(corrected: PageDriver) -> None:
    corrected.drop(("cat.jpg", photograph()))
    corrected.ready(2)
    corrected.settled()
    held: list[Route] = []
    hold(corrected, held, 1)
    with corrected.page.expect_request("**/v1/chroma"):
        corrected.find("button.marker").press("Delete")
    corrected.find("#photos .select").nth(1).click()
    corrected.settled()
    before = corrected.pixels()
    held[0].continue_()
    corrected.settled()
    assert np.array_equal(corrected.pixels(), before)
    corrected.find("#photos .select").first.click()
    corrected.settled()
    assert len(corrected.sent("/v1/chroma")) == 5  # two at first, the mark's, twice without it


def test_a_correction_that_fails_can_be_tried_again(corrected: PageDriver) -> None:
    corrected.expected = ("500",)
    corrected.drop(("cat.jpg", photograph()))
    corrected.ready(2)
    corrected.settled()
    complaint = corrected.find("#notifications")
    corrected.page.route("**/v1/chroma", lambda route: route.fulfill(status=500), times=3)
    corrected.find("button.marker").press("Delete")
    expect(complaint).to_be_visible()
    expect(corrected.find("#stage")).to_have_attribute("aria-busy", "false")
    corrected.shoot("correct-failed-wide-light")
    again = complaint.get_by_role("button", name="Try again")
    with corrected.page.expect_response("**/v1/chroma"):
        again.click()
    expect(complaint).to_be_visible()
    corrected.find("#photos .select").nth(1).click()
    expect(complaint).to_be_hidden()
    with corrected.page.expect_response("**/v1/chroma"):
        corrected.find("#photos .select").first.click()
    before = corrected.pixels()
    with corrected.page.expect_response("**/v1/chroma") as waiting:
        again.click()
    assert waiting.value.status == 200
    corrected.settled()
    expect(complaint).to_be_hidden()
    assert not np.array_equal(corrected.pixels(), before)


def test_what_can_be_done_again_outlasts_another_complaint(corrected: PageDriver) -> None:
    corrected.expected = ("500",)
    corrected.settled()
    corrected.page.route("**/v1/chroma", lambda route: route.fulfill(status=500), times=1)
    corrected.page.route("**/v1/suggestions*", lambda route: route.fulfill(status=500), times=1)
    before = corrected.pixels()
    corrected.find("button.marker").press("Delete")
    again = corrected.find("#notifications").get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    corrected.page.mouse.click(*corrected.point(0.5, 0.5))
    expect(corrected.find("#notifications p")).to_have_count(2)
    again.click()
    expect(again).to_be_hidden()
    corrected.settled()
    assert not np.array_equal(corrected.pixels(), before)


def test_undo_takes_back_the_complaint(corrected: PageDriver) -> None:
    corrected.expected = ("500",)
    corrected.settled()
    corrected.page.route("**/v1/chroma", lambda route: route.fulfill(status=500), times=1)
    corrected.find("button.marker").press("Delete")
    expect(corrected.find("#notifications")).to_be_visible()
    corrected.find("#undo").click()
    expect(corrected.find("#notifications")).to_be_hidden()
    with corrected.page.expect_response("**/v1/chroma") as waiting:
        corrected.find("#redo").click()
    assert waiting.value.ok
