"""Many photographs, broken ones among them; a server that goes away; and one that wants a key."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Dialog, Route, expect

from rechroma.service import new_key
from tests.browser.conftest import Open, Serve
from tests.support.service import has_color, opened
from tests.support.studio import Studio, photograph, saved

REASON = "This is no picture that is known here."


def test_a_batch_of_twenty_with_a_broken_one(studio: Studio) -> None:
    studio.expected = ("415",)
    photos = [(f"photo {n}.jpg", photograph(quality=70 + n)) for n in range(18)]
    files = [*photos[:7], ("broken.jpg", b"this is no picture"), *photos[7:], photos[0]]
    studio.drop(*files)
    expect(studio.find("#photos > li")).to_have_count(20)
    studio.ready(19)
    broken = studio.find("#photos > [data-stage=failed]")
    expect(broken.locator(".state")).to_have_text(REASON)
    expect(broken.locator(".name")).to_have_text("broken.jpg")
    studio.shoot("batch-wide-light")
    name, content = studio.download("#download-all")
    assert name == "rechroma.zip"
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names)) == 19
        assert {"photo 0.color.jpg", "photo 0-2.color.jpg", "photo 17.color.jpg"} <= set(names)
        assert all(has_color(archive.read(name)) for name in names)


def test_another_one_is_chosen_while_many_are_read(studio: Studio) -> None:
    studio.drop(*((f"{n}.jpg", photograph(size=(1800, 1200))) for n in range(10)))
    rows = studio.find("#photos .select")
    rows.nth(9).wait_for()
    rows.nth(5).dispatch_event("click")
    rows.nth(0).dispatch_event("click")
    studio.ready(10)
    studio.find("#zoom-in").click()
    studio.page.wait_for_timeout(300)
    studio.colored()


def test_a_failed_one_can_be_tried_again_and_removed(studio: Studio) -> None:
    studio.expected = ("415",)
    studio.drop(("broken.jpg", b"this is no picture"), ("cat.jpg", photograph()))
    studio.ready()
    failed = studio.find("#photos > [data-stage=failed]")
    failed.locator(".select").click()
    expect(studio.find("#notice")).to_have_text(REASON)
    with studio.page.expect_response("**/v1/sketch?grey=2048") as waiting:
        failed.locator(".retry").click()
    assert waiting.value.status == 415
    expect(failed).to_have_count(1)
    failed.locator(".remove").click()
    expect(studio.find("#photos > li")).to_have_count(1)
    studio.colored()
    expect(studio.find("#download")).to_be_enabled()
    studio.find("#photos .remove").click()
    expect(studio.find("#welcome")).to_be_visible()
    expect(studio.find("#choose")).to_be_focused()


def test_the_server_stops_in_the_middle_and_comes_back(open_page: Open, serve: Serve) -> None:
    server = serve()
    studio = open_page(server.url)
    studio.expected = ("net::ERR_",)
    studio.drop(*((f"{n}.jpg", photograph(size=(1800, 1200))) for n in range(6)))
    expect(studio.find("#photos > [data-stage=done]").first).to_be_visible()
    server.kill()
    expect(studio.find("#away")).to_be_visible()
    studio.shoot("away-wide-light")
    server = serve("--port", str(server.port))
    expect(studio.find("#away")).to_be_hidden()
    studio.ready(6)
    assert has_color(studio.download()[1])


def test_the_server_comes_back_without_its_jobs(
    open_page: Open, serve: Serve, tmp_path: Path
) -> None:
    server = serve()
    studio = open_page(server.url)
    studio.expected = ("net::ERR_", "404")
    studio.drop(*((f"{n}.jpg", photograph(size=(3000, 2000))) for n in range(3)))
    expect(studio.find("#photos > [data-stage=coloring]").first).to_be_visible()
    server.kill()
    expect(studio.find("#away")).to_be_visible()
    serve("--port", str(server.port), "--data", str(tmp_path / "other"))  # as `rechroma app` does
    studio.ready(3)
    assert has_color(studio.download()[1])


def test_a_result_that_the_server_forgot_is_made_again(open_page: Open, serve: Serve) -> None:
    server = serve(RECHROMA_KEEP="1")
    studio = open_page(server.url)
    studio.expected = ("410", "404")
    studio.with_photo()
    studio.page.wait_for_timeout(1500)
    assert has_color(studio.download()[1])


def test_too_large_to_be_shown_but_not_to_be_coloured(open_page: Open, serve: Serve) -> None:
    server = serve(RECHROMA_DIRECT_BYTES="50000")
    studio = open_page(server.url)
    studio.expected = ("413",)
    studio.drop(("scan.tif", photograph(format="TIFF")))
    studio.ready()
    expect(studio.find("#notice")).to_contain_text("cannot show this photograph")
    assert has_color(studio.download()[1])


def test_a_service_with_keys(open_page: Open, serve: Serve) -> None:
    key, hashed = new_key()
    server = serve(RECHROMA_KEYS=hashed)
    studio = open_page(server.url)
    studio.expected = ("401",)
    studio.find("#samples button").first.click()
    fault = studio.find("#key-dialog [role=alert]")
    expect(studio.find("#key-dialog")).to_be_visible()
    studio.shoot("key-wide-light")
    for _ in range(3):
        studio.page.keyboard.press("Escape")
    for wrong in ("ключ", "wrong"):
        studio.find("#key").fill(wrong)
        studio.find("#key").press("Enter")
        expect(fault).to_have_text("The service does not know this key.")
    studio.find("#key").fill(key)
    studio.find("#key-dialog button").click()
    studio.colored().ready()
    assert has_color(studio.download()[1])
    studio.page.reload()
    studio.find("#samples button").first.click()
    studio.colored().ready()  # it is not asked for again


def test_who_leaves_is_asked_until_all_is_taken(studio: Studio) -> None:
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    studio.page.on("dialog", leave)
    studio.with_photo()
    studio.download()
    studio.turn(warmth=0.5)
    studio.find("#download").click(trial=True)
    studio.page.reload()
    assert asked == ["beforeunload"]
    studio.find("#samples button").first.click()
    studio.colored().ready()
    studio.download()
    studio.page.reload()
    assert asked == ["beforeunload"]


def test_all_are_taken_once_none_is_under_way(studio: Studio) -> None:
    held: list[Route] = []
    studio.drop(*((f"{n}.jpg", photograph()) for n in range(3)))
    studio.ready(3)
    studio.page.route("**/v1/jobs?*", lambda route: held.append(route), times=1)
    studio.drop(("late.jpg", photograph()))
    button = studio.find("#download-all")
    expect(button).to_be_disabled()
    wait_for_one(studio, held)
    held[0].continue_()
    studio.ready(4)
    results: list[Route] = []
    studio.page.route("**/v1/jobs/*/result", lambda route: results.append(route), times=1)
    with studio.page.expect_download() as waiting:
        button.click()
        expect(button).to_have_text("Zip: 0 of 4")
        wait_for_one(studio, results)
        studio.find("#photos .remove").nth(2).click()
        results[0].continue_()
    with zipfile.ZipFile(BytesIO(saved(waiting.value)[1])) as archive:
        assert archive.namelist() == ["0.color.jpg", "1.color.jpg", "late.color.jpg"]
    expect(button).to_have_text("Download all (zip)")


def wait_for_one(studio: Studio, routes: list[Route]) -> None:
    """Wait until a request is held."""
    while not routes:
        studio.page.wait_for_timeout(20)


def test_the_first_steps_say_what_goes_wrong(open_page: Open, serve: Serve, tmp_path: Path) -> None:
    server = serve()
    studio = open_page(server.url)
    studio.expected = ("net::ERR_",)
    expect(studio.find("#samples button")).not_to_have_count(0)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("Dear")
    studio.find("#folder").set_input_files(tmp_path / "letters")
    expect(studio.find("#complaint")).to_have_text("There is no photograph among them.")
    expect(studio.find("#complaint")).to_be_visible()
    studio.shoot("complaint-welcome")
    server.kill()
    studio.find("#language").select_option("ru")
    expect(studio.find("#complaint")).to_contain_text("does not answer")
    expect(studio.find("#language")).to_have_value("en")
    studio.find("#samples button").first.click()
    expect(studio.find("#away")).to_be_visible()
    serve("--port", str(server.port))
    studio.colored().ready()


def test_a_visible_mark(studio: Studio) -> None:
    studio.with_photo()
    plain = np.asarray(opened(studio.download()[1]))
    studio.find("#badge").check()
    marked = np.array(opened(studio.download()[1]))
    height, width = plain.shape[:2]
    corner = slice(height * 8 // 10, None), slice(width * 8 // 10, None)
    assert (plain[corner] != marked[corner]).any()
    marked[corner] = plain[corner]
    assert np.abs(plain.astype(int) - marked).max() < 32  # JPEG's blocks reach a little beyond


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(studio: Studio, status: int) -> None:
    studio.expected = (str(status),)
    answered: list[Route] = []

    def refuse_once(route: Route) -> None:
        answered.append(route)
        if len(answered) == 1:
            route.fulfill(status=status, headers={"Retry-After": "1"})
        else:
            route.continue_()

    studio.page.route("**/v1/jobs*", refuse_once)
    studio.with_photo()
    assert len(answered) == 2
