"""Batches with broken files, servers that fail or require a key, downloads and removal."""

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
from tests.support.page_driver import PageDriver, make_photo, read_download
from tests.support.service import has_color, opened

WITHOUT_STORAGE = "Object.defineProperty(window, 'indexedDB', { value: undefined })"
REASON = "This is a text file. Check whether the photograph has another name."


def test_batch_with_a_broken_file_is_colored(driver: PageDriver) -> None:
    driver.expected = ("415",)
    photos = [(f"photo {n}.jpg", make_photo(quality=70 + n)) for n in range(18)]
    files = [*photos[:7], ("broken.jpg", b"this is no image"), *photos[7:], photos[0]]
    driver.drop(*files)
    expect(driver.find("#photos > li")).to_have_count(20)
    driver.wait_ready(19)
    broken = driver.find("#photos > [data-stage=failed]")
    expect(broken.locator(".state")).to_have_text(REASON)
    expect(broken.locator(".name")).to_have_text("broken.jpg")
    driver.screenshot("batch-wide-light")
    name, content = driver.download("#download-all")
    assert name == "rechroma.zip"
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names)) == 19
        assert {"photo 0.color.jpg", "photo 0-2.color.jpg", "photo 17.color.jpg"} <= set(names)
        assert all(has_color(archive.read(name)) for name in names)


def test_kind_of_a_rejected_file_is_named_with_what_to_do(driver: PageDriver) -> None:
    driver.expected = ("415",)
    driver.drop(("scan.jpg", b"8BPS\0\1" + bytes(40)))
    state = driver.find("#photos > [data-stage=failed] .state")
    expect(state).to_have_text(
        "Photoshop files cannot be read. Save the picture as a TIFF, PNG or JPEG first."
    )
    driver.find("#language").select_option("ru")
    expect(state).to_contain_text("Файлы Photoshop не читаются.")


def test_selection_can_change_while_files_are_read(driver: PageDriver) -> None:
    driver.drop(*((f"{n}.jpg", make_photo(size=(1800, 1200))) for n in range(10)))
    rows = driver.find("#photos .select")
    rows.nth(9).wait_for()
    rows.nth(5).dispatch_event("click")
    rows.nth(0).dispatch_event("click")
    driver.wait_ready(10)
    driver.find("#zoom-in").click()
    driver.page.wait_for_timeout(300)
    driver.wait_colored()


def test_photograph_that_timed_out_can_be_retried(driver: PageDriver) -> None:
    driver.expected = ("422",)
    timeout = json.dumps({"type": "urn:rechroma:processing-timeout", "title": "Timeout"})
    driver.page.route(
        "**/v1/jobs?*", lambda route: route.fulfill(status=422, body=timeout), times=1
    )
    driver.drop(("cat.jpg", make_photo()))
    failed = driver.find("#photos > [data-stage=failed]")
    expect(failed.locator(".state")).to_contain_text("longer than the server allows")
    failed.locator(".retry").click()
    driver.wait_ready()


def test_file_that_is_no_photograph_leaves_the_stage_to_others(driver: PageDriver) -> None:
    driver.expected = ("415",)
    driver.drop(("broken.jpg", b"this is no image"), ("cat.jpg", make_photo()))
    driver.wait_colored().wait_ready()
    expect(driver.find("#photos [aria-current=true] .name")).to_have_text("cat.jpg")
    failed = driver.find("#photos > [data-stage=failed]")
    expect(failed.locator(".retry")).to_be_hidden()  # it would fail again
    failed.locator(".select").click()
    expect(driver.find("#notice")).to_have_text(REASON)
    failed.locator(".remove").click()
    expect(driver.find("#photos > li")).to_have_count(1)
    driver.wait_colored()
    expect(driver.find("#download")).to_be_enabled()
    driver.find("#photos .remove").click()
    expect(driver.find("#welcome")).to_be_visible()
    expect(driver.find("#choose")).to_be_focused()


def test_batch_continues_after_a_server_restart(open_page: Open, serve: Serve) -> None:
    server = serve()
    driver = open_page(server.url)
    driver.expected = ("net::ERR_",)
    driver.drop(*((f"{n}.jpg", make_photo(size=(1800, 1200))) for n in range(6)))
    expect(driver.find("#photos > [data-stage=done]").first).to_be_visible()
    server.kill()
    expect(driver.find("#connection")).to_be_visible()
    driver.screenshot("away-wide-light")
    server = serve("--port", str(server.port))
    expect(driver.find("#connection")).to_be_hidden()
    driver.wait_ready(6)
    assert has_color(driver.download()[1])


def test_lost_jobs_are_submitted_again(open_page: Open, serve: Serve, tmp_path: Path) -> None:
    server = serve()
    driver = open_page(server.url)
    driver.expected = ("net::ERR_", "404")
    driver.drop(*((f"{n}.jpg", make_photo(size=(3000, 2000))) for n in range(3)))
    expect(driver.find("#photos > [data-stage=coloring]").first).to_be_visible()
    server.kill()
    expect(driver.find("#connection")).to_be_visible()
    serve("--port", str(server.port), "--data", str(tmp_path / "other"))  # as `rechroma app` does
    driver.wait_ready(3)
    assert has_color(driver.download()[1])


def test_deleted_result_is_made_again(open_page: Open, serve: Serve) -> None:
    driver = open_page(serve().url)
    driver.expected = ("404",)
    with driver.page.expect_response("**/v1/jobs?*") as waiting:
        driver.add_photo()
    driver.page.request.delete(driver.url + waiting.value.headers["location"])
    assert has_color(driver.download()[1])
    assert len(driver.requests_to("/v1/jobs")) == 2


def test_photograph_too_large_for_a_preview_is_colored(open_page: Open, serve: Serve) -> None:
    server = serve(RECHROMA_DIRECT_BYTES="50000")
    driver = open_page(server.url)
    driver.expected = ("413",)
    driver.drop(("scan.tif", make_photo(format="TIFF")))
    driver.wait_ready()
    expect(driver.find("#notice")).to_contain_text("cannot show this photograph")
    assert has_color(driver.download()[1])


def test_key_is_asked_for_once(open_page: Open, serve: Serve) -> None:
    key, hashed = new_key()
    server = serve(RECHROMA_KEYS=hashed)
    driver = open_page(server.url)
    driver.expected = ("401",)
    driver.find("#samples button").first.click()
    fault = driver.find("#key-dialog [role=alert]")
    expect(driver.find("#key-dialog")).to_be_visible()
    driver.screenshot("key-wide-light")
    for _ in range(3):
        driver.page.keyboard.press("Escape")
    for wrong in ("ключ", "wrong"):
        driver.find("#key").fill(wrong)
        driver.find("#key").press("Enter")
        expect(fault).to_have_text("The server does not accept this key.")
    driver.find("#key").fill(key)
    driver.find("#key-dialog button").click()
    driver.wait_colored().wait_ready()
    assert has_color(driver.download()[1])
    driver.page.reload()
    driver.wait_colored().wait_ready()  # it is not asked for again


def test_leaving_asks_while_results_are_neither_downloaded_nor_kept(open_page: Open) -> None:
    driver = open_page()
    driver.page.add_init_script(WITHOUT_STORAGE)
    driver.open()
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    driver.page.on("dialog", leave)
    driver.add_photo()
    driver.download()
    driver.adjust(warmth=0.5)
    driver.adjust(warmth=0)
    driver.page.reload()
    assert asked == []
    driver.find("#samples button").first.click()
    driver.wait_colored().wait_ready()
    driver.download()
    driver.find("#badge").check()
    driver.page.reload()
    assert asked == ["beforeunload"]
    driver.find("#samples button").first.click()
    driver.wait_colored().wait_ready()
    driver.download()
    driver.page.reload()
    assert asked == ["beforeunload"]


def test_download_all_waits_for_jobs_in_progress(driver: PageDriver) -> None:
    held: list[Route] = []
    driver.drop(*((f"{n}.jpg", make_photo()) for n in range(3)))
    driver.wait_ready(3)
    driver.page.route("**/v1/jobs?*", lambda route: held.append(route), times=1)
    driver.drop(("late.jpg", make_photo()))
    button = driver.find("#download-all")
    expect(button).to_be_disabled()
    driver.wait_for_route(held)
    held[0].continue_()
    driver.wait_ready(4)
    results: list[Route] = []
    driver.page.route("**/v1/jobs/*/result", lambda route: results.append(route), times=1)
    with driver.page.expect_download() as waiting:
        button.click()
        expect(button).to_have_text("Zip: 0 of 4")
        driver.wait_for_route(results)
        driver.find("#photos .remove").nth(2).click()
        results[0].continue_()
    with zipfile.ZipFile(BytesIO(read_download(waiting.value)[1])) as archive:
        assert archive.namelist() == ["0.color.jpg", "1.color.jpg", "late.color.jpg"]
    expect(button).to_have_text("Download all (zip)")


def test_welcome_screen_shows_errors(open_page: Open, serve: Serve, tmp_path: Path) -> None:
    server = serve()
    driver = open_page(server.url)
    driver.expected = ("net::ERR_",)
    expect(driver.find("#samples button")).not_to_have_count(0)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("Dear")
    driver.find("#folder").set_input_files(tmp_path / "letters")
    expect(driver.find("#notifications")).to_have_text("No photographs were found.")
    expect(driver.find("#notifications")).to_be_visible()
    driver.screenshot("error-welcome")
    server.kill()
    driver.find("#language").select_option("ru")
    expect(driver.find("#connection")).to_contain_text("is not responding")
    driver.find("#samples button").first.click()
    expect(driver.find("#workspace")).to_be_hidden()
    serve("--port", str(server.port))
    driver.wait_colored().wait_ready()
    expect(driver.find("html")).to_have_attribute("lang", "ru")


def test_badge_changes_only_a_corner(driver: PageDriver) -> None:
    driver.add_photo()
    plain = np.asarray(opened(driver.download()[1]))
    driver.find("#badge").check()
    marked = np.array(opened(driver.download()[1]))
    height, width = plain.shape[:2]
    corner = slice(height * 8 // 10, None), slice(width * 8 // 10, None)
    assert (plain[corner] != marked[corner]).any()
    marked[corner] = plain[corner]
    assert np.abs(plain.astype(int) - marked).max() < 32  # JPEG's blocks reach a little beyond


@pytest.mark.parametrize("status", [429, 503])
def test_busy_server_is_asked_again(driver: PageDriver, status: int) -> None:
    driver.expected = (str(status),)
    answered: list[Route] = []

    def refuse_once(route: Route) -> None:
        answered.append(route)
        if len(answered) == 1:
            route.fulfill(status=status, headers={"Retry-After": "2"})
        else:
            route.continue_()

    driver.page.route("**/v1/jobs*", refuse_once)
    driver.drop(("cat.jpg", make_photo()))
    expect(driver.find("#connection")).to_contain_text("is busy")
    driver.wait_ready()
    expect(driver.find("#connection")).to_be_hidden()
    assert len(answered) == 2


def test_removal_deletes_the_job(driver: PageDriver) -> None:
    held: list[Route] = []
    driver.page.route("**/v1/jobs/*/events", lambda route: held.append(route), times=2)
    driver.drop(*((f"{n}.jpg", make_photo()) for n in range(3)))
    for _ in range(2):  # all that are done at a time
        expect(driver.find("#photos > li").first).to_have_attribute("data-stage", "coloring")
        with driver.page.expect_request(lambda request: request.method == "DELETE") as waiting:
            driver.find("#photos .remove").first.click()
        answer = waiting.value.response()
        assert answer is not None
        assert answer.status == 204
    driver.wait_ready()


def test_removal_can_be_undone(driver: PageDriver) -> None:
    driver.drop(("a.jpg", make_photo("coffee.png")), ("b.jpg", make_photo()))
    driver.wait_ready(2)
    driver.adjust(saturation=2)
    driver.correct()
    driver.wait_settled()
    before = driver.pixels()
    driver.find("#photos .remove").first.click()
    expect(driver.find("#photos > li")).to_have_count(1)
    expect(driver.find("#notifications")).to_contain_text("a.jpg was removed.")
    driver.screenshot("removed-wide-light")
    driver.find("#notifications").get_by_role("button", name="Undo").click()
    driver.wait_ready(2)
    expect(driver.find("#photos .name")).to_have_text(["a.jpg", "b.jpg"])
    expect(driver.find("button.marker")).to_have_count(1)
    driver.wait_settled()
    assert np.array_equal(driver.pixels(), before)


def test_restored_photograph_ignores_late_responses(driver: PageDriver) -> None:
    held: list[Route] = []
    driver.page.route("**/v1/jobs?*", lambda route: held.append(route), times=1)
    driver.drop(("scan.tif", make_photo(format="TIFF")))
    driver.wait_colored()
    driver.correct()
    driver.wait_settled()
    before = driver.pixels()
    driver.wait_for_route(held)
    driver.find("#photos .remove").click()
    driver.find("#notifications").get_by_role("button", name="Undo").click()
    driver.wait_ready()
    expect(driver.find("#stage")).to_be_focused()
    with driver.page.expect_response("**/v1/jobs?*"):
        held[0].continue_()
    driver.wait_settled()
    assert np.array_equal(driver.pixels(), before)
    driver.drop(*((f"{n}.jpg", make_photo()) for n in range(2)))
    driver.wait_ready(3)
    for _ in range(3):
        driver.find("#photos .remove").first.click()
    undo = driver.find("#notifications").get_by_role("button", name="Undo")
    expect(undo).to_have_count(3)
    for _ in range(3):
        undo.first.click()
    driver.wait_ready(3)


def test_removal_stops_retries(driver: PageDriver) -> None:
    driver.expected = ("429",)
    busy = {"status": 429, "headers": {"Retry-After": "1"}}
    driver.page.route("**/v1/jobs?*", lambda route: route.fulfill(**busy))
    driver.drop(("a.jpg", make_photo()))
    expect(driver.find("#connection")).to_be_visible()
    driver.find("#photos .remove").click()
    expect(driver.find("#connection")).to_be_hidden()
    count = len(driver.requests_to("/v1/jobs"))
    driver.page.wait_for_timeout(1500)
    assert len(driver.requests_to("/v1/jobs")) == count


def test_photo_list_supports_the_keyboard(driver: PageDriver) -> None:
    driver.drop(*((f"{name}.jpg", make_photo()) for name in "abc"))
    driver.wait_ready(3)
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
    expect(driver.find(".check-photo").nth(1)).to_be_focused()
    driver.page.keyboard.press("Space")
    expect(driver.find(".check-photo").nth(1)).to_be_checked()
    driver.page.keyboard.press("Tab")
    expect(driver.find("#photos .remove").nth(1)).to_be_focused()
    driver.page.keyboard.press("Tab")
    expect(driver.find("#add-more")).to_be_focused()


def test_photograph_too_large_for_a_job_fails(open_page: Open, serve: Serve) -> None:
    driver = open_page(serve(RECHROMA_JOB_BYTES="150000").url)
    driver.expected = ("413", "net::ERR_")
    driver.drop(("large.jpg", make_photo(size=(3000, 2000))))
    expect(driver.find("#photos > [data-stage=failed]")).to_be_visible()
    expect(driver.find("#notice")).to_contain_text("The file is larger than the server allows.")


def test_zip_contains_the_others_if_one_fails(driver: PageDriver) -> None:
    driver.expected = ("500",)
    driver.drop(*((f"{name}.jpg", make_photo()) for name in "abc"))
    driver.wait_ready(3)
    driver.page.route("**/v1/jobs/*/result", lambda route: route.fulfill(status=500), times=1)
    _, content = driver.download("#download-all")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.namelist() == ["b.color.jpg", "c.color.jpg"]
    expect(driver.find("#notifications")).to_contain_text("Missing from the zip: a.jpg.")


def test_two_downloads_can_run_at_once(driver: PageDriver) -> None:
    driver.drop(("a.jpg", make_photo()), ("b.jpg", make_photo("coffee.png")))
    driver.wait_ready(2)
    held: list[Route] = []
    driver.page.route("**/v1/jobs/*/result", lambda route: held.append(route), times=1)
    driver.find("#download").click()
    driver.wait_for_route(held)
    expect(driver.find("#download")).to_have_attribute("aria-busy", "true")
    driver.find("#photos .select").nth(1).click()
    expect(driver.find("#download")).to_have_attribute("aria-busy", "false")
    assert driver.download()[0] == "b.color.jpg"
    with driver.page.expect_download() as waiting:
        held[0].continue_()
    assert waiting.value.suggested_filename == "a.color.jpg"


def test_removal_during_a_download_shows_no_error(driver: PageDriver) -> None:
    driver.add_photo()
    held: list[Route] = []
    driver.page.route("**/v1/jobs/*/result", lambda route: held.append(route), times=1)
    driver.find("#download").click()
    driver.wait_for_route(held)
    driver.find("#photos .remove").click()
    held[0].fulfill(status=404)
    driver.expected = ("404",)
    driver.drop(("b.jpg", make_photo()))
    driver.wait_colored().wait_ready()
    expect(driver.find("#notifications")).to_be_hidden()


def test_expired_job_is_submitted_again(driver: PageDriver) -> None:
    def expire(route: Route) -> None:
        url = route.request.url.removesuffix("/events")
        job = driver.page.request.get(url).json() | {"state": "expired"}
        route.fulfill(content_type="text/event-stream", body=f"data: {json.dumps(job)}\n\n")

    driver.page.route("**/v1/jobs/*/events", expire, times=1)
    driver.add_photo()
    assert len(driver.requests_to("/v1/jobs")) == 2


def test_retried_scan_keeps_its_preview(driver: PageDriver) -> None:
    driver.expected = ("500",)
    driver.page.route("**/v1/jobs?*", lambda route: route.fulfill(status=500), times=1)
    driver.drop(("scan.tif", make_photo(format="TIFF")))
    expect(driver.find("#photos > [data-stage=failed]")).to_be_visible()
    driver.correct()
    driver.wait_settled()
    before = driver.pixels()
    driver.find("#photos .retry").click()
    expect(driver.find("#photos .select")).to_be_focused()
    driver.wait_ready()
    driver.wait_settled()
    assert np.array_equal(driver.pixels(), before)
    driver.drop(*((f"{n}.jpg", make_photo()) for n in range(4)))
    driver.wait_ready(5)
    for n in (1, 2, 3, 4, 0):
        driver.find("#photos .select").nth(n).click()
        driver.wait_colored()
    assert np.array_equal(driver.pixels(), before)


def test_preview_survives_a_changed_file(driver: PageDriver, tmp_path: Path) -> None:
    driver.expected = ("could not be read", "net::ERR_")
    paths = [tmp_path / f"{n}.jpg" for n in range(5)]
    for path in paths:
        path.write_bytes(make_photo("coffee.png", size=(1800, 1200)))
    driver.find("#files").set_input_files(paths)
    driver.wait_ready(5)
    paths[0].write_bytes(b"another one")
    for n in (1, 2, 3, 4, 0):
        driver.find("#photos .select").nth(n).click()
        driver.wait_colored()
    assert has_color(driver.download()[1])
