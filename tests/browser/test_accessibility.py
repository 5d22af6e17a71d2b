"""Accessibility: axe-core, keyboard, labels, languages, themes; and the size of the first load."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Route, ViewportSize, expect

import rechroma.web
from rechroma import errors
from rechroma.imaging import Damage
from rechroma.service import errors as service_errors
from tests.browser.conftest import Open, on_both
from tests.support.page_driver import PageDriver, axe_violations, make_photo
from tests.support.service import has_color

STATIC = Path(rechroma.web.__file__).parent / "static"
BUDGET = 150_000  # bytes of the first load
PHONE: ViewportSize = {"width": 390, "height": 844}
WIDE: ViewportSize = {"width": 1440, "height": 900}


def texts(language: str) -> dict[str, str]:
    read: dict[str, str] = json.loads((STATIC / "texts" / f"{language}.json").read_text("utf-8"))
    return read


def sources() -> Iterator[str]:
    for path in (STATIC / "index.html", *(STATIC / "js").rglob("*.js")):
        yield path.read_text("utf-8")


def test_first_load_is_small_and_from_one_host(open_page: Open) -> None:
    driver = open_page()
    driver.page.wait_for_load_state("networkidle")
    sizes = [request.sizes() for request in driver.requests]
    weight = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    assert len(sizes) > 20
    assert weight < BUDGET
    driver.page.wait_for_timeout(100)
    assert driver.page.context.cookies() == []


def assert_accessible(driver: PageDriver, state: str) -> None:
    """Run axe-core in each layout and color scheme."""
    for kind, viewport in {"phone": PHONE, "wide": WIDE}.items():
        driver.page.set_viewport_size(viewport)
        for scheme in ("light", "dark"):
            driver.page.emulate_media(color_scheme=scheme)
            driver.page.wait_for_timeout(100)
            assert axe_violations(driver) == [], (kind, scheme)
            driver.screenshot(f"{state}-{kind}-{scheme}")


@on_both
def test_axe_finds_no_violations(open_page: Open) -> None:
    driver = open_page(reduced_motion="reduce")
    driver.expected = ("415",)
    assert_accessible(driver, "welcome")
    driver.find("#samples button").first.click()
    driver.wait_colored().wait_ready()
    driver.drop(("broken.jpg", b"no image"))
    expect(driver.find("[data-stage=failed]")).to_be_visible()
    assert_accessible(driver, "look")
    driver.correct()
    expect(driver.find("button.marker")).to_have_count(1)
    assert_accessible(driver, "marker")


def test_keyboard_reaches_everything(driver: PageDriver) -> None:
    page = driver.page

    def go_to(selector: str) -> None:
        for _ in range(60):
            if driver.find(selector).first.evaluate("(one) => one === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"no way to {selector} by Tab")

    go_to("#samples button")
    page.keyboard.press("Enter")
    driver.wait_colored().wait_ready()
    expect(driver.find("#stage")).to_be_focused()
    expect(driver.find("#announcer")).to_have_text("astronaut.jpg is ready.")
    go_to("#divider")
    page.keyboard.press("End")
    expect(driver.find("#divider")).to_have_attribute("aria-valuenow", "100")
    go_to("#tab-adjust")
    go_to("#saturation")
    page.keyboard.press("ArrowRight")
    expect(driver.find("#saturation")).to_have_value("1.05")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    expect(driver.find("#tab-correct")).to_be_focused()
    go_to("#stage")
    page.keyboard.press("ArrowLeft")
    expect(driver.find("#crosshair")).to_be_visible()
    expect(driver.find("#announcer")).to_have_text("48% from the left, 50% from the top")
    page.keyboard.press("Enter")
    expect(driver.find("#swatches button").first).to_be_visible()
    go_to("#swatches button")
    page.keyboard.press("Space")
    expect(driver.find("button.marker")).to_have_count(1)
    go_to("button.marker")
    page.keyboard.press("Delete")
    expect(driver.find("button.marker")).to_have_count(0)
    expect(driver.find("#stage")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(driver.find("button.marker")).to_have_count(1)
    go_to("#download")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert has_color(waiting.value.path().read_bytes())


def test_keys_zoom_the_stage(driver: PageDriver) -> None:
    driver.add_photo()
    driver.find("#stage").focus()
    whole = str(driver.find("#zoom-value").text_content())
    driver.page.keyboard.press("1")
    expect(driver.find("#zoom-value")).to_have_text("100%")
    driver.page.keyboard.press("+")
    expect(driver.find("#zoom-value")).to_have_text("125%")
    driver.page.keyboard.press("-")
    expect(driver.find("#zoom-value")).to_have_text("100%")
    driver.page.keyboard.press("0")
    expect(driver.find("#zoom-value")).to_have_text(whole)


def test_arrow_keys_pan_the_stage(driver: PageDriver) -> None:
    driver.add_photo(make_photo(size=(1800, 1200)))
    driver.show_pixels()
    before = driver.pixels()
    driver.find("#stage").press("ArrowRight")
    driver.wait_settled()
    np.testing.assert_array_equal(driver.pixels()[:, :-60], before[:, 60:])


def test_hidden_crosshair_selects_nothing(driver: PageDriver) -> None:
    driver.add_photo()
    driver.find("#tab-correct").click()
    driver.find("#stage").press("ArrowLeft")
    driver.find("#tab-correct").focus()
    driver.find("#stage").press("Enter")
    expect(driver.find("#spot")).to_be_hidden()
    assert driver.requests_to("/v1/suggestions") == []


def test_crosshair_keeps_its_point_when_zoomed(driver: PageDriver) -> None:
    driver.add_photo()
    driver.find("#tab-correct").click()
    driver.find("#stage").focus()
    for key in ("ArrowLeft", "ArrowUp", "ArrowUp", "+", "+"):
        driver.page.keyboard.press(key)
    crosshair = driver.find("#crosshair").bounding_box()
    driver.page.keyboard.press("Enter")
    expect(driver.find("#swatches button").first).to_be_focused()
    ring = driver.find(".ring").bounding_box()
    assert crosshair
    assert ring
    aimed, chosen = (
        (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in (crosshair, ring)
    )
    assert aimed == pytest.approx(chosen, abs=3)


def test_zoom_label_starts_with_its_text(driver: PageDriver) -> None:
    driver.add_photo()
    button = driver.find("#zoom-actual")
    for language, word in (("en", "Actual size"), ("ru", "Натуральная величина")):
        driver.find("#language").select_option(language)
        expect(driver.find("html")).to_have_attribute("lang", language)
        expect(button).to_have_attribute("aria-label", re.compile(rf"^\d+\s?%, {word}"))
        assert str(button.get_attribute("aria-label")).startswith(button.inner_text())


def test_undo_works_on_a_russian_keyboard(driver: PageDriver) -> None:
    driver.add_photo()
    driver.adjust(saturation=2)
    press = """(key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown",
      { key, code: "KeyZ", ctrlKey: true, shiftKey: key === "Я", bubbles: true }))"""
    for key, saturation in (("я", "1"), ("Я", "2")):
        driver.page.evaluate(press, key)
        expect(driver.find("#saturation")).to_have_value(saturation)


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
def test_controls_are_large_enough(open_page: Open, viewport: ViewportSize) -> None:
    driver = open_page(viewport=viewport)
    driver.add_photo()
    driver.correct()
    small = driver.page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, [role=slider]")]
          .map((one) => [one.id || one.className, one.getBoundingClientRect()])
          .filter(([, { width, height }]) => width && Math.min(width, height) < 20)
          .map(([name]) => name)"""
    )
    assert small == []
    assert driver.page.evaluate("document.documentElement.scrollWidth") == viewport["width"]


@pytest.mark.parametrize(
    "viewport", [(320, 256), (375, 667), (683, 325), (853, 533), (390, 844), (1024, 720)], ids=str
)
@pytest.mark.parametrize("tab", ["adjust", "correct"])
def test_focused_control_is_never_covered(
    open_page: Open, viewport: tuple[int, int], tab: str
) -> None:
    width, height = viewport
    driver = open_page(viewport={"width": width, "height": height})
    driver.add_photo()
    if tab == "correct":
        driver.find("#tab-correct").click()
        driver.find("#stage").press("ArrowLeft")
        driver.page.keyboard.press("Enter")
        expect(driver.find("#swatches button").first).to_be_visible()
    covered = driver.page.evaluate(
        """() => {
          const all = [...document.querySelectorAll("button, select, input, [tabindex='0']")]
            .filter((one) => one.getClientRects().length && !one.disabled);
          return [...all, ...all.toReversed()].filter((one) => {
            one.focus();
            const { left, top, width, height } = one.getBoundingClientRect();
            return !one.contains(document.elementFromPoint(left + width / 2, top + height / 2));
          }).map((one) => one.id || one.className);
        }"""
    )
    assert covered == []
    assert driver.page.evaluate("document.documentElement.scrollWidth") == width


def test_divider_describes_its_position(driver: PageDriver) -> None:
    driver.add_photo()
    expect(driver.find("#divider")).to_have_attribute("aria-valuetext", "50% before")
    driver.find("#language").select_option("ru")
    expect(driver.find("#divider")).to_have_attribute("aria-valuetext", "50\u00a0% — до")


def test_late_texts_do_not_replace_the_selected_language(driver: PageDriver) -> None:
    held: list[Route] = []
    driver.page.route("**/texts/ru.json", lambda route: held.append(route))
    with driver.page.expect_request("**/texts/ru.json"):
        driver.find("#language").select_option("ru")
    driver.find("#language").select_option("en")
    with driver.page.expect_response("**/texts/ru.json"):
        held[0].continue_()
    driver.add_photo()
    expect(driver.find("html")).to_have_attribute("lang", "en")
    expect(driver.find("#download")).to_have_text("Download")


def test_texts_are_requested_again_after_an_error(driver: PageDriver) -> None:
    driver.expected = ("net::ERR_",)
    driver.page.route("**/texts/en.json", lambda route: route.abort(), times=1)
    driver.open()
    expect(driver.find("#choose")).to_have_text("Choose photographs")
    html = (STATIC / "index.html").read_text("utf-8")
    assert (
        f'data-text="unreachable">{texts("en")["unreachable"]}</p>' in html
    )  # before there are any


def test_page_is_complete_in_russian(open_page: Open) -> None:
    driver = open_page(locale="ru-RU", viewport=PHONE, color_scheme="dark")
    expect(driver.find("html")).to_have_attribute("lang", "ru")
    expect(driver.find("#invitation")).to_have_text(texts("ru")["invitation"])
    driver.add_photo()
    driver.screenshot("photo-phone-dark-ru")
    assert driver.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    driver.find("#language").select_option("en")
    expect(driver.find("#download")).to_have_text("Download")
    expect(driver.find("#photos .state")).to_have_text("ready")
    driver.page.reload()
    expect(driver.find("html")).to_have_attribute("lang", "en")


def test_theme_is_stored(open_page: Open) -> None:
    driver = open_page(color_scheme="light")
    light = driver.find("body").evaluate("(body) => getComputedStyle(body).backgroundColor")
    driver.find("#theme").select_option("dark")
    dark = driver.find("body").evaluate("(body) => getComputedStyle(body).backgroundColor")
    assert dark != light
    driver.page.reload()
    expect(driver.find("html")).to_have_attribute("data-theme", "dark")


def test_reduced_motion_skips_the_fade(open_page: Open) -> None:
    driver = open_page(reduced_motion="reduce")
    states = """() => {
      window.seen = [];
      new MutationObserver(() => seen.push(document.querySelector("#canvas").dataset.drawn))
        .observe(document.querySelector("#canvas"), { attributeFilter: ["data-drawn"] });
    }"""
    driver.page.evaluate(states)
    driver.add_photo()
    assert "draft" not in driver.page.evaluate("seen")


def test_languages_have_the_same_keys_and_placeholders() -> None:
    assert texts("en").keys() == texts("ru").keys()
    for language in ("en", "ru"):
        assert all(text.strip() for text in texts(language).values())
    for key, text in texts("en").items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", texts("ru")[key])), key


def test_texts_match_the_keys_in_use() -> None:
    asked, words = set(), set()
    for source in sources():
        asked |= set(re.findall(r'data-(?:text|label)="([^"]+)"', source))
        asked |= set(re.findall(r'(?:\bt\(|\bkey: )"([^"]+)"', source))
        words |= set(re.findall(r'"([\w.-]+)"', source))
    assert asked <= texts("en").keys()
    kinds = [*vars(errors), *vars(service_errors)]
    known = {f"problem.{_dashed(kind)}" for kind in kinds if kind.endswith("Error")}
    known |= words | {f"problem.{word}" for word in words}
    known |= {f"remark.{damage}" for damage in Damage}
    made = r"(color|keep|kind|metadata|sample|slider|stage|state)\.[\w-]+"
    rest = {key for key in texts("en").keys() - known if not re.fullmatch(made, key)}
    assert rest == set()


def _dashed(kind: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.removesuffix("Error")).lower()


def test_states_samples_and_colors_have_texts(driver: PageDriver) -> None:
    source = (STATIC / "js" / "color" / "colorNames.js").read_text("utf-8")
    colors = re.findall(r'\d+, "(\w+)"\]', source)
    assert len(colors) == 9
    assert {f"color.{color}" for color in colors} <= texts("en").keys()
    stages = {"waiting", "reading", "previewing", "uploading", "coloring"}
    assert {f"stage.{stage}" for stage in stages} <= texts("en").keys()
    assert {f"state.{stage}" for stage in stages | {"done"}} <= texts("en").keys()
    for button in driver.find("#samples button").all():
        assert str(button.get_attribute("aria-label")).startswith("Sample: ")
    driver.add_photo(make_photo())
