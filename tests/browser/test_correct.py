"""The Correct tab: suggestions, hints, markers and previews."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open, Serve, on_both
from tests.browser.test_photo import difference
from tests.support.models import write_model
from tests.support.page_driver import PageDriver, decode_rgb, make_photo
from tests.support.service import wait_until


@pytest.fixture
def hinted(driver: PageDriver) -> PageDriver:
    """Open a photograph with one hint."""
    driver.add_photo(make_photo("coffee.png"), "coffee.jpg")
    driver.correct(0.2, 0.8)
    expect(driver.find("button.marker")).to_have_count(1)
    return driver


def marker_labels(driver: PageDriver) -> list[str]:
    """List the labels of the markers."""
    return [
        str(marker.get_attribute("aria-label")) for marker in driver.find("button.marker").all()
    ]


def saved_hints(driver: PageDriver) -> dict[str, list[dict[str, float | str]]]:
    """Read the hint file that the page saves."""
    name, content = driver.download("#save-hints")
    assert name.endswith(".hints.json")
    read: dict[str, list[dict[str, float | str]]] = json.loads(content)
    return read


@on_both
def test_suggested_color_changes_the_photograph(driver: PageDriver) -> None:
    driver.add_photo(make_photo("coffee.png"))
    driver.find("#divider").press("Home")
    before = driver.pixels()
    color = driver.correct(0.2, 0.8)
    expect(driver.find("#hex")).to_have_value(color)
    expect(driver.find(f'#swatches [value="{color}"]')).to_have_attribute("aria-pressed", "true")
    driver.wait_settled()
    assert np.abs(driver.pixels().astype(int) - before).mean() > 1
    driver.screenshot("correct-wide-light")


@on_both
def test_hinted_preview_matches_the_service(hinted: PageDriver) -> None:
    hinted.wait_settled()
    _, content = hinted.download()
    hinted.find("#tab-adjust").click()
    hinted.show_pixels()
    assert difference(hinted.pixels(), decode_rgb(content)) < 1.5  # the file is a JPEG


def test_model_without_hints_disables_correction(
    open_page: Open, serve: Serve, tmp_path: Path
) -> None:
    driver = open_page(serve("--model", str(write_model(tmp_path / "plain.onnx"))).url)
    driver.add_photo()
    driver.find("#tab-correct").click()
    expect(driver.find("#load-hints")).to_be_disabled()
    expect(driver.find("#no-hints")).to_have_text("This model does not support corrections.")
    driver.page.mouse.click(*driver.point(0.5, 0.5))
    expect(driver.find("#spot")).to_be_hidden()
    expect(driver.find("#correct-help")).to_be_hidden()
    assert driver.requests_to("/v1/suggestions") == []


def test_hints_can_be_undone_and_redone(hinted: PageDriver) -> None:
    hinted.find("#stage").focus()
    hinted.page.keyboard.press("Control+z")
    expect(hinted.find("button.marker")).to_have_count(0)
    hinted.page.keyboard.press("Control+Shift+Z")
    expect(hinted.find("button.marker")).to_have_count(1)
    hinted.find("button.marker").press("Delete")
    expect(hinted.find("button.marker")).to_have_count(0)
    hinted.find("#undo").click()
    expect(hinted.find("button.marker")).to_have_count(1)


def test_undo_restores_the_colors(driver: PageDriver) -> None:
    driver.add_photo(make_photo("coffee.png"))
    driver.find("#tab-correct").click()
    driver.wait_settled()
    before = driver.pixels()
    driver.correct(0.2, 0.8)
    driver.wait_settled()
    assert not np.array_equal(driver.pixels(), before)
    driver.find("#undo").click()
    driver.wait_settled()
    assert np.array_equal(driver.pixels(), before)


@on_both
def test_marker_moves_by_pointer_and_keys(hinted: PageDriver) -> None:
    marker = hinted.find("button.marker")
    marker.press("ArrowRight")
    (hint,) = saved_hints(hinted)["hints"]
    assert hint["x"] == pytest.approx(0.21, abs=0.005)
    marker.hover()
    hinted.page.mouse.down()
    hinted.page.mouse.move(*hinted.point(0.6, 0.4), steps=5)
    hinted.page.mouse.up()
    (hint,) = saved_hints(hinted)["hints"]
    assert (hint["x"], hint["y"]) == pytest.approx((0.6, 0.4), abs=0.02)
    hinted.find("#undo").click()
    (hint,) = saved_hints(hinted)["hints"]
    assert hint["x"] == pytest.approx(0.21, abs=0.005)


def test_drag_that_ends_outside_keeps_the_last_point(hinted: PageDriver) -> None:
    hinted.find("button.marker").hover()
    hinted.page.mouse.down()
    hinted.page.mouse.move(*hinted.point(0.6, 0.4))
    hinted.page.mouse.move(5, 5)
    hinted.page.mouse.up()
    (hint,) = saved_hints(hinted)["hints"]
    assert (hint["x"], hint["y"]) == pytest.approx((0.6, 0.4), abs=0.02)
    hinted.find("#undo").click()
    (hint,) = saved_hints(hinted)["hints"]
    assert (hint["x"], hint["y"]) == pytest.approx((0.2, 0.8), abs=0.02)


def test_cancelled_drag_is_one_step_of_the_history(hinted: PageDriver) -> None:
    hints = saved_hints(hinted)
    hand = hinted.page.context.new_cdp_session(hinted.page)
    for kind, places in (
        ("touchStart", [(0.2, 0.8)]),
        ("touchMove", [(0.3, 0.7)]),
        ("touchMove", [(0.6, 0.4)]),
        ("touchCancel", []),
    ):
        points = [dict(zip("xy", hinted.point(*place), strict=True)) for place in places]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    moved = saved_hints(hinted)
    assert moved != hints
    hinted.find("button.marker").press("ArrowLeft")
    hinted.find("#undo").click()
    assert saved_hints(hinted) == moved


def test_suggestions_follow_the_marker(hinted: PageDriver) -> None:
    page = hinted.page
    old = hinted.find("#color-plane").evaluate("(plane) => plane.toDataURL()")
    hinted.find("button.marker").hover()
    page.mouse.down()
    page.mouse.move(*hinted.point(0.6, 0.4))
    with page.expect_response(lambda answer: "/v1/suggestions?" in answer.url) as waiting:
        page.mouse.up()
    (hint,) = saved_hints(hinted)["hints"]
    asked = parse_qs(urlsplit(waiting.value.url).query)
    assert float(asked["x"][0]) == pytest.approx(hint["x"])
    likely = [one["color"] for one in waiting.value.json()["colors"]]
    expect(hinted.find("#swatches button").first).to_have_attribute("value", likely[0])
    assert hinted.find("#color-plane").evaluate("(plane) => plane.toDataURL()") != old


def test_hint_takes_a_color_in_hexadecimal(hinted: PageDriver) -> None:
    hinted.find("#hex").fill("#3050c0")
    hinted.find("#hex").press("Enter")
    expect(hinted.find("button.marker")).to_have_count(1)
    shown = hinted.find("#hex").input_value()
    (hint,) = saved_hints(hinted)["hints"]
    assert hint["color"] == shown
    hinted.find("#hex").fill("blue")
    hinted.find("#hex").press("Enter")
    expect(hinted.find("#hex")).to_have_attribute("aria-invalid", "true")
    expect(hinted.find("#notifications")).to_contain_text("Enter a color as # and six digits")
    assert saved_hints(hinted)["hints"] == [hint]
    hinted.find("#hex").fill("#864")
    hinted.find("#hex").press("Enter")
    expect(hinted.find("#hex")).to_have_attribute("aria-invalid", "false")
    (hint,) = saved_hints(hinted)["hints"]
    expect(hinted.find("#announcer")).to_have_text(f"dark brown {hint['color']}")


def test_lightness_that_limits_a_color_is_explained(hinted: PageDriver) -> None:
    note = hinted.find("#color-note")
    expect(note).to_be_hidden()
    light = hinted.page.evaluate(
        """async () => {
          const { hexToLab } = await import("/static/js/color/colorspace.js");
          return hexToLab(document.querySelector("#hex").value)[0];
        }"""
    )
    wanted, reason = ("#ffff00", "too dark here") if light < 80 else ("#0000ff", "too light here")
    hinted.find("#hex").fill(wanted)
    hinted.find("#hex").press("Enter")
    shown = hinted.find("#hex").input_value()
    expect(note).to_contain_text(f"{reason} for {wanted}")
    expect(note).to_contain_text(f"The nearest possible color is {shown}.")
    hinted.screenshot("correct-limited-wide-light")
    hinted.find("#swatches button").first.click()
    expect(note).to_be_hidden()


@pytest.mark.parametrize("size", [(390, 844), (375, 600), (667, 375)], ids=str)
def test_photograph_stays_in_sight_while_it_is_corrected(
    open_page: Open, size: tuple[int, int]
) -> None:
    width, height = size
    options = {"has_touch": True, "is_mobile": True}
    driver = open_page(viewport={"width": width, "height": height}, **options)
    driver.add_photo(make_photo("coffee.png"))
    driver.correct(0.2, 0.8)
    driver.find("#save-hints").scroll_into_view_if_needed()
    marker = driver.find("button.marker").bounding_box()
    assert marker
    assert 0 < marker["y"] < height - marker["height"]
    driver.screenshot(f"correct-scrolled-{width}x{height}")


def test_color_plane_supports_pointer_and_keys(hinted: PageDriver) -> None:
    before = hinted.find("#hex").input_value()
    hinted.find("#color-plane").press("ArrowRight")
    after = hinted.find("#hex").input_value()
    assert after != before
    hinted.find("#color-plane").click(position={"x": 110, "y": 60})
    clicked = hinted.find("#hex").input_value()
    assert clicked not in (before, after)
    (hint,) = saved_hints(hinted)["hints"]
    assert hint["color"] == clicked


def test_release_over_the_color_plane_chooses_nothing(hinted: PageDriver) -> None:
    before = hinted.find("#hex").input_value()
    plane = hinted.find("#color-plane").bounding_box()
    assert plane
    hinted.find("#hex").hover()
    hinted.page.mouse.down()
    hinted.page.mouse.move(plane["x"] + 90, plane["y"] + 60, steps=3)
    hinted.page.mouse.up()
    assert hinted.find("#hex").input_value() == before


def test_focus_moves_to_the_stage_with_a_removed_marker(hinted: PageDriver) -> None:
    hinted.find("#remove-hint").click()
    expect(hinted.find("#stage")).to_be_focused()
    hinted.find("#undo").press("Enter")
    expect(hinted.find("button.marker")).to_have_count(1)
    hinted.find("button.marker").focus()
    hinted.find("#redo").dispatch_event("click")
    expect(hinted.find("button.marker")).to_have_count(0)
    expect(hinted.find("#stage")).to_be_focused()


def test_markers_stay_on_the_colored_image(hinted: PageDriver) -> None:
    hinted.find("#side-by-side").click()
    hinted.wait_settled()
    marker = hinted.find("button.marker").bounding_box()
    assert marker
    middle = [marker["x"] + 13, marker["y"] + 13]
    hinted.page.mouse.move(*middle)
    is_marker = "([x, y]) => document.elementFromPoint(x, y).matches('.marker')"
    assert hinted.page.evaluate(is_marker, middle)
    for _ in range(3):
        hinted.find("#zoom-in").click()
    marker = hinted.find("button.marker").bounding_box()
    assert marker
    stage = hinted.find("#stage").bounding_box()
    assert stage
    middle = [marker["x"] + 13, marker["y"] + 13]
    assert stage["x"] < middle[0] < stage["x"] + stage["width"] / 2  # next to its image
    assert not hinted.page.evaluate(is_marker, middle)


def test_command_line_reads_saved_hints(hinted: PageDriver, tmp_path: Path) -> None:
    hinted.correct(0.7, 0.3, swatch=0)
    expect(hinted.find("button.marker")).to_have_count(2)
    _, content = hinted.download("#save-hints")
    (tmp_path / "coffee.hints.json").write_bytes(content)
    (tmp_path / "coffee.png").write_bytes(make_photo("coffee.png", "PNG"))
    words = ["colorize", "coffee.png", "--hints", "coffee.hints.json"]
    command = [sys.executable, "-m", "rechroma", *words]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    pixels = decode_rgb((tmp_path / "coffee.color.png").read_bytes())
    assert np.ptp(pixels, axis=-1).max() > 20


@on_both
def test_hint_can_be_kept_close_to_its_point(hinted: PageDriver, tmp_path: Path) -> None:
    hinted.find("#only-here").check()
    (hint,) = saved_hints(hinted)["hints"]
    assert hint["only_here"] is True
    hinted.wait_settled()
    hinted.find("#only-here").uncheck()
    assert "only_here" not in saved_hints(hinted)["hints"][0]
    path = tmp_path / "some.hints.json"
    limited = {"x": 0.25, "y": 0.5, "color": "#c04030", "radius": 0.125, "only_here": True}
    path.write_text(json.dumps({"format": 1, "hints": [limited]}))
    hinted.find("#hint-file").set_input_files(path)
    expect(hinted.find("button.marker")).to_have_count(1)
    assert saved_hints(hinted)["hints"] == [limited]
    hinted.find("button.marker").click()
    expect(hinted.find("#only-here")).to_be_checked()
    path.write_text(json.dumps({"format": 1, "hints": [limited | {"radius": 0}]}))
    hinted.find("#hint-file").set_input_files(path)
    expect(hinted.find("#notifications")).to_have_text(
        "some.hints.json is not a file of corrections."
    )


def test_hint_file_is_loaded_or_rejected(hinted: PageDriver, tmp_path: Path) -> None:
    path = tmp_path / "some.hints.json"
    hints = [{"x": x, "y": 0.5, "color": "#C04030"} for x in (0.2, 0.5, 0.8)]
    path.write_text(json.dumps({"format": 1, "hints": hints}))
    hinted.find("#hint-file").set_input_files(path)
    expect(hinted.find("button.marker")).to_have_count(3)
    path.write_text('{"format": 2}')
    hinted.find("#hint-file").set_input_files(path)
    expect(hinted.find("#notifications")).to_have_text(
        "some.hints.json is not a file of corrections."
    )
    assert len(marker_labels(hinted)) == 3
    hinted.find("button.marker").first.click()
    expect(hinted.find("#spot")).to_be_visible()
    hinted.find("#clear-hints").click()
    expect(hinted.find("button.marker")).to_have_count(0)
    expect(hinted.find("#spot")).to_be_hidden()
    expect(hinted.find("#announcer")).to_have_text("All corrections were removed.")


def test_each_photograph_has_its_own_hints(hinted: PageDriver) -> None:
    hinted.drop(("cat.jpg", make_photo()))
    hinted.wait_ready(2)
    hinted.find("#photos .select").nth(1).click()
    hinted.wait_colored()
    expect(hinted.find("button.marker")).to_have_count(0)
    hinted.find("#photos .select").first.click()
    expect(hinted.find("button.marker")).to_have_count(1)


def hold_previews(driver: PageDriver, held: list[Route], most: int) -> None:
    """Hold the next requests for previews."""

    def keep(route: Route) -> None:
        if len(held) < most:
            held.append(route)
        else:
            route.continue_()

    driver.page.route("**/v1/chroma", keep)


def test_preview_follows_a_drag_one_request_at_a_time(hinted: PageDriver) -> None:
    hinted.wait_settled()
    before = hinted.pixels()
    held: list[Route] = []
    hold_previews(hinted, held, 2)
    hinted.find("button.marker").hover()
    hinted.page.mouse.down()
    for step in range(1, 8):
        hinted.page.mouse.move(*hinted.point(0.2 + 0.08 * step, 0.8 - 0.08 * step))
        hinted.page.wait_for_timeout(80)
    assert len(held) == 1  # the next question waits for the answer
    with hinted.page.expect_request("**/v1/chroma"):
        held[0].continue_()
    wait_until(lambda: not np.array_equal(hinted.pixels(), before))
    assert len(held) == 2
    held[1].continue_()
    hinted.page.mouse.up()
    hinted.wait_settled()


def test_late_preview_does_not_reach_another_photograph(hinted: PageDriver) -> None:
    hinted.drop(("cat.jpg", make_photo()))
    hinted.wait_ready(2)
    hinted.wait_settled()
    held: list[Route] = []
    hold_previews(hinted, held, 1)
    with hinted.page.expect_request("**/v1/chroma"):
        hinted.find("button.marker").press("Delete")
    hinted.find("#photos .select").nth(1).click()
    hinted.wait_settled()
    before = hinted.pixels()
    held[0].continue_()
    hinted.wait_settled()
    assert np.array_equal(hinted.pixels(), before)
    hinted.find("#photos .select").first.click()
    hinted.wait_settled()
    assert len(hinted.requests_to("/v1/chroma")) == 5  # 2 photographs, 1 with the hint, 2 without


def test_failed_correction_can_be_retried(hinted: PageDriver) -> None:
    hinted.expected = ("500",)
    hinted.drop(("cat.jpg", make_photo()))
    hinted.wait_ready(2)
    hinted.wait_settled()
    notifications = hinted.find("#notifications")
    hinted.page.route("**/v1/chroma", lambda route: route.fulfill(status=500), times=3)
    hinted.find("button.marker").press("Delete")
    expect(notifications).to_be_visible()
    expect(hinted.find("#stage")).to_have_attribute("aria-busy", "false")
    hinted.screenshot("correct-failed-wide-light")
    again = notifications.get_by_role("button", name="Try again")
    with hinted.page.expect_response("**/v1/chroma"):
        again.click()
    expect(notifications).to_be_visible()
    hinted.find("#photos .select").nth(1).click()
    expect(notifications).to_be_hidden()
    with hinted.page.expect_response("**/v1/chroma"):
        hinted.find("#photos .select").first.click()
    before = hinted.pixels()
    with hinted.page.expect_response("**/v1/chroma") as waiting:
        again.click()
    assert waiting.value.status == 200
    hinted.wait_settled()
    expect(notifications).to_be_hidden()
    assert not np.array_equal(hinted.pixels(), before)


def test_retry_offer_outlasts_other_errors(hinted: PageDriver) -> None:
    hinted.expected = ("500",)
    hinted.wait_settled()
    hinted.page.route("**/v1/chroma", lambda route: route.fulfill(status=500), times=1)
    hinted.page.route("**/v1/suggestions*", lambda route: route.fulfill(status=500), times=1)
    before = hinted.pixels()
    hinted.find("button.marker").press("Delete")
    again = hinted.find("#notifications").get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    hinted.page.mouse.click(*hinted.point(0.5, 0.5))
    expect(hinted.find("#notifications p")).to_have_count(2)
    again.click()
    expect(again).to_be_hidden()
    hinted.wait_settled()
    assert not np.array_equal(hinted.pixels(), before)


def test_undo_dismisses_the_error(hinted: PageDriver) -> None:
    hinted.expected = ("500",)
    hinted.wait_settled()
    hinted.page.route("**/v1/chroma", lambda route: route.fulfill(status=500), times=1)
    hinted.find("button.marker").press("Delete")
    expect(hinted.find("#notifications")).to_be_visible()
    hinted.find("#undo").click()
    expect(hinted.find("#notifications")).to_be_hidden()
    with hinted.page.expect_response("**/v1/chroma") as waiting:
        hinted.find("#redo").click()
    assert waiting.value.ok
