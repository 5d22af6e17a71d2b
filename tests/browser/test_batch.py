"""Many photographs, broken ones among them; a server that goes away; and one that wants a key."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Dialog, Route, expect

from rechroma.service import new_key
from tests.browser.conftest import Open, Serve
from tests.support.page_driver import PageDriver, photograph, saved
from tests.support.service import has_color, opened

REASON = "This file is not a photograph in a supported format."


def test_a_batch_of_twenty_with_a_broken_one(driver: PageDriver) -> None:
    driver.expected = ("415",)
    photos = [(f"photo {n}.jpg", photograph(quality=70 + n)) for n in range(18)]
    files = [*photos[:7], ("broken.jpg", b"this is no picture"), *photos[7:], photos[0]]
    driver.drop(*files)
    expect(driver.find("#photos > li")).to_have_count(20)
    driver.ready(19)
    broken = driver.find("#photos > [data-stage=failed]")
    expect(broken.locator(".state")).to_have_text(REASON)
    expect(broken.locator(".name")).to_have_text("broken.jpg")
    driver.shoot("batch-wide-light")
    name, content = driver.download("#download-all")
    assert name == "rechroma.zip"
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names)) == 19
        assert {"photo 0.color.jpg", "photo 0-2.color.jpg", "photo 17.color.jpg"} <= set(names)
        assert all(has_color(archive.read(name)) for name in names)


def test_another_one_is_chosen_while_many_are_read(driver: PageDriver) -> None:
    driver.drop(*((f"{n}.jpg", photograph(size=(1800, 1200))) for n in range(10)))
    rows = driver.find("#photos .select")
    rows.nth(9).wait_for()
    rows.nth(5).dispatch_event("click")
    rows.nth(0).dispatch_event("click")
    driver.ready(10)
    driver.find("#zoom-in").click()
    driver.page.wait_for_timeout(300)
    driver.colored()


def test_a_failed_one_can_be_tried_again_and_removed(driver: PageDriver) -> None:
    driver.expected = ("415",)
    driver.drop(("broken.jpg", b"this is no picture"), ("cat.jpg", photograph()))
    driver.ready()
    failed = driver.find("#photos > [data-stage=failed]")
    failed.locator(".select").click()
    expect(driver.find("#notice")).to_have_text(REASON)
    with driver.page.expect_response("**/v1/chroma?gray=4096") as waiting:
        failed.locator(".retry").click()
    assert waiting.value.status == 415
    expect(failed).to_have_count(1)
    failed.locator(".remove").click()
    expect(driver.find("#photos > li")).to_have_count(1)
    driver.colored()
    expect(driver.find("#download")).to_be_enabled()
    driver.find("#photos .remove").click()
    expect(driver.find("#welcome")).to_be_visible()
    expect(driver.find("#choose")).to_be_focused()


def test_the_server_stops_in_the_middle_and_comes_back(open_page: Open, serve: Serve) -> None:
    server = serve()
    driver = open_page(server.url)
    driver.expected = ("net::ERR_",)
    driver.drop(*((f"{n}.jpg", photograph(size=(1800, 1200))) for n in range(6)))
    expect(driver.find("#photos > [data-stage=done]").first).to_be_visible()
    server.kill()
    expect(driver.find("#connection")).to_be_visible()
    driver.shoot("away-wide-light")
    server = serve("--port", str(server.port))
    expect(driver.find("#connection")).to_be_hidden()
    driver.ready(6)
    assert has_color(driver.download()[1])


def test_the_server_comes_back_without_its_jobs(
    open_page: Open, serve: Serve, tmp_path: Path
) -> None:
    server = serve()
    driver = open_page(server.url)
    driver.expected = ("net::ERR_", "404")
    driver.drop(*((f"{n}.jpg", photograph(size=(3000, 2000))) for n in range(3)))
    expect(driver.find("#photos > [data-stage=coloring]").first).to_be_visible()
    server.kill()
    expect(driver.find("#connection")).to_be_visible()
    serve("--port", str(server.port), "--data", str(tmp_path / "other"))  # as `rechroma app` does
    driver.ready(3)
    assert has_color(driver.download()[1])


def test_a_result_that_the_server_forgot_is_made_again(open_page: Open, serve: Serve) -> None:
    driver = open_page(serve().url)
    driver.expected = ("404",)
    with driver.page.expect_response("**/v1/jobs?*") as waiting:
        driver.with_photo()
    driver.page.request.delete(driver.url + waiting.value.headers["location"])
    assert has_color(driver.download()[1])
    assert len(driver.sent("/v1/jobs")) == 2


def test_too_large_to_be_shown_but_not_to_be_colored(open_page: Open, serve: Serve) -> None:
    server = serve(RECHROMA_DIRECT_BYTES="50000")
    driver = open_page(server.url)
    driver.expected = ("413",)
    driver.drop(("scan.tif", photograph(format="TIFF")))
    driver.ready()
    expect(driver.find("#notice")).to_contain_text("cannot show this photograph")
    assert has_color(driver.download()[1])


def test_a_service_with_keys(open_page: Open, serve: Serve) -> None:
    key, hashed = new_key()
    server = serve(RECHROMA_KEYS=hashed)
    driver = open_page(server.url)
    driver.expected = ("401",)
    driver.find("#samples button").first.click()
    fault = driver.find("#key-dialog [role=alert]")
    expect(driver.find("#key-dialog")).to_be_visible()
    driver.shoot("key-wide-light")
    for _ in range(3):
        driver.page.keyboard.press("Escape")
    for wrong in ("ключ", "wrong"):
        driver.find("#key").fill(wrong)
        driver.find("#key").press("Enter")
        expect(fault).to_have_text("The server does not accept this key.")
    driver.find("#key").fill(key)
    driver.find("#key-dialog button").click()
    driver.colored().ready()
    assert has_color(driver.download()[1])
    driver.page.reload()
    driver.find("#samples button").first.click()
    driver.colored().ready()  # it is not asked for again


def test_who_leaves_is_asked_until_all_is_taken(driver: PageDriver) -> None:
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    driver.page.on("dialog", leave)
    driver.with_photo()
    driver.download()
    driver.turn(warmth=0.5)
    driver.turn(warmth=0)
    driver.page.reload()
    assert asked == []
    driver.find("#samples button").first.click()
    driver.colored().ready()
    driver.download()
    driver.find("#badge").check()
    driver.page.reload()
    assert asked == ["beforeunload"]
    driver.find("#samples button").first.click()
    driver.colored().ready()
    driver.download()
    driver.page.reload()
    assert asked == ["beforeunload"]


def test_all_are_taken_once_none_is_under_way(driver: PageDriver) -> None:
    held: list[Route] = []
    driver.drop(*((f"{n}.jpg", photograph()) for n in range(3)))
    driver.ready(3)
    driver.page.route("**/v1/jobs?*", lambda route: held.append(route), times=1)
    driver.drop(("late.jpg", photograph()))
    button = driver.find("#download-all")
    expect(button).to_be_disabled()
    driver.first_of(held)
    held[0].continue_()
    driver.ready(4)
    results: list[Route] = []
    driver.page.route("**/v1/jobs/*/result", lambda route: results.append(route), times=1)
    with driver.page.expect_download() as waiting:
        button.click()
        expect(button).to_have_text("Zip: 0 of 4")
        driver.first_of(results)
        driver.find("#photos .remove").nth(2).click()
        results[0].continue_()
    with zipfile.ZipFile(BytesIO(saved(waiting.value)[1])) as archive:
        assert archive.namelist() == ["0.color.jpg", "1.color.jpg", "late.color.jpg"]
    expect(button).to_have_text("Download all (zip)")


def test_the_first_steps_say_what_goes_wrong(open_page: Open, serve: Serve, tmp_path: Path) -> None:
    server = serve()
    driver = open_page(server.url)
    driver.expected = ("net::ERR_",)
    expect(driver.find("#samples button")).not_to_have_count(0)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("Dear")
    driver.find("#folder").set_input_files(tmp_path / "letters")
    expect(driver.find("#notifications")).to_have_text("No photographs were found.")
    expect(driver.find("#notifications")).to_be_visible()
    driver.shoot("error-welcome")
    server.kill()
    driver.find("#language").select_option("ru")
    expect(driver.find("#connection")).to_contain_text("is not responding")
    driver.find("#samples button").first.click()
    expect(driver.find("#workspace")).to_be_hidden()
    serve("--port", str(server.port))
    driver.colored().ready()
    expect(driver.find("html")).to_have_attribute("lang", "ru")


def test_a_visible_mark(driver: PageDriver) -> None:
    driver.with_photo()
    plain = np.asarray(opened(driver.download()[1]))
    driver.find("#badge").check()
    marked = np.array(opened(driver.download()[1]))
    height, width = plain.shape[:2]
    corner = slice(height * 8 // 10, None), slice(width * 8 // 10, None)
    assert (plain[corner] != marked[corner]).any()
    marked[corner] = plain[corner]
    assert np.abs(plain.astype(int) - marked).max() < 32  # JPEG's blocks reach a little beyond


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(driver: PageDriver, status: int) -> None:
    driver.expected = (str(status),)
    answered: list[Route] = []

    def refuse_once(route: Route) -> None:
        answered.append(route)
        if len(answered) == 1:
            route.fulfill(status=status, headers={"Retry-After": "2"})
        else:
            route.continue_()

    driver.page.route("**/v1/jobs*", refuse_once)
    driver.drop(("cat.jpg", photograph()))
    expect(driver.find("#connection")).to_contain_text("is busy")
    driver.ready()
    expect(driver.find("#connection")).to_be_hidden()
    assert len(answered) == 2


def test_what_is_removed_is_forgotten_at_once(driver: PageDriver) -> None:
    held: list[Route] = []
    driver.page.route("**/v1/jobs/*/events", lambda route: held.append(route), times=2)
    driver.drop(*((f"{n}.jpg", photograph()) for n in range(3)))
    for _ in range(2):  # all that are done at a time
        expect(driver.find("#photos > li").first).to_have_attribute("data-stage", "coloring")
        with driver.page.expect_request(lambda request: request.method == "DELETE") as waiting:
            driver.find("#photos .remove").first.click()
        answer = waiting.value.response()
        assert answer is not None
        assert answer.status == 204
    driver.ready()


def test_what_is_removed_can_be_had_back(driver: PageDriver) -> None:
    driver.drop(("a.jpg", photograph("coffee.png")), ("b.jpg", photograph()))
    driver.ready(2)
    driver.turn(saturation=2)
    driver.correct()
    driver.settled()
    before = driver.pixels()
    driver.find("#photos .remove").first.click()
    expect(driver.find("#photos > li")).to_have_count(1)
    expect(driver.find("#notifications")).to_contain_text("a.jpg was removed.")
    driver.shoot("removed-wide-light")
    driver.find("#notifications").get_by_role("button", name="Undo").click()
    driver.ready(2)
    expect(driver.find("#photos .name")).to_have_text(["a.jpg", "b.jpg"])
    expect(driver.find("button.marker")).to_have_count(1)
    driver.settled()
    assert np.array_equal(driver.pixels(), before)


def test_what_comes_back_begins_anew(driver: PageDriver) -> None:
    held: list[Route] = []
    driver.page.route("**/v1/jobs?*", lambda route: held.append(route), times=1)
    driver.drop(("scan.tif", photograph(format="TIFF")))
    driver.colored()
    driver.correct()
    driver.settled()
    before = driver.pixels()
    driver.first_of(held)
    driver.find("#photos .remove").click()
    driver.find("#notifications").get_by_role("button", name="Undo").click()
    driver.ready()
    expect(driver.find("#stage")).to_be_focused()
    with driver.page.expect_response("**/v1/jobs?*"):
        held[0].continue_()
    driver.settled()
    assert np.array_equal(driver.pixels(), before)
    driver.drop(*((f"{n}.jpg", photograph()) for n in range(2)))
    driver.ready(3)
    for _ in range(3):
        driver.find("#photos .remove").first.click()
    undo = driver.find("#notifications").get_by_role("button", name="Undo")
    expect(undo).to_have_count(3)
    for _ in range(3):
        undo.first.click()
    driver.ready(3)


def test_what_is_removed_is_sent_no_more(driver: PageDriver) -> None:
    driver.expected = ("429",)
    busy = {"status": 429, "headers": {"Retry-After": "1"}}
    driver.page.route("**/v1/jobs?*", lambda route: route.fulfill(**busy))
    driver.drop(("a.jpg", photograph()))
    expect(driver.find("#connection")).to_be_visible()
    driver.find("#photos .remove").click()
    expect(driver.find("#connection")).to_be_hidden()
    count = len(driver.sent("/v1/jobs"))
    driver.page.wait_for_timeout(1500)
    assert len(driver.sent("/v1/jobs")) == count


def test_the_list_by_keyboard(driver: PageDriver) -> None:
    driver.drop(*((f"{name}.jpg", photograph()) for name in "abc"))
    driver.ready(3)
    rows = driver.find("#photos .select")
    rows.first.focus()
    driver.page.keyboard.press("ArrowDown")
    driver.page.keyboard.press("ArrowDown")
    driver.page.keyboard.press("ArrowDown")  # there is no other
    expect(rows.nth(2)).to_be_focused()
    driver.page.keyboard.press("ArrowUp")
    driver.page.keyboard.press("Enter")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    driver.page.keyboard.press("Delete")
    expect(driver.find("#photos .name")).to_have_text(["a.jpg", "c.jpg"])
    expect(rows.nth(1)).to_be_focused()
    driver.page.keyboard.press("Tab")
    expect(driver.find("#photos .remove").nth(1)).to_be_focused()
    driver.page.keyboard.press("Tab")
    expect(driver.find("#add-more")).to_be_focused()


def test_a_photograph_that_is_too_large_for_the_service(open_page: Open, serve: Serve) -> None:
    driver = open_page(serve(RECHROMA_JOB_BYTES="150000").url)
    driver.expected = ("413", "net::ERR_")
    driver.drop(("large.jpg", photograph(size=(3000, 2000))))
    expect(driver.find("#photos > [data-stage=failed]")).to_be_visible()
    expect(driver.find("#notice")).to_have_text("The file is larger than the server allows.")


def test_the_zip_of_the_others(driver: PageDriver) -> None:
    driver.expected = ("500",)
    driver.drop(*((f"{name}.jpg", photograph()) for name in "abc"))
    driver.ready(3)
    driver.page.route("**/v1/jobs/*/result", lambda route: route.fulfill(status=500), times=1)
    _, content = driver.download("#download-all")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.namelist() == ["b.color.jpg", "c.color.jpg"]
    expect(driver.find("#notifications")).to_contain_text("Missing from the zip: a.jpg.")


def test_two_downloads_at_a_time(driver: PageDriver) -> None:
    driver.drop(("a.jpg", photograph()), ("b.jpg", photograph("coffee.png")))
    driver.ready(2)
    held: list[Route] = []
    driver.page.route("**/v1/jobs/*/result", lambda route: held.append(route), times=1)
    driver.find("#download").click()
    driver.first_of(held)
    expect(driver.find("#download")).to_have_attribute("aria-busy", "true")
    driver.find("#photos .select").nth(1).click()
    expect(driver.find("#download")).to_have_attribute("aria-busy", "false")
    assert driver.download()[0] == "b.color.jpg"
    with driver.page.expect_download() as waiting:
        held[0].continue_()
    assert waiting.value.suggested_filename == "a.color.jpg"


def test_removed_while_it_is_taken(driver: PageDriver) -> None:
    driver.with_photo()
    held: list[Route] = []
    driver.page.route("**/v1/jobs/*/result", lambda route: held.append(route), times=1)
    driver.find("#download").click()
    driver.first_of(held)
    driver.find("#photos .remove").click()
    held[0].fulfill(status=404)
    driver.expected = ("404",)
    driver.drop(("b.jpg", photograph()))
    driver.colored().ready()
    expect(driver.find("#notifications")).to_be_hidden()


def test_a_job_that_expired_while_the_computer_slept(driver: PageDriver) -> None:
    def expire(route: Route) -> None:
        url = route.request.url.removesuffix("/events")
        job = driver.page.request.get(url).json() | {"state": "expired"}
        route.fulfill(content_type="text/event-stream", body=f"data: {json.dumps(job)}\n\n")

    driver.page.route("**/v1/jobs/*/events", expire, times=1)
    driver.with_photo()
    assert len(driver.sent("/v1/jobs")) == 2


def test_a_scan_that_is_tried_again(driver: PageDriver) -> None:
    driver.expected = ("500",)
    driver.page.route("**/v1/jobs?*", lambda route: route.fulfill(status=500), times=1)
    driver.drop(("scan.tif", photograph(format="TIFF")))
    expect(driver.find("#photos > [data-stage=failed]")).to_be_visible()
    driver.correct()
    driver.settled()
    before = driver.pixels()
    driver.find("#photos .retry").click()
    expect(driver.find("#photos .select")).to_be_focused()
    driver.ready()
    driver.settled()
    assert np.array_equal(driver.pixels(), before)
    driver.drop(*((f"{n}.jpg", photograph()) for n in range(4)))
    driver.ready(5)
    for n in (1, 2, 3, 4, 0):
        driver.find("#photos .select").nth(n).click()
        driver.colored()
    assert np.array_equal(driver.pixels(), before)


def test_a_file_that_changed_on_the_disk(driver: PageDriver, tmp_path: Path) -> None:
    driver.expected = ("could not be read", "net::ERR_")
    paths = [tmp_path / f"{n}.jpg" for n in range(5)]
    for path in paths:
        path.write_bytes(photograph("coffee.png", size=(1800, 1200)))
    driver.find("#files").set_input_files(paths)
    driver.ready(5)
    paths[0].write_bytes(b"another one")
    for n in (1, 2, 3, 4, 0):
        driver.find("#photos .select").nth(n).click()
        driver.colored()
    assert has_color(driver.download()[1])
