"""Several photographs: checked, sorted, counted, adjusted alike, downloaded and removed."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open, on_both
from tests.support.page_driver import PageDriver, axe_violations, make_photo

LONG = "Great-grandmother Ottilie at the harbor of Travemünde, summer 1931 (scan 00417).jpeg"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def box(driver: PageDriver) -> PageDriver:
    """Open four photographs, not in the order of their names."""
    fill(driver)
    return driver


def fill(driver: PageDriver) -> None:
    names = ("scan 10.jpg", "scan 2.jpg", LONG, "scan 1.jpg")
    driver.drop(*((name, make_photo("coffee.png", size=(300, 200))) for name in names))
    driver.wait_colored().wait_ready(4)


def names(driver: PageDriver) -> list[str]:
    """List the names in the order of the list."""
    return driver.find("#photos .name").all_text_contents()


def check(driver: PageDriver, *rows: int) -> None:
    """Check photographs."""
    for row in rows:
        driver.find(".check-photo").nth(row).check()


def saturations(driver: PageDriver) -> list[str]:
    """Read the saturation of each photograph."""
    found = []
    for row in driver.find("#photos .select").all():
        row.click()
        found.append(driver.find("#saturation").input_value())
    return found


@on_both
def test_settings_are_used_for_all(box: PageDriver) -> None:
    box.adjust(saturation=2)
    assert box.find("#apply-all").text_content() == "Use for all photographs"
    box.find("#apply-all").click()
    expect(box.find("#apply-all")).to_be_disabled()
    expect(box.find("#notifications")).to_contain_text("with these settings now: 3 more")
    assert saturations(box) == ["2"] * 4
    box.find("#notifications").get_by_role("button", name="Undo").click()
    assert saturations(box) == ["2", "1", "1", "1"]


def test_settings_are_used_for_the_selected(box: PageDriver) -> None:
    check(box, 1, 3)
    box.adjust(saturation=0.5)
    box.find("#apply-all").click()
    assert saturations(box) == ["0.5", "0.5", "1", "0.5"]
    box.page.keyboard.press("Control+z")  # each photograph has its own history
    assert saturations(box) == ["0.5", "0.5", "1", "1"]


@on_both
def test_selected_photographs_are_downloaded_and_removed(box: PageDriver) -> None:
    rows = box.find("#photos .select")
    rows.nth(1).click()
    rows.nth(3).click(modifiers=["Shift"])
    rows.nth(2).click(modifiers=["Control"])
    expect(box.find(".check-photo:checked")).to_have_count(2)
    expect(box.find("#download-all")).to_have_text("Download 2 selected (zip)")
    _, content = box.download("#download-all")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.namelist() == ["scan 2.color.jpg", "scan 1.color.jpg"]
    box.find("#remove-all").click()
    assert names(box) == ["scan 10.jpg", LONG]
    box.find("#notifications").get_by_role("button", name="Undo").click()
    box.wait_ready(4)
    assert names(box) == ["scan 10.jpg", "scan 2.jpg", LONG, "scan 1.jpg"]


def test_all_photographs_are_removed(box: PageDriver) -> None:
    box.find("#check-all").check()
    expect(box.find(".check-photo:checked")).to_have_count(4)
    box.find("#check-all").uncheck()
    box.find("#remove-all").click()
    expect(box.find("#welcome")).to_be_visible()
    expect(box.find("#notifications")).to_contain_text("4 photographs were removed.")
    box.find("#notifications").get_by_role("button", name="Undo").click()
    box.wait_ready(4)


def test_photographs_are_sorted_and_counted(driver: PageDriver) -> None:
    held: list[Route] = []
    driver.page.route("**/v1/jobs?*", lambda route: held.append(route), times=1)
    driver.drop(("10.jpg", make_photo()), ("2.jpg", make_photo()), ("1.jpg", make_photo()))
    driver.wait_ready(2)
    expect(driver.find("#photo-list-title")).to_have_text("2 of 3 ready")
    expect(driver.page).to_have_title("2 of 3 ready - Rechroma")
    driver.find("#sort").select_option("name")
    assert names(driver) == ["1.jpg", "2.jpg", "10.jpg"]
    driver.find("#sort").select_option("ready")
    expect(driver.find("#photos > li").last).not_to_have_attribute("data-stage", "done")
    driver.find("#photos .select").last.focus()
    held[0].continue_()
    driver.wait_ready(3)
    expect(driver.find("#photos :focus")).to_have_count(1)  # wherever its row is now
    expect(driver.page).to_have_title("3 of 3 ready - Rechroma")
    driver.find("#sort").select_option("added")
    assert names(driver) == ["10.jpg", "2.jpg", "1.jpg"]


@pytest.mark.parametrize("width", [390, 1024, 1280])
def test_long_names_lose_their_middle_only(open_page: Open, width: int) -> None:
    driver = open_page(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    fill(driver)
    row = driver.find("#photos > li").nth(2)
    start, end = row.locator(".name-start"), row.locator(".name-end")
    assert start.evaluate("(one) => one.scrollWidth > one.clientWidth")  # cut
    expect(end).to_have_text("17).jpeg")
    words = row.locator(".words").bounding_box()
    tail = end.bounding_box()
    assert words
    assert tail
    assert tail["x"] + tail["width"] <= words["x"] + words["width"]
    expect(row.locator(".select")).to_have_attribute("aria-label", f"{LONG}, ready")
    check(driver, 1)
    assert axe_violations(driver) == []
    assert driver.page.evaluate("document.documentElement.scrollWidth") == width
    driver.screenshot(f"several-{width}")


def test_print_is_the_photograph_alone(driver: PageDriver) -> None:
    driver.add_photo(make_photo("coffee.png", size=(900, 600)))
    driver.adjust(saturation=3)
    driver.find("#zoom-actual").click()
    driver.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    driver.page.emulate_media(media="print")
    visible = driver.page.evaluate(
        """() => [...document.body.children].filter((one) => one.checkVisibility())
          .map(({ id }) => id)"""
    )
    assert visible == ["sheet"]
    sheet = driver.find("#sheet")
    assert sheet.evaluate("({ width, height }) => [width, height]") == [900, 600]
    box = sheet.bounding_box()
    assert box
    assert box["width"] / box["height"] == pytest.approx(1.5, abs=0.01)
    colors = sheet.evaluate("(one) => [...one.getContext('2d').getImageData(0, 0, 900, 600).data]")
    pixels = np.reshape(colors, (600, 900, 4))[..., :3]
    assert np.ptp(pixels, axis=-1).mean() > 20  # all of it in color, not only after the divider
    assert np.ptp(pixels[:, :100], axis=-1).mean() > 5
    driver.screenshot("print")
    driver.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    driver.page.emulate_media(media="screen")
    expect(sheet).to_be_hidden()
    pdf = driver.page.pdf(prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") == 1


def test_help_names_the_version_and_the_limits(driver: PageDriver) -> None:
    driver.find("#open-help").click()
    help_ = driver.find("#help")
    expect(help_).to_contain_text("not for skin color, uniforms")
    version = driver.page.request.get(f"{driver.url}/about").json()["version"]
    expect(driver.find("#version")).to_have_text(version)
    assert axe_violations(driver) == []
    driver.screenshot("help")
    card = driver.page.request.get(str(help_.locator("a").evaluate("link => link.href")))
    assert card.json()["name"].startswith("rechroma-")
    assert "bins" not in card.json()
    driver.page.keyboard.press("Escape")
    expect(help_).to_be_hidden()
    expect(driver.find("#open-help")).to_be_focused()
