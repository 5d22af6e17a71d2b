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
    with studio.page.expect_response("**/v1/chroma?gray=4096") as waiting:
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
    expect(studio.find("#waiting")).to_be_visible()
    studio.shoot("away-wide-light")
    server = serve("--port", str(server.port))
    expect(studio.find("#waiting")).to_be_hidden()
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
    expect(studio.find("#waiting")).to_be_visible()
    serve("--port", str(server.port), "--data", str(tmp_path / "other"))  # as `rechroma app` does
    studio.ready(3)
    assert has_color(studio.download()[1])


def test_a_result_that_the_server_forgot_is_made_again(open_page: Open, serve: Serve) -> None:
    studio = open_page(serve().url)
    studio.expected = ("404",)
    with studio.page.expect_response("**/v1/jobs?*") as waiting:
        studio.with_photo()
    studio.page.request.delete(studio.url + waiting.value.headers["location"])
    assert has_color(studio.download()[1])
    assert len(studio.sent("/v1/jobs")) == 2


def test_too_large_to_be_shown_but_not_to_be_colored(open_page: Open, serve: Serve) -> None:
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
    studio.turn(warmth=0)
    studio.page.reload()
    assert asked == []
    studio.find("#samples button").first.click()
    studio.colored().ready()
    studio.download()
    studio.find("#badge").check()
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
    studio.first_of(held)
    held[0].continue_()
    studio.ready(4)
    results: list[Route] = []
    studio.page.route("**/v1/jobs/*/result", lambda route: results.append(route), times=1)
    with studio.page.expect_download() as waiting:
        button.click()
        expect(button).to_have_text("Zip: 0 of 4")
        studio.first_of(results)
        studio.find("#photos .remove").nth(2).click()
        results[0].continue_()
    with zipfile.ZipFile(BytesIO(saved(waiting.value)[1])) as archive:
        assert archive.namelist() == ["0.color.jpg", "1.color.jpg", "late.color.jpg"]
    expect(button).to_have_text("Download all (zip)")


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
    expect(studio.find("#waiting")).to_contain_text("does not answer")
    studio.find("#samples button").first.click()
    expect(studio.find("#studio")).to_be_hidden()
    serve("--port", str(server.port))
    studio.colored().ready()
    expect(studio.find("html")).to_have_attribute("lang", "ru")


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
            route.fulfill(status=status, headers={"Retry-After": "2"})
        else:
            route.continue_()

    studio.page.route("**/v1/jobs*", refuse_once)
    studio.drop(("cat.jpg", photograph()))
    expect(studio.find("#waiting")).to_contain_text("much to do")
    studio.ready()
    expect(studio.find("#waiting")).to_be_hidden()
    assert len(answered) == 2


def test_what_is_removed_is_forgotten_at_once(studio: Studio) -> None:
    held: list[Route] = []
    studio.page.route("**/v1/jobs/*/events", lambda route: held.append(route), times=2)
    studio.drop(*((f"{n}.jpg", photograph()) for n in range(3)))
    for _ in range(2):  # all that are done at a time
        expect(studio.find("#photos > li").first).to_have_attribute("data-stage", "coloring")
        with studio.page.expect_request(lambda request: request.method == "DELETE") as waiting:
            studio.find("#photos .remove").first.click()
        answer = waiting.value.response()
        assert answer is not None
        assert answer.status == 204
    studio.ready()


def test_what_is_removed_can_be_had_back(studio: Studio) -> None:
    studio.drop(("a.jpg", photograph("coffee.png")), ("b.jpg", photograph()))
    studio.ready(2)
    studio.turn(saturation=2)
    studio.correct()
    studio.settled()
    before = studio.pixels()
    studio.find("#photos .remove").first.click()
    expect(studio.find("#photos > li")).to_have_count(1)
    expect(studio.find("#complaint")).to_contain_text("a.jpg is removed.")
    studio.shoot("removed-wide-light")
    studio.find("#complaint").get_by_role("button", name="Undo").click()
    studio.ready(2)
    expect(studio.find("#photos .name")).to_have_text(["a.jpg", "b.jpg"])
    expect(studio.find("button.mark")).to_have_count(1)
    studio.settled()
    assert np.array_equal(studio.pixels(), before)


def test_what_comes_back_begins_anew(studio: Studio) -> None:
    held: list[Route] = []
    studio.page.route("**/v1/jobs?*", lambda route: held.append(route), times=1)
    studio.drop(("scan.tif", photograph(format="TIFF")))
    studio.colored()
    studio.correct()
    studio.settled()
    before = studio.pixels()
    studio.first_of(held)
    studio.find("#photos .remove").click()
    studio.find("#complaint").get_by_role("button", name="Undo").click()
    studio.ready()
    expect(studio.find("#stage")).to_be_focused()
    with studio.page.expect_response("**/v1/jobs?*"):
        held[0].continue_()
    studio.settled()
    assert np.array_equal(studio.pixels(), before)
    studio.drop(*((f"{n}.jpg", photograph()) for n in range(2)))
    studio.ready(3)
    for _ in range(3):
        studio.find("#photos .remove").first.click()
    undo = studio.find("#complaint").get_by_role("button", name="Undo")
    expect(undo).to_have_count(3)
    for _ in range(3):
        undo.first.click()
    studio.ready(3)


def test_what_is_removed_is_sent_no_more(studio: Studio) -> None:
    studio.expected = ("429",)
    busy = {"status": 429, "headers": {"Retry-After": "1"}}
    studio.page.route("**/v1/jobs?*", lambda route: route.fulfill(**busy))
    studio.drop(("a.jpg", photograph()))
    expect(studio.find("#waiting")).to_be_visible()
    studio.find("#photos .remove").click()
    expect(studio.find("#waiting")).to_be_hidden()
    count = len(studio.sent("/v1/jobs"))
    studio.page.wait_for_timeout(1500)
    assert len(studio.sent("/v1/jobs")) == count


def test_the_list_by_keyboard(studio: Studio) -> None:
    studio.drop(*((f"{name}.jpg", photograph()) for name in "abc"))
    studio.ready(3)
    rows = studio.find("#photos .select")
    rows.first.focus()
    studio.page.keyboard.press("ArrowDown")
    studio.page.keyboard.press("ArrowDown")
    studio.page.keyboard.press("ArrowDown")  # there is no other
    expect(rows.nth(2)).to_be_focused()
    studio.page.keyboard.press("ArrowUp")
    studio.page.keyboard.press("Enter")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    studio.page.keyboard.press("Delete")
    expect(studio.find("#photos .name")).to_have_text(["a.jpg", "c.jpg"])
    expect(rows.nth(1)).to_be_focused()
    studio.page.keyboard.press("Tab")
    expect(studio.find("#photos .remove").nth(1)).to_be_focused()
    studio.page.keyboard.press("Tab")
    expect(studio.find("#more")).to_be_focused()


def test_a_photograph_that_is_too_large_for_the_service(open_page: Open, serve: Serve) -> None:
    studio = open_page(serve(RECHROMA_JOB_BYTES="150000").url)
    studio.expected = ("413", "net::ERR_")
    studio.drop(("large.jpg", photograph(size=(3000, 2000))))
    expect(studio.find("#photos > [data-stage=failed]")).to_be_visible()
    expect(studio.find("#notice")).to_have_text("The file is larger than the service allows.")


def test_the_zip_of_the_others(studio: Studio) -> None:
    studio.expected = ("500",)
    studio.drop(*((f"{name}.jpg", photograph()) for name in "abc"))
    studio.ready(3)
    studio.page.route("**/v1/jobs/*/result", lambda route: route.fulfill(status=500), times=1)
    _, content = studio.download("#download-all")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.namelist() == ["b.color.jpg", "c.color.jpg"]
    expect(studio.find("#complaint")).to_contain_text("Not in the zip: a.jpg.")


def test_two_downloads_at_a_time(studio: Studio) -> None:
    studio.drop(("a.jpg", photograph()), ("b.jpg", photograph("coffee.png")))
    studio.ready(2)
    held: list[Route] = []
    studio.page.route("**/v1/jobs/*/result", lambda route: held.append(route), times=1)
    studio.find("#download").click()
    studio.first_of(held)
    expect(studio.find("#download")).to_have_attribute("aria-busy", "true")
    studio.find("#photos .select").nth(1).click()
    expect(studio.find("#download")).to_have_attribute("aria-busy", "false")
    assert studio.download()[0] == "b.color.jpg"
    with studio.page.expect_download() as waiting:
        held[0].continue_()
    assert waiting.value.suggested_filename == "a.color.jpg"


def test_removed_while_it_is_taken(studio: Studio) -> None:
    studio.with_photo()
    held: list[Route] = []
    studio.page.route("**/v1/jobs/*/result", lambda route: held.append(route), times=1)
    studio.find("#download").click()
    studio.first_of(held)
    studio.find("#photos .remove").click()
    held[0].fulfill(status=404)
    studio.expected = ("404",)
    studio.drop(("b.jpg", photograph()))
    studio.colored().ready()
    expect(studio.find("#complaint")).to_be_hidden()


def test_a_job_that_expired_while_the_computer_slept(studio: Studio) -> None:
    def expire(route: Route) -> None:
        url = route.request.url.removesuffix("/events")
        job = studio.page.request.get(url).json() | {"state": "expired"}
        route.fulfill(content_type="text/event-stream", body=f"data: {json.dumps(job)}\n\n")

    studio.page.route("**/v1/jobs/*/events", expire, times=1)
    studio.with_photo()
    assert len(studio.sent("/v1/jobs")) == 2


def test_a_scan_that_is_tried_again(studio: Studio) -> None:
    studio.expected = ("500",)
    studio.page.route("**/v1/jobs?*", lambda route: route.fulfill(status=500), times=1)
    studio.drop(("scan.tif", photograph(format="TIFF")))
    expect(studio.find("#photos > [data-stage=failed]")).to_be_visible()
    studio.correct()
    studio.settled()
    before = studio.pixels()
    studio.find("#photos .retry").click()
    expect(studio.find("#photos .select")).to_be_focused()
    studio.ready()
    studio.settled()
    assert np.array_equal(studio.pixels(), before)
    studio.drop(*((f"{n}.jpg", photograph()) for n in range(4)))
    studio.ready(5)
    for n in (1, 2, 3, 4, 0):
        studio.find("#photos .select").nth(n).click()
        studio.colored()
    assert np.array_equal(studio.pixels(), before)


def test_a_file_that_changed_on_the_disk(studio: Studio, tmp_path: Path) -> None:
    studio.expected = ("could not be read", "net::ERR_")
    paths = [tmp_path / f"{n}.jpg" for n in range(5)]
    for path in paths:
        path.write_bytes(photograph("coffee.png", size=(1800, 1200)))
    studio.find("#files").set_input_files(paths)
    studio.ready(5)
    paths[0].write_bytes(b"another one")
    for n in (1, 2, 3, 4, 0):
        studio.find("#photos .select").nth(n).click()
        studio.colored()
    assert has_color(studio.download()[1])
