"""The page in a browser, in the words of who uses it."""

from __future__ import annotations

import base64
from io import BytesIO
from mimetypes import guess_type
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import numpy as np
import skimage
from PIL import Image
from playwright.sync_api import expect

from tests.support.service import PATIENCE, opened, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import ConsoleMessage, Download, Locator, Page, Request, Route

File = tuple[str, bytes]

expect.set_options(timeout=PATIENCE * 1000)

_DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, type, content] of files) {
    const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
    data.items.add(new File([bytes], name, { type }));
  }
  for (const type of ["dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true }));
  }
}"""
_PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  let text = "";
  for (let at = 0; at < data.length; at += 8192) {
    text += String.fromCharCode(...data.subarray(at, at + 8192));
  }
  return [width, height, btoa(text)];
}"""


def photograph(
    name: str = "chelsea.png",
    format: str = "JPEG",  # noqa: A002 - Pillow's word for it
    *,
    size: tuple[int, int] | None = None,
    **options: Any,
) -> bytes:
    """The file of a photograph of scikit-image in gray."""
    with Image.open(f"{skimage.__path__[0]}/data/{name}") as image:
        gray = image.convert("L")
        file = BytesIO()
        (gray.resize(size) if size else gray).save(file, format, **options)
    return file.getvalue()


class PageDriver:
    """The page, and what went wrong on it.

    Args:
        page: Of the browser, still empty.
        url: Of the service.
        folder: For screenshots.
    """

    def __init__(self, page: Page, url: str, folder: Path) -> None:
        self.page = page
        self.url = url
        self.requests: list[Request] = []
        self.errors: list[str] = []
        self.expected: tuple[str, ...] = ()
        self._folder = folder
        page.set_default_timeout(PATIENCE * 1000)
        page.on("request", lambda request: self.requests.append(request))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def open(self) -> PageDriver:
        """Load the page and wait until it can be used."""
        self.page.goto(self.url)
        expect(self.page.locator("html")).to_have_attribute("data-ready", "true")
        return self

    def check(self) -> None:
        """See that nothing went wrong, and that nobody else was asked."""
        errors = [error for error in self.errors if not any(e in error for e in self.expected)]
        assert errors == [], errors
        hosts = {urlsplit(request.url).netloc for request in self.requests}
        assert hosts <= {urlsplit(self.url).netloc, ""}, hosts  # "" is of blobs and data

    def find(self, selector: str) -> Locator:
        """An element of the page."""
        return self.page.locator(selector)

    def drop(self, *files: File) -> None:
        """Drop files onto the page."""
        coded = [
            [name, guess_type(name)[0] or "", base64.b64encode(content).decode()]
            for name, content in files
        ]
        self.page.evaluate(_DROP, coded)

    def colored(self) -> PageDriver:
        """Wait until the picture is shown in all its colors."""
        expect(self.find("#canvas")).to_have_attribute("data-drawn", "color")
        return self

    def ready(self, count: int = 1) -> PageDriver:
        """Wait until so many photographs are ready for download."""
        expect(self.find("#photos > [data-stage=done]")).to_have_count(count)
        return self

    def with_photo(self, content: bytes | None = None, name: str = "cat.jpg") -> PageDriver:
        """Drop a photograph and wait for its colors."""
        self.drop((name, content or photograph()))
        return self.colored().ready()

    def download(self, selector: str = "#download") -> tuple[str, bytes]:
        """Press a button and take what the browser saves; gives its name, too."""
        with self.page.expect_download() as waiting:
            self.find(selector).click()
        return saved(waiting.value)

    def turn(self, **knobs: float) -> None:
        """Turn knobs as a hand does: each gets its value, and is let go."""
        for name, value in knobs.items():
            self.find(f"#{name}").fill(str(value))

    def show_pixels(self) -> None:
        """Show every pixel of the picture in color."""
        self.find("#zoom-actual").click()
        self.find("#divider").press("Home")
        self.settled()

    def settled(self) -> None:
        """Wait until nothing moves any more."""
        expect(self.find("#stage")).to_have_attribute("aria-busy", "false")
        self.page.wait_for_timeout(200)
        self.colored()

    def pixels(self) -> NDArray[np.uint8]:
        """What the stage shows, (H, W, 3); what is beside the picture is left out."""
        width, height, data = self.find("#canvas").evaluate(_PIXELS)
        rgba = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
        rows, columns = (np.flatnonzero(rgba[..., 3].any(axis=axis)) for axis in (1, 0))
        return rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, :3]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the fitted picture is in the window."""
        box = self.find("#canvas").bounding_box()
        assert box is not None
        size = self.find("#canvas").evaluate("(c) => [c.width, c.height]")
        shown = self.pixels().shape
        left = box["x"] + (size[0] - shown[1]) / 2 * box["width"] / size[0]
        top = box["y"] + (size[1] - shown[0]) / 2 * box["height"] / size[1]
        scale = box["width"] / size[0]
        return left + x * shown[1] * scale, top + y * shown[0] * scale

    def correct(self, x: float = 0.5, y: float = 0.5, swatch: int = 1) -> str:
        """Choose one of the likely colors for a place; gives it."""
        self.find("#tab-correct").click()
        self.page.mouse.click(*self.point(x, y))
        button = self.find("#swatches button").nth(swatch)
        color = button.get_attribute("value")
        button.click()
        return cast("str", color)

    def first_of(self, routes: list[Route]) -> Route:
        """Wait until a request is held; gives the first."""

        def is_held() -> bool:
            self.page.wait_for_timeout(20)
            return bool(routes)

        wait_until(is_held)
        return routes[0]

    def sent(self, path: str) -> list[Request]:
        """The requests with a path."""
        return [request for request in self.requests if urlsplit(request.url).path == path]

    def shoot(self, name: str) -> Path:
        """Keep a screenshot."""
        path = self._folder / f"{name}.png"
        self.page.screenshot(path=path)
        return path


def saved(download: Download) -> tuple[str, bytes]:
    """The name and the content of what the browser saved."""
    return download.suggested_filename, download.path().read_bytes()


def rgb(data: bytes) -> NDArray[np.uint8]:
    """The pixels of a picture's file."""
    return np.asarray(opened(data).convert("RGB"))
