"""For everyone: keyboard, screen readers, languages, looks; and what the page weighs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Route, expect

import rechroma.web
from rechroma import errors
from tests.browser.conftest import Open
from tests.support.service import has_color
from tests.support.studio import Studio, photograph

STATIC = Path(rechroma.web.__file__).parent / "static"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BUDGET = 150_000  # bytes of the first load
PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1440, "height": 900}


def texts(language: str) -> dict[str, str]:
    read: dict[str, str] = json.loads((STATIC / "texts" / f"{language}.json").read_text("utf-8"))
    return read


def sources() -> Iterator[str]:
    for path in (STATIC / "index.html", *(STATIC / "js").rglob("*.js")):
        yield path.read_text("utf-8")


def faults(studio: Studio) -> list[str]:
    """What axe-core finds."""
    studio.page.evaluate(f"() => {{ {AXE}; }}")
    found = studio.page.evaluate(
        "async (values) => (await axe.run({ runOnly: { type: 'tag', values } })).violations", RULES
    )
    return [f"{one['id']}: {[n['html'][:90] for n in one['nodes']]}" for one in found]


def test_the_first_load_is_light_and_asks_nobody_else(open_page: Open) -> None:
    studio = open_page()
    studio.page.wait_for_load_state("networkidle")
    sizes = [request.sizes() for request in studio.requests]
    weight = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    assert len(sizes) > 20
    assert weight < BUDGET
    studio.page.wait_for_timeout(100)
    assert studio.page.context.cookies() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
def test_axe_finds_nothing(open_page: Open, scheme: str, viewport: dict[str, int]) -> None:
    kind = "phone" if viewport is PHONE else "wide"
    studio = open_page(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    studio.expected = ("415",)
    assert faults(studio) == []
    studio.shoot(f"welcome-{kind}-{scheme}")
    studio.find("#samples button").first.click()
    studio.colored().ready()
    studio.drop(("broken.jpg", b"no picture"))
    expect(studio.find("[data-stage=failed]")).to_be_visible()
    assert faults(studio) == []
    studio.shoot(f"look-{kind}-{scheme}")
    studio.correct()
    expect(studio.find("button.mark")).to_have_count(1)
    assert faults(studio) == []
    studio.shoot(f"mark-{kind}-{scheme}")


def test_by_keyboard_alone(studio: Studio) -> None:
    page = studio.page

    def go_to(selector: str) -> None:
        for _ in range(60):
            if studio.find(selector).first.evaluate("(one) => one === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"no way to {selector} by Tab")

    go_to("#samples button")
    page.keyboard.press("Enter")
    studio.colored().ready()
    expect(studio.find("#stage")).to_be_focused()
    expect(studio.find("#said")).to_have_text("astronaut.jpg is ready.")
    go_to("#divider")
    page.keyboard.press("End")
    expect(studio.find("#divider")).to_have_attribute("aria-valuenow", "100")
    go_to("#tab-adjust")
    go_to("#saturation")
    page.keyboard.press("ArrowRight")
    expect(studio.find("#saturation")).to_have_value("1.05")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    expect(studio.find("#tab-correct")).to_be_focused()
    go_to("#stage")
    page.keyboard.press("ArrowLeft")
    expect(studio.find("#aim")).to_be_visible()
    expect(studio.find("#said")).to_have_text("48 % from the left, 50 % from the top")
    page.keyboard.press("Enter")
    expect(studio.find("#swatches button").first).to_be_visible()
    go_to("#swatches button")
    page.keyboard.press("Space")
    expect(studio.find("button.mark")).to_have_count(1)
    go_to("button.mark")
    page.keyboard.press("Delete")
    expect(studio.find("button.mark")).to_have_count(0)
    expect(studio.find("#stage")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(studio.find("button.mark")).to_have_count(1)
    go_to("#download")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert has_color(waiting.value.path().read_bytes())


def test_zoom_by_keys(studio: Studio) -> None:
    studio.with_photo()
    studio.find("#stage").focus()
    whole = str(studio.find("#zoom-value").text_content())
    studio.page.keyboard.press("1")
    expect(studio.find("#zoom-value")).to_have_text("100 %")
    studio.page.keyboard.press("+")
    expect(studio.find("#zoom-value")).to_have_text("125 %")
    studio.page.keyboard.press("-")
    expect(studio.find("#zoom-value")).to_have_text("100 %")
    studio.page.keyboard.press("0")
    expect(studio.find("#zoom-value")).to_have_text(whole)


def test_the_picture_is_moved_by_keys(studio: Studio) -> None:
    studio.with_photo(photograph(size=(1800, 1200)))
    studio.show_pixels()
    before = studio.pixels()
    studio.find("#stage").press("ArrowRight")
    studio.settled()
    np.testing.assert_array_equal(studio.pixels()[:, :-60], before[:, 60:])


def test_an_aim_that_is_not_seen_chooses_nothing(studio: Studio) -> None:
    studio.with_photo()
    studio.find("#tab-correct").click()
    studio.find("#stage").press("ArrowLeft")
    studio.find("#tab-correct").focus()
    studio.find("#stage").press("Enter")
    expect(studio.find("#spot")).to_be_hidden()
    assert studio.sent("/v1/suggestions") == []


def test_the_aim_stays_at_its_place(studio: Studio) -> None:
    studio.with_photo()
    studio.find("#tab-correct").click()
    studio.find("#stage").focus()
    for key in ("ArrowLeft", "ArrowUp", "ArrowUp", "+", "+"):
        studio.page.keyboard.press(key)
    aim = studio.find("#aim").bounding_box()
    studio.page.keyboard.press("Enter")
    expect(studio.find("#swatches button").first).to_be_focused()
    ring = studio.find(".ring").bounding_box()
    assert aim
    assert ring
    aimed, chosen = (
        (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in (aim, ring)
    )
    assert aimed == pytest.approx(chosen, abs=3)


def test_the_zoom_is_called_what_it_shows(studio: Studio) -> None:
    studio.with_photo()
    button = studio.find("#zoom-actual")
    for language, word in (("en", "Every pixel"), ("ru", "Каждый пиксель")):
        studio.find("#language").select_option(language)
        expect(studio.find("html")).to_have_attribute("lang", language)
        expect(button).to_have_attribute("aria-label", re.compile(rf"^\d+ %, {word}"))
        assert str(button.get_attribute("aria-label")).startswith(button.inner_text())


def test_undo_on_a_russian_keyboard(studio: Studio) -> None:
    studio.with_photo()
    studio.turn(saturation=2)
    press = """(key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown",
      { key, code: "KeyZ", ctrlKey: true, shiftKey: key === "Я", bubbles: true }))"""
    for key, saturation in (("я", "1"), ("Я", "2")):
        studio.page.evaluate(press, key)
        expect(studio.find("#saturation")).to_have_value(saturation)


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
def test_what_is_pressed_is_large_enough(open_page: Open, viewport: dict[str, int]) -> None:
    studio = open_page(viewport=viewport)
    studio.with_photo()
    studio.correct()
    small = studio.page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, [role=slider]")]
          .map((one) => [one.id || one.className, one.getBoundingClientRect()])
          .filter(([, { width, height }]) => width && Math.min(width, height) < 20)
          .map(([name]) => name)"""
    )
    assert small == []
    assert studio.page.evaluate("document.documentElement.scrollWidth") == viewport["width"]


@pytest.mark.parametrize(
    "viewport", [(320, 256), (375, 667), (683, 325), (853, 533), (390, 844), (1024, 720)], ids=str
)
@pytest.mark.parametrize("tab", ["adjust", "correct"])
def test_nothing_covers_what_has_the_focus(
    open_page: Open, viewport: tuple[int, int], tab: str
) -> None:
    width, height = viewport
    studio = open_page(viewport={"width": width, "height": height})
    studio.with_photo()
    if tab == "correct":
        studio.find("#tab-correct").click()
        studio.find("#stage").press("ArrowLeft")
        studio.page.keyboard.press("Enter")
        expect(studio.find("#swatches button").first).to_be_visible()
    covered = studio.page.evaluate(
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
    assert studio.page.evaluate("document.documentElement.scrollWidth") == width


def test_the_divider_says_where_it_is(studio: Studio) -> None:
    studio.with_photo()
    expect(studio.find("#divider")).to_have_attribute("aria-valuetext", "50 % before")
    studio.find("#language").select_option("ru")
    expect(studio.find("#divider")).to_have_attribute("aria-valuetext", "50 % — до")


def test_the_language_chosen_last(studio: Studio) -> None:
    held: list[Route] = []
    studio.page.route("**/texts/ru.json", lambda route: held.append(route))
    with studio.page.expect_request("**/texts/ru.json"):
        studio.find("#language").select_option("ru")
    studio.find("#language").select_option("en")
    with studio.page.expect_response("**/texts/ru.json"):
        held[0].continue_()
    studio.with_photo()
    expect(studio.find("html")).to_have_attribute("lang", "en")
    expect(studio.find("#download")).to_have_text("Download")


def test_words_that_come_late(studio: Studio) -> None:
    studio.expected = ("net::ERR_",)
    studio.page.route("**/texts/en.json", lambda route: route.abort(), times=1)
    studio.open()
    expect(studio.find("#choose")).to_have_text("Choose photos")
    html = (STATIC / "index.html").read_text("utf-8")
    assert f'data-text="away">{texts("en")["away"]}</p>' in html  # before there are any


def test_russian(open_page: Open) -> None:
    studio = open_page(locale="ru-RU", viewport=PHONE, color_scheme="dark")
    expect(studio.find("html")).to_have_attribute("lang", "ru")
    expect(studio.find("#invitation")).to_have_text(texts("ru")["invitation"])
    studio.with_photo()
    studio.shoot("photo-phone-dark-ru")
    assert studio.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    studio.find("#language").select_option("en")
    expect(studio.find("#download")).to_have_text("Download")
    expect(studio.find("#photos .state")).to_have_text("ready")
    studio.page.reload()
    expect(studio.find("html")).to_have_attribute("lang", "en")


def test_the_look_is_kept(open_page: Open) -> None:
    studio = open_page(color_scheme="light")
    light = studio.find("body").evaluate("(body) => getComputedStyle(body).backgroundColor")
    studio.find("#theme").select_option("dark")
    dark = studio.find("body").evaluate("(body) => getComputedStyle(body).backgroundColor")
    assert dark != light
    studio.page.reload()
    expect(studio.find("html")).to_have_attribute("data-theme", "dark")


def test_without_motion(open_page: Open) -> None:
    studio = open_page(reduced_motion="reduce")
    states = """() => {
      window.seen = [];
      new MutationObserver(() => seen.push(document.querySelector("#canvas").dataset.drawn))
        .observe(document.querySelector("#canvas"), { attributeFilter: ["data-drawn"] });
    }"""
    studio.page.evaluate(states)
    studio.with_photo()
    assert "draft" not in studio.page.evaluate("seen")


def test_both_languages_say_all() -> None:
    assert texts("en").keys() == texts("ru").keys()
    for language in ("en", "ru"):
        assert all(text.strip() for text in texts(language).values())
    for key, text in texts("en").items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", texts("ru")[key])), key


def test_every_text_that_is_asked_for_is_there_and_no_other() -> None:
    asked, words = set(), set()
    for source in sources():
        asked |= set(re.findall(r'data-(?:text|label)="([^"]+)"', source))
        asked |= set(re.findall(r'(?:\bt\(|\bkey: )"([^"]+)"', source))
        words |= set(re.findall(r'"([\w.-]+)"', source))
    assert asked <= texts("en").keys()
    known = {f"problem.{_dashed(kind)}" for kind in vars(errors) if kind.endswith("Error")}
    known |= words | {f"problem.{word}" for word in words}
    made = r"(color|sample|stage|state)\.\w+"
    rest = {key for key in texts("en").keys() - known if not re.fullmatch(made, key)}
    assert rest == set()


def _dashed(kind: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.removesuffix("Error")).lower()


def test_every_state_sample_and_color_has_words(studio: Studio) -> None:
    source = (STATIC / "js" / "color" / "colornames.js").read_text("utf-8")
    colors = re.findall(r'\d+, "(\w+)"\]', source)
    assert len(colors) == 9
    assert {f"color.{color}" for color in colors} <= texts("en").keys()
    stages = {"waiting", "reading", "sketching", "sending", "coloring"}
    assert {f"stage.{stage}" for stage in stages} <= texts("en").keys()
    assert {f"state.{stage}" for stage in stages | {"done"}} <= texts("en").keys()
    for button in studio.find("#samples button").all():
        assert str(button.get_attribute("aria-label")).startswith("Sample: ")
    studio.with_photo(photograph())
