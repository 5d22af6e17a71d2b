"""Times and memory of the static site, next to the same work of the installed package.

    python benchmarks/site.py [--repeat N]

It writes the site of the bundled model, serves it on this computer, and opens it with Debian's
Chromium, headless. Times of the site are those of a user: from an action until colors are on the
canvas, or the download is ready. The network itself is not throttled.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import sys
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import skimage
from PIL import Image
from playwright.sync_api import sync_playwright

from rechroma import Colorizer
from rechroma.models import find_model
from rechroma.web.site import write_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
_ADD = """([name, type, content]) => {
  const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:  # noqa: ANN401
        """Print nothing."""


def main() -> None:
    """Measure and print all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5, help="runs of each measurement")
    repeat = parser.parse_args().repeat
    large = {kind: _tiled_photo(kind) for kind in ("JPEG", "PNG")}
    with TemporaryDirectory() as folder, _host(folder) as url, sync_playwright() as playwright:
        site = write_site(Path(folder), find_model())
        print(f"first visit: {site.first_visit / 1e6:.1f} MB, packed")
        browser = playwright.chromium.launch(executable_path=_chromium(), args=list(_ARGUMENTS))
        first, second = zip(*(_measure_start(browser, url) for _ in range(repeat)), strict=True)
        _print("first visit, to the colors of a sample", first)
        _print("second visit, to the colors of a sample", second)
        page = _open_page(browser, url)
        for kind, photo in large.items():
            times = [_measure_photo(page, kind, photo) for _ in range(repeat)]
            colors, ready = zip(*times, strict=True)
            _print(f"12 megapixels {kind}, drop to the colors", colors)
            _print(f"12 megapixels {kind}, drop to the download", ready)
        print(f"memory of the page's process, peak: {_peak_memory() / 1e6:.0f} MB")
        browser.close()
    colorizer = Colorizer(provider="cpu", threads=1)
    for kind, photo in large.items():
        work = partial(colorizer.colorize, photo)
        _print(
            f"12 megapixels {kind}, the package in one thread", [_time(work) for _ in range(repeat)]
        )


@contextmanager
def _host(folder: str) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def _chromium() -> str:
    return shutil.which("chromium") or sys.exit("chromium is not installed")


def _tiled_photo(kind: str) -> bytes:
    """Create a gray photograph of 12 megapixels with the detail per pixel of a photograph."""
    with Image.open(f"{skimage.__path__[0]}/data/coffee.png") as image:
        tile = np.asarray(image.convert("L"))
    rows, columns = -(-3000 // tile.shape[0]), -(-4000 // tile.shape[1])
    file = BytesIO()
    Image.fromarray(np.tile(tile, (rows, columns))[:3000, :4000]).save(file, kind, quality=92)
    return file.getvalue()


def _open_page(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_selector("#samples button")
    return page


def _measure_start(browser: Browser, url: str) -> tuple[float, float]:
    """Measure the first and the second visit, from the address to the colors of a sample."""
    context = browser.new_context()
    seconds = []
    for _ in range(2):
        start = perf_counter()
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(url)
        page.click("#samples button")
        page.wait_for_selector("#canvas[data-drawn=color]")
        seconds.append(perf_counter() - start)
        page.wait_for_selector("#photos [data-stage=done]")
        page.click("#photos .remove")
        page.evaluate("navigator.serviceWorker.ready.then(() => {})")
        page.wait_for_timeout(500)
        page.close()
    context.close()
    return seconds[0], seconds[1]


def _measure_photo(page: Page, kind: str, photo: bytes) -> tuple[float, float]:
    """Measure the time from a drop to the colors, and to the finished download."""
    content = base64.b64encode(photo).decode()
    start = perf_counter()
    page.evaluate(_ADD, [f"large.{kind.lower()}", f"image/{kind.lower()}", content])
    page.wait_for_selector("#canvas[data-drawn=color]")
    colors = perf_counter() - start
    page.wait_for_selector("#photos [data-stage=done]")
    ready = perf_counter() - start
    page.click("#photos .remove")
    page.wait_for_timeout(300)
    return colors, ready


def _peak_memory() -> int:
    """Return the peak resident memory of the largest renderer of Chromium, in bytes."""
    peaks = [0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes()
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (OSError, ValueError):
            continue
        if b"--type=renderer" in command:
            peaks.append(int(lines["VmHWM"].split()[0]) * 1024)
    return max(peaks)


def _time(act: Callable[[], object]) -> float:
    start = perf_counter()
    act()
    return perf_counter() - start


def _print(name: str, seconds: tuple[float, ...] | list[float]) -> None:
    print(f"{name}: median {median(seconds):.2f} s, n = {len(seconds)}")


if __name__ == "__main__":
    main()
