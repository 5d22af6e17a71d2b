"""The choice of the model, on a service with several."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.support.models import write_model
from tests.support.page_driver import PageDriver, decode_rgb, make_photo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Open, Serve


@pytest.fixture
def shelf_driver(serve: Serve, open_page: Open, tmp_path: Path) -> PageDriver:
    """Open the page of a service with two models on its shelf."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    write_model(folder / "sepia.onnx", ab=(30.0, 40.0), description="All brown.")
    write_model(folder / "violet.onnx", ab=(40.0, -40.0), hints=True)
    return open_page(serve(RECHROMA_MODELS=str(folder)).url)


def models_asked(driver: PageDriver, path: str) -> list[str]:
    """List the models named by the requests to a path; "" for the default one."""
    queries = [parse_qs(urlsplit(each.url).query) for each in driver.requests_to(path)]
    return [query.get("model", [""])[0] for query in queries]


def test_service_with_one_model_offers_no_choice(driver: PageDriver) -> None:
    driver.add_photo()
    expect(driver.find("#photos > li")).to_have_count(1)
    driver.find("#tab-correct").click()
    expect(driver.find("#model-choice")).to_be_hidden()


def test_chosen_model_colors_preview_and_result(shelf_driver: PageDriver) -> None:
    driver = shelf_driver
    driver.add_photo(make_photo("coffee.png"))
    expect(driver.find("#model-choice")).to_be_visible()
    expect(driver.find("#model option")).to_have_text([re.compile("rechroma-"), "sepia", "violet"])
    driver.find("#model").select_option("violet")
    driver.show_pixels()
    shown = driver.pixels().reshape(-1, 3).mean(0)
    assert shown[1] < shown[2] - 20  # violet: less green than blue
    _, content = driver.download()
    result = decode_rgb(content).reshape(-1, 3).mean(0)
    np.testing.assert_allclose(result, shown, atol=4)
    assert models_asked(driver, "/v1/chroma") == ["", "violet"]
    assert models_asked(driver, "/v1/jobs") == ["", "violet"]
    driver.screenshot("model-choice")


def test_choice_is_undone_and_kept_for_the_next_photograph(shelf_driver: PageDriver) -> None:
    driver = shelf_driver
    driver.add_photo(make_photo("coffee.png"))
    driver.find("#model").select_option("sepia")
    driver.wait_settled()
    driver.find("#undo").click()
    expect(driver.find("#model")).to_have_value("")
    driver.wait_settled()
    driver.drop(("next.jpg", make_photo()))
    driver.wait_ready(2)
    driver.find("#photos .select").nth(1).click()
    expect(driver.find("#model")).to_have_value("sepia")
    assert models_asked(driver, "/v1/chroma") == ["", "sepia", "", "sepia"]


def test_hints_wait_while_the_model_does_not_support_them(shelf_driver: PageDriver) -> None:
    driver = shelf_driver
    driver.add_photo(make_photo("coffee.png"))
    driver.correct(0.2, 0.8)
    expect(driver.find("button.marker")).to_have_count(1)
    driver.find("#model").select_option("sepia")
    driver.wait_settled()
    expect(driver.find("#no-hints")).to_be_visible()
    expect(driver.find("button.marker")).to_have_count(0)
    driver.download()
    driver.find("#model").select_option("violet")
    driver.wait_settled()
    expect(driver.find("button.marker")).to_have_count(1)
    driver.download()
