"""`/docs`: the API can be read and tried out in a browser, without other sites."""

from __future__ import annotations

from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.support.service import Server, photo_file


def open_docs(browser: Browser, server: Server, problems: list[str]) -> Page:
    page = browser.new_page()
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((server.url, "data:", "blob:"))
            else problems.append(f"loads {request.url}")
        ),
    )
    page.goto(f"{server.url}/docs")
    return page


def test_an_operation_is_opened_and_tried_out(browser: Browser, server: Server) -> None:
    problems: list[str] = []
    page = open_docs(browser, server, problems)
    expect(page.locator(".opblock-summary", has_text="/v1/colorize")).to_be_visible()
    operation = page.locator(".opblock", has=page.locator('[data-path="/v1/models"]'))
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text('"default": true')
    page.close()
    assert problems == []


def test_a_photograph_is_colorized_there(browser: Browser, server: Server) -> None:
    problems: list[str] = []
    page = open_docs(browser, server, problems)
    operation = page.locator(".opblock", has=page.locator('[data-path="/v1/colorize"]'))
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    photo: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": photo_file()}
    operation.locator("input[type=file]").set_input_files(photo)
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    image = answer.locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("each => each.naturalWidth") == 48
    page.close()
    assert problems == []
