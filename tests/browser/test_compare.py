"""The pages of `rechroma compare`, opened from disk in a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, expect

from rechroma.cli.root import root_command
from tests.support.models import write_constant_model
from tests.support.page_driver import PageDriver, axe_violations
from tests.support.shards import write_shard

OpenFile = Callable[..., PageDriver]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with page.html and blind.html, of two models and three photographs."""
    folder = tmp_path_factory.mktemp("pages")
    models = {"red": (40.0, 20.0), "blue": (0.0, -40.0)}
    words = [str(write_constant_model(folder / f"{n}.onnx", ab)) for n, ab in models.items()]
    words.append(str(write_shard(folder / "val.tar", 3)))
    for options in (
        ["-o", str(folder / "page.html")],
        ["--blind", "-o", str(folder / "blind.html")],
    ):
        done = CliRunner().invoke(root_command, ["compare", *words, *options])
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def open_file(browser: Browser, pages: Path, tmp_path: Path) -> Iterator[OpenFile]:
    """Open one of the pages; options are those of Playwright's `new_context`."""
    drivers: list[PageDriver] = []

    def open_in_new_context(name: str, **options: Any) -> PageDriver:
        context = browser.new_context(**options)
        drivers.append(PageDriver(context.new_page(), (pages / name).as_uri(), tmp_path))
        drivers[-1].page.goto(drivers[-1].url)
        return drivers[-1]

    yield open_in_new_context
    for driver in drivers:
        driver.page.context.close()
        driver.assert_clean()
        kinds = {request.url.split(":")[0] for request in driver.requests}
        assert kinds <= {"file", "data", "blob"}, kinds


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["page.html", "blind.html"])
def test_pages_are_accessible(open_file: OpenFile, name: str, scheme: str) -> None:
    driver = open_file(name, color_scheme=scheme)
    assert axe_violations(driver) == []
    loaded = "images => images.every((i) => !i.getAttribute('src') || i.naturalWidth > 0)"
    for image in driver.find("main img").all():
        image.scroll_into_view_if_needed()
    assert driver.find("main img").evaluate_all(loaded)
    driver.screenshot(f"{name}-{scheme}")


def test_images_are_enlarged_and_compared_by_keyboard(open_file: OpenFile) -> None:
    driver = open_file("page.html")
    first = driver.find("figure button").first
    first.press("Enter")
    expect(driver.find("#name")).to_have_text("gray: 00000")
    names = []
    for _ in range(4):
        driver.page.keyboard.press("ArrowRight")
        names.append(driver.find("#name").inner_text())
    assert names == ["red: 00000", "blue: 00000", "truth: 00000", "gray: 00000"]
    driver.page.keyboard.press("ArrowLeft")
    expect(driver.find("#large")).to_have_attribute("alt", "truth: 00000")
    expect(driver.find("#large")).to_be_visible()
    driver.page.keyboard.press("Escape")
    expect(driver.find("#zoom")).to_be_hidden()
    expect(first).to_be_focused()


def test_groups_filter_the_photographs(open_file: OpenFile) -> None:
    driver = open_file("page.html")
    expect(driver.find("figure:visible")).to_have_count(3)
    driver.find("#group").select_option("worst: blue")
    expect(driver.find("figure:visible")).to_have_count(3)  # all of three
    driver.page.evaluate("document.querySelector('figure').dataset.groups = 'examples'")
    driver.find("#group").select_option("best: red")
    expect(driver.find("figure:visible")).to_have_count(2)
    driver.find("#group").select_option("all")
    expect(driver.find("figure:visible")).to_have_count(3)


def test_blind_page_is_voted_through_by_keyboard(open_file: OpenFile, pages: Path) -> None:
    driver = open_file("blind.html")
    keyboard, progress = driver.page.keyboard, driver.find("#progress")
    expect(progress).to_have_text("Pair 1 of 3")
    expect(driver.find("#save")).to_be_disabled()
    key = json.loads((pages / "blind.key.json").read_text())["images"]
    study = json.loads(driver.find("#study").inner_text())
    text = driver.page.content()
    assert "red.onnx" not in text
    assert not any(f'"{each["model"]}"' in text for each in key.values())
    for at, (left, _) in enumerate(study["questions"]):
        expect(progress).to_have_text(f"Pair {at + 1} of 3")
        shown = driver.find("#left").get_attribute("src")
        assert shown == f"data:image/jpeg;base64,{study['images'][left]}"
        if at == 1:  # a mistake, and progress that outlives the page
            keyboard.press("ArrowLeft")
            keyboard.press("Backspace")
            driver.page.reload()
            expect(progress).to_have_text("Pair 2 of 3")
        keyboard.press("ArrowLeft" if key[left]["model"] == "red" else "ArrowRight")
    expect(progress).to_contain_text("Thank you")
    expect(driver.find("#pair")).to_be_hidden()
    name, content = driver.download("#save")
    (pages / name).write_bytes(content)
    saved = datetime.fromisoformat(json.loads(content)["saved"])
    assert saved.utcoffset() == timedelta(0)
    words = ["votes", "--key", str(pages / "blind.key.json"), str(pages / name), "--json"]
    done = CliRunner().invoke(root_command, words)
    assert done.exit_code == 0, done.output
    ranking = json.loads(done.stdout)
    assert ranking["votes"] == 3
    assert ranking["wins"] == {"red": {"blue": 3}, "blue": {"red": 0}}


def test_no_difference_is_a_choice(open_file: OpenFile, pages: Path) -> None:
    driver = open_file("blind.html")
    driver.page.keyboard.press("ArrowDown")
    driver.find("[data-choice=none]").click()
    name, content = driver.download("#save")
    votes = json.loads(content)["votes"]
    assert [vote["choice"] for vote in votes] == ["none", "none"]
    (pages / name).write_bytes(content)
    words = ["votes", "--key", str(pages / "blind.key.json"), str(pages / name)]
    assert CliRunner().invoke(root_command, words).stdout.startswith("Votes: 2")
