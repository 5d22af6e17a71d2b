"""Photographs that survive a reload, and projects that are saved and opened."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Dialog, expect

from tests.browser.conftest import Open, on_both
from tests.browser.test_batch import WITHOUT_STORAGE
from tests.support.page_driver import PageDriver, axe_violations, make_photo
from tests.support.service import has_color, opened

KEPT = "Kept in this browser until you remove them."
LARGE = 52_000_000  # bytes


@pytest.fixture
def edited(driver: PageDriver) -> PageDriver:
    """Open two photographs; the first is adjusted and corrected."""
    driver.drop(("coffee.jpg", make_photo("coffee.png")), ("cat.jpg", make_photo()))
    driver.wait_colored().wait_ready(2)
    edit(driver)
    return driver


def edit(driver: PageDriver) -> None:
    """Adjust and correct the photograph on the stage."""
    driver.adjust(saturation=2)
    driver.correct(0.2, 0.8)
    expect(driver.find("button.marker")).to_have_count(1)
    driver.wait_settled()


def reload(driver: PageDriver) -> None:
    """Reload the page once everything is written."""
    expect(driver.find("#keeping")).to_have_text(KEPT)
    driver.page.wait_for_timeout(300)
    driver.page.reload()
    expect(driver.find("html")).to_have_attribute("data-ready", "true")


def remove_all(driver: PageDriver) -> None:
    """Remove all photographs, also from the browser."""
    driver.find("#remove-all").click()
    expect(driver.find("#welcome")).to_be_visible()


@on_both
def test_reload_loses_nothing(edited: PageDriver) -> None:
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    edited.page.on("dialog", leave)
    before = edited.pixels()
    marker = edited.find("button.marker").get_attribute("aria-label")
    reload(edited)
    assert asked == []  # nothing is lost, so there is nothing to ask
    expect(edited.find("#notifications")).to_contain_text("restored from this browser: 2")
    edited.screenshot("restored-wide-light")
    edited.wait_ready(2)
    expect(edited.find("#photos .name")).to_have_text(["coffee.jpg", "cat.jpg"])
    expect(edited.find("#saturation")).to_have_value("2")
    edited.find("#tab-correct").click()
    expect(edited.find("button.marker")).to_have_attribute("aria-label", str(marker))
    edited.wait_settled()
    difference = np.abs(edited.pixels().astype(int) - before)
    assert difference.mean() < 0.1
    assert has_color(edited.download()[1])
    edited.find("#photos .remove").first.click()
    reload(edited)
    edited.wait_ready()
    expect(edited.find("#photos .name")).to_have_text(["cat.jpg"])


def test_restored_photographs_can_be_removed_at_once(edited: PageDriver) -> None:
    reload(edited)
    edited.find("#notifications").get_by_role("button", name="Remove all").click()
    expect(edited.find("#welcome")).to_be_visible()
    edited.page.wait_for_timeout(500)
    edited.page.reload()
    expect(edited.find("html")).to_have_attribute("data-ready", "true")
    expect(edited.find("#welcome")).to_be_visible()


def test_large_photograph_is_kept(driver: PageDriver) -> None:
    driver.page.evaluate(  # a JPEG followed by other bytes, which decoders ignore
        """async (count) => {
          const small = await createImageBitmap(await (await fetch("/samples/cat.jpg")).blob());
          const canvas = new OffscreenCanvas(1600, 1200);
          canvas.getContext("2d").drawImage(small, 0, 0, canvas.width, canvas.height);
          const photo = await canvas.convertToBlob({ type: "image/jpeg" });
          const rest = new Uint8Array(count).map((_, at) => (at * 2654435761) >>> 24);
          const data = new DataTransfer();
          data.items.add(new File([photo, rest], "large.jpg", { type: "image/jpeg" }));
          for (const type of ["dragover", "drop"]) {
            document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true }));
          }
        }""",
        LARGE,
    )
    driver.wait_colored().wait_ready()
    reload(driver)
    driver.wait_colored().wait_ready()
    expect(driver.find("#photos .name")).to_have_text("large.jpg")


def test_browser_without_storage_says_so(open_page: Open) -> None:
    driver = open_page()
    driver.page.add_init_script(WITHOUT_STORAGE)
    driver.open()
    driver.add_photo()
    expect(driver.find("#keeping")).to_contain_text("This browser does not keep photographs.")
    driver.download()
    driver.page.reload()
    expect(driver.find("#welcome")).to_be_visible()


def test_full_storage_keeps_what_fits(open_page: Open) -> None:
    driver = open_page()
    driver.page.add_init_script(
        """const { add } = IDBObjectStore.prototype;
        IDBObjectStore.prototype.add = function (file) {
          if (file.size > 200_000) throw new DOMException("full", "QuotaExceededError");
          return add.call(this, file);
        };"""
    )
    driver.open()
    driver.add_photo()
    expect(driver.find("#keeping")).to_have_text(KEPT)
    driver.drop(("large.png", make_photo("coffee.png", "PNG", size=(1500, 1000))))
    driver.wait_ready(2)
    expect(driver.find("#keeping")).to_contain_text("browser's storage is full: 1.")
    assert axe_violations(driver) == []
    driver.screenshot("storage-full")
    driver.find("#photos .remove").nth(1).click()
    reload(driver)
    driver.wait_colored().wait_ready()
    expect(driver.find("#photos .name")).to_have_text("cat.jpg")


def test_project_is_opened_with_the_photographs_added_later(
    edited: PageDriver, tmp_path: Path
) -> None:
    before = edited.pixels()
    name, content = edited.download("#save-project")
    assert name == "rechroma.project.json"
    first, second = json.loads(content)["images"]
    photo = make_photo("coffee.png")
    assert (first["name"], first["size"]) == ("coffee.jpg", len(photo))
    assert first["sha256"] == sha256(photo).hexdigest()
    assert first["adjustments"]["saturation"] == 2
    assert len(first["hints"]) == 1
    assert "hints" not in second
    remove_all(edited)
    path = tmp_path / name
    path.write_bytes(content)
    edited.find("#project-file").set_input_files(path)
    expect(edited.find("#notifications")).to_contain_text("Add these photographs of the project:")
    edited.screenshot("project-opened")
    edited.drop(("cat.jpg", make_photo(quality=50)), ("coffee.jpg", photo))
    edited.wait_ready(2)
    expect(edited.find("#notifications")).to_contain_text("cat.jpg is not the file that")
    edited.find("#photos .select").nth(1).click()
    edited.wait_settled()
    assert np.abs(edited.pixels().astype(int) - before).mean() < 0.1
    expect(edited.find("#saturation")).to_have_value("2")
    edited.find("#undo").click()
    expect(edited.find("#saturation")).to_have_value("1")


@on_both
def test_command_line_applies_a_project(
    edited: PageDriver, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _, result = edited.download()
    _, content = edited.download("#save-project")
    (tmp_path / "box.json").write_bytes(content)
    (tmp_path / "coffee.jpg").write_bytes(make_photo("coffee.png"))
    (tmp_path / "cat.jpg").write_bytes(make_photo())
    words = ["coffee.jpg", "cat.jpg", "--project", "box.json"]
    command = [sys.executable, "-m", "rechroma", *words]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    colored = opened((tmp_path / "coffee.color.jpg").read_bytes())
    difference = np.asarray(colored).astype(int) - np.asarray(opened(result))
    by_browser = request.node.callspec.params["address"] == "site"  # encodes the JPEG on its own
    assert np.abs(difference).mean() < (1.5 if by_browser else 1)


def test_model_that_the_service_lacks_is_replaced(driver: PageDriver, tmp_path: Path) -> None:
    photo = make_photo()
    driver.add_photo(photo)
    image = {"name": "cat.jpg", "size": len(photo), "model": "nothing", "adjustments": {"blend": 0}}
    (tmp_path / "box.json").write_text(json.dumps({"format": 1, "images": [image]}))
    driver.find("#project-file").set_input_files(tmp_path / "box.json")
    expect(driver.find("#notifications")).to_contain_text("There is no model nothing here.")
    expect(driver.find("#blend")).to_have_value("0")
    assert not has_color(driver.download()[1])


def test_wrong_files_are_no_projects(driver: PageDriver, tmp_path: Path) -> None:
    driver.add_photo()
    for content, message in (
        ('{"format": 1, "hints": []}', "box.json is not a project file."),
        ('{"format": 2, "images": []}', "box.json was saved by a newer version"),
        ('{"format": 1, "images": [{"name": "a.jpg"}]}', "box.json is not a project file."),
    ):
        (tmp_path / "box.json").write_text(content)
        driver.find("#project-file").set_input_files(tmp_path / "box.json")
        expect(driver.find("#notifications")).to_contain_text(message)
