"""Times and memory of the static site, next to the same work of the installed package.

    python benchmarks/site.py [--repeat N]

It writes the site of the bundled model, serves it on this computer, and opens it with Debian's
Chromium, headless. Times of the site are those of a user: from an action until colors are on the
canvas, or the download is ready; the connection is not throttled. The time of the processor is less
the matter of what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import skimage
from PIL import Image
from playwright.sync_api import sync_playwright

from rechroma import Colorizer
from rechroma.models import find_model
from rechroma.web.site import write_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from playwright.sync_api import Browser, Page

_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:  # noqa: ANN401
        """Print nothing."""


def main() -> None:
    """Measure and print all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5, help="runs of each measurement")
    repeat = parser.parse_args().repeat
    with TemporaryDirectory() as folder:
        large = {kind: _write_tiled_photo(Path(folder), kind) for kind in ("JPEG", "PNG")}
        _measure_site(large, repeat)
        _measure_package(large, repeat)


def _measure_site(large: Mapping[str, Path], repeat: int) -> None:
    with TemporaryDirectory() as folder, _host(folder) as url, sync_playwright() as playwright:
        site = write_site(Path(folder), find_model())
        print(f"first visit: {site.first_visit / 1e6:.1f} MB, packed")
        browser = playwright.chromium.launch(executable_path=_chromium(), args=list(_ARGUMENTS))
        first, second = zip(*(_measure_start(browser, url) for _ in range(repeat)), strict=True)
        _print("first visit, to the colors of a sample", first)
        _print("second visit, to the colors of a sample", second)
        page = _open_page(browser, url)
        _color_sample(page)  # so that the model is ready
        for kind, photo in large.items():
            times = [_measure_photo(page, photo) for _ in range(repeat)]
            colors, ready, used = zip(*times, strict=True)
            _print(f"12 megapixels {kind}, choice to the colors", colors)
            _print(f"12 megapixels {kind}, choice to the download", ready)
            _print(f"12 megapixels {kind}, time of the processor", used)
        print(f"memory of the page's process, peak: {_renderer().peak / 1e6:.0f} MB")
        browser.close()


def _measure_package(large: Mapping[str, Path], repeat: int) -> None:
    colorizer = Colorizer(provider="cpu", threads=1)
    for kind, photo in large.items():
        times = [_time(partial(colorizer.colorize, photo.read_bytes())) for _ in range(repeat)]
        elapsed, used = zip(*times, strict=True)
        _print(f"12 megapixels {kind}, the package in one thread", elapsed)
        _print(f"12 megapixels {kind}, time of the processor", used)


@contextmanager
def _host(folder: str) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def _chromium() -> str:
    return shutil.which("chromium") or sys.exit("chromium is not installed")


def _write_tiled_photo(folder: Path, kind: str) -> Path:
    """Write a gray photograph of 12 megapixels with the detail per pixel of a photograph."""
    with Image.open(f"{skimage.__path__[0]}/data/coffee.png") as image:
        tile = np.asarray(image.convert("L"))
    rows, columns = -(-3000 // tile.shape[0]), -(-4000 // tile.shape[1])
    path = folder / f"large.{kind.lower()}"
    Image.fromarray(np.tile(tile, (rows, columns))[:3000, :4000]).save(path, kind, quality=92)
    return path


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
        seconds.append(_color_sample(page) - start)
        page.evaluate("navigator.serviceWorker.ready.then(() => {})")
        page.wait_for_timeout(500)
        page.close()
    context.close()
    return seconds[0], seconds[1]


def _color_sample(page: Page) -> float:
    """Color a sample and remove it; return the moment when its colors were there."""
    page.click("#samples button")
    page.wait_for_selector("#canvas[data-drawn=color]")
    moment = perf_counter()
    page.wait_for_selector("#photos [data-stage=done]")
    page.click("#photos .remove")
    page.wait_for_timeout(300)
    return moment


def _measure_photo(page: Page, photo: Path) -> tuple[float, float, float]:
    """Measure from the choice of a file to the colors, to the download, and the processor."""
    start, used = perf_counter(), _renderer().seconds
    page.set_input_files("#files", photo)
    page.wait_for_selector("#canvas[data-drawn=color]")
    colors = perf_counter() - start
    page.wait_for_selector("#photos [data-stage=done]")
    ready, used = perf_counter() - start, _renderer().seconds - used
    page.click("#photos .remove")
    page.wait_for_timeout(300)
    return colors, ready, used


@dataclass(frozen=True)
class _Process:
    """The largest process of the browser that shows pages.

    Attributes:
        peak: Peak resident memory in bytes.
        seconds: Time of the processor, of all such processes.
    """

    peak: int
    seconds: float


def _renderer() -> _Process:
    parents, stats = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            command = (folder / "cmdline").read_bytes()
            peak = re.search(r"VmHWM:\s*(\d+)", (folder / "status").read_text())
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        if b"--type=renderer" in command and peak:
            ticks = int(fields[11]) + int(fields[12])
            stats[int(folder.name)] = (int(peak[1]) * 1024, ticks / os.sysconf("SC_CLK_TCK"))
    own = [stat for process, stat in stats.items() if _is_below(process, os.getpid(), parents)]
    return _Process(max(peak for peak, _ in own), sum(seconds for _, seconds in own))


def _is_below(process: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    while process in parents and process != ancestor:
        process = parents[process]
    return process == ancestor


def _time(act: Callable[[], object]) -> tuple[float, float]:
    start, used = perf_counter(), process_time()
    act()
    return perf_counter() - start, process_time() - used


def _print(name: str, seconds: tuple[float, ...]) -> None:
    print(f"{name}: median {median(seconds):.2f} s, n = {len(seconds)}")


if __name__ == "__main__":
    main()
