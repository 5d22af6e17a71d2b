"""A driver of the page in a browser: what a user does, and what the stage shows."""

from __future__ import annotations

import base64
from importlib.resources import files
from io import BytesIO
from mimetypes import guess_type
from typing import TYPE_CHECKING, Any, Protocol, cast
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

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
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


def make_photo(
    name: str = "chelsea.png",
    format: str = "JPEG",  # noqa: A002 - Pillow's word for it
    *,
    size: tuple[int, int] | None = None,
    **options: Any,
) -> bytes:
    """Create the file of a gray photograph from scikit-image."""
    with Image.open(f"{skimage.__path__[0]}/data/{name}") as image:
        gray = image.convert("L")
        file = BytesIO()
        (gray.resize(size) if size else gray).save(file, format, **options)
    return file.getvalue()


class PageDriver:
    """The page, with its requests and console errors.

    Args:
        page: A blank page of the browser.
        url: The address of the service.
        folder: The folder for screenshots.

    Attributes:
        requests: All requests of the page.
        errors: All exceptions, and all errors and warnings in the console.
        expected: Parts of those errors that the test expects.
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
        page.on("console", self._record)

    def _record(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def open(self) -> PageDriver:
        """Load the page and wait until it is ready."""
        self.page.goto(self.url)
        expect(self.page.locator("html")).to_have_attribute("data-ready", "true")
        return self

    def assert_clean(self) -> None:
        """Assert that there were no unexpected errors, and no requests to other hosts."""
        errors = [error for error in self.errors if not any(e in error for e in self.expected)]
        assert errors == [], errors
        hosts = {urlsplit(request.url).netloc for request in self.requests}
        assert hosts <= {urlsplit(self.url).netloc, ""}, hosts  # "" is of blobs and data

    def find(self, selector: str) -> Locator:
        """Find elements of the page."""
        return self.page.locator(selector)

    def drop(self, *files: File) -> None:
        """Drop files onto the page."""
        coded = [
            [name, guess_type(name)[0] or "", base64.b64encode(content).decode()]
            for name, content in files
        ]
        self.page.evaluate(_DROP, coded)

    def wait_colored(self) -> PageDriver:
        """Wait until the stage shows all colors."""
        expect(self.find("#canvas")).to_have_attribute("data-drawn", "color")
        return self

    def wait_ready(self, count: int = 1) -> PageDriver:
        """Wait until `count` photographs are ready for download."""
        expect(self.find("#photos > [data-stage=done]")).to_have_count(count)
        return self

    def add_photo(self, content: bytes | None = None, name: str = "cat.jpg") -> PageDriver:
        """Drop a photograph and wait until it is done."""
        self.drop((name, content or make_photo()))
        return self.wait_colored().wait_ready()

    def download(self, selector: str = "#download") -> tuple[str, bytes]:
        """Click a button and return the name and the content of the file it saves."""
        with self.page.expect_download() as waiting:
            self.find(selector).click()
        return read_download(waiting.value)

    def adjust(self, **adjustments: float) -> None:
        """Set sliders."""
        for name, value in adjustments.items():
            self.find(f"#{name}").fill(str(value))

    def show_pixels(self) -> None:
        """Show the colored image at its actual size."""
        self.find("#zoom-actual").click()
        self.find("#divider").press("Home")
        self.wait_settled()

    def wait_settled(self) -> None:
        """Wait until the preview is up to date and nothing moves."""
        expect(self.find("#stage")).to_have_attribute("aria-busy", "false")
        self.page.wait_for_timeout(200)
        self.wait_colored()

    def pixels(self) -> NDArray[np.uint8]:
        """Read the pixels of the image on the stage, (H, W, 3)."""
        width, height, data = self.find("#canvas").evaluate(_PIXELS)
        rgba = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
        rows, columns = (np.flatnonzero(rgba[..., 3].any(axis=axis)) for axis in (1, 0))
        return rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, :3]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Convert fractions of the fitted image to window coordinates."""
        box = self.find("#canvas").bounding_box()
        assert box is not None
        size = self.find("#canvas").evaluate("(c) => [c.width, c.height]")
        shown = self.pixels().shape
        left = box["x"] + (size[0] - shown[1]) / 2 * box["width"] / size[0]
        top = box["y"] + (size[1] - shown[0]) / 2 * box["height"] / size[1]
        scale = box["width"] / size[0]
        return left + x * shown[1] * scale, top + y * shown[0] * scale

    def correct(self, x: float = 0.5, y: float = 0.5, swatch: int = 1) -> str:
        """Choose one of the suggested colors for a point, and return it."""
        self.find("#tab-correct").click()
        self.page.mouse.click(*self.point(x, y))
        button = self.find("#swatches button").nth(swatch)
        color = button.get_attribute("value")
        button.click()
        return cast("str", color)

    def wait_for_route(self, routes: list[Route]) -> Route:
        """Wait until a request is held, and return the first."""

        def is_held() -> bool:
            self.page.wait_for_timeout(20)
            return bool(routes)

        wait_until(is_held)
        return routes[0]

    def requests_to(self, path: str) -> list[Request]:
        """List the requests to a path."""
        return [request for request in self.requests if urlsplit(request.url).path == path]

    def screenshot(self, name: str) -> Path:
        """Save a screenshot."""
        path = self._folder / f"{name}.png"
        self.page.screenshot(path=path)
        return path


def read_download(download: Download) -> tuple[str, bytes]:
    """Read the name and the content of a file that the browser saved."""
    return download.suggested_filename, download.path().read_bytes()


def decode_rgb(data: bytes) -> NDArray[np.uint8]:
    """Decode the RGB pixels of an image file."""
    return np.asarray(opened(data).convert("RGB"))


class Scriptable(Protocol):
    """A page of any browser, as far as all drivers agree."""

    def goto(self, url: str, /) -> object:
        """Load a page."""

    def evaluate(self, function: str, argument: Any = None, /) -> Any:
        """Call a JavaScript function."""


def axe_violations(page: PageDriver | Scriptable) -> list[str]:
    """Run axe-core and describe the violations it finds."""
    page = page.page if isinstance(page, PageDriver) else page
    page.evaluate(f"() => {{ {_AXE}; }}")
    found = page.evaluate(
        "async (values) => (await axe.run({ runOnly: { type: 'tag', values } })).violations", _RULES
    )
    return [f"{one['id']}: {[n['html'][:90] for n in one['nodes']]}" for one in found]
