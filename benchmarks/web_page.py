"""Response times of the page: start, drop, and correction.

    python benchmarks/web_page.py [--repeat N] [--hints N]

It starts `rechroma app` and Debian's Chromium, headless. Times are measured in the page, until the
colors are on its canvas; the photographs are samples of scikit-image, tiled to 12 megapixels.
"""

from __future__ import annotations

import argparse
import base64
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from io import BytesIO
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import skimage
from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

_CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
]
# Milliseconds from an action until colors are drawn.
_UNTIL_DRAWN = """(act) => new Promise((resolve) => {
  const canvas = document.querySelector("#canvas");
  const start = performance.now();
  const watch = new MutationObserver(() => {
    if (!["draft", "color"].includes(canvas.dataset.drawn)) return;
    watch.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - start));
  });
  watch.observe(canvas, { attributeFilter: ["data-drawn"] });
  act();
})"""
_PAINT = """async () => {
  const { paint } = await import("/static/js/color/render.js");
  const size = { width: 1000, height: 1000 };
  const data = new Uint8ClampedArray(4e6).map((_, at) => (at % 4 === 3 ? 255 : (at >> 2) % 251));
  const values = Float32Array.from({ length: 2 * 64 * 64 }, (_, at) => 25 * Math.sin(at * 7));
  const chroma = { width: 64, height: 64, data: values };
  const whole = { x: 0, y: 0, width: 1, height: 1 };
  const times = [];
  for (let run = 0; run < 12; run++) {
    const start = performance.now();
    paint({ ...size, data }, chroma, whole, new Uint8ClampedArray(4e6));
    times.push(performance.now() - start);
  }
  return times.slice(2);
}"""


def main() -> None:
    """Measure and print all times."""
    arguments = _arguments()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=_CHROMIUM_ARGS)
        starts = [_measure_start(browser) for _ in range(arguments.repeat)]
        _print_times("start of rechroma app to the colors of a sample", starts)
        with _app() as url:
            photo = _create_photo()
            _print_times(
                "12 megapixels, drop to display",
                [_measure_drop(browser, url, photo)[0] for _ in range(2)],
            )
            drops = [_measure_drop(browser, url, photo)[1] for _ in range(arguments.repeat)]
            _print_times("12 megapixels, drop to colors", drops)
            page = _open_page(browser, url)
            _print_times("one megapixel rendered", [t / 1000 for t in page.evaluate(_PAINT)])
            _print_times(
                "correction, choice to display", _measure_corrections(page, arguments.hints)
            )
        browser.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeat", type=int, default=5, help="runs of each measurement")
    parser.add_argument("--hints", type=int, default=40, help="number of corrections")
    return parser.parse_args()


def _chromium() -> str:
    return shutil.which("chromium") or sys.exit("chromium is not installed")


@contextmanager
def _app() -> Iterator[str]:
    """Run `rechroma app`, and give its address."""
    command = [sys.executable, "-m", "rechroma", "app", "--no-browser", "--port", "0"]
    app = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = app.stderr.readline() if app.stderr else ""
        found = re.search(r"http://\S+", line)
        yield found[0] if found else sys.exit(line)
    finally:
        app.terminate()
        app.communicate()


def _open_page(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector("html[data-ready]")
    return page


def _measure_start(browser: Browser) -> float:
    start = perf_counter()
    with _app() as url:
        page = _open_page(browser, url)
        page.wait_for_selector("#samples button")
        _click_and_wait(page, "#samples button")
        seconds = perf_counter() - start
        page.close()
    return seconds


def _click_and_wait(page: Page, selector: str) -> float:
    act = f"() => document.querySelector({selector!r}).click()"
    milliseconds: float = page.evaluate(f"() => ({_UNTIL_DRAWN})({act})")
    return milliseconds / 1000


def _create_photo() -> str:
    """Create a gray JPEG with the detail per pixel of a photograph, as base64."""
    with Image.open(f"{skimage.__path__[0]}/data/coffee.png") as image:
        tile = np.asarray(image.convert("L"))
    rows, columns = -(-3000 // tile.shape[0]), -(-4000 // tile.shape[1])
    file = BytesIO()
    Image.fromarray(np.tile(tile, (rows, columns))[:3000, :4000]).save(file, "JPEG", quality=92)
    return base64.b64encode(file.getvalue()).decode()


def _measure_drop(browser: Browser, url: str, photo: str) -> tuple[float, float]:
    """Measure the seconds from a drop to the display, and to the colors."""
    page = _open_page(browser, url)
    page.evaluate(
        """(photo) => {
          const bytes = Uint8Array.from(atob(photo), (sign) => sign.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], "big.jpg", { type: "image/jpeg" }));
          const canvas = document.querySelector("#canvas");
          window.times = {};
          new MutationObserver(() => {
            const { drawn } = canvas.dataset;
            if (drawn) times[drawn] ??= performance.now() - times.start;
          }).observe(canvas, { attributeFilter: ["data-drawn"] });
          times.start = performance.now();
          const event = new DragEvent("drop", { dataTransfer: data, bubbles: true });
          document.body.dispatchEvent(event);
        }""",
        photo,
    )
    page.wait_for_selector("#download:enabled")
    times = page.evaluate("times")
    page.close()
    return times["before"] / 1000, min(times["draft"], times["color"]) / 1000


def _measure_corrections(page: Page, count: int) -> list[float]:
    """Measure the seconds from the choice of a color to its display."""
    _click_and_wait(page, "#samples button")
    page.wait_for_selector("#download:enabled")
    page.click("#tab-correct")
    page.set_default_timeout(10_000)
    box = page.locator("#stage").bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
    rng = np.random.default_rng(5)
    seconds = []
    for number in range(count):
        x, y = rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.9)
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        swatch = f"#swatches button:nth-child({1 + number % 4})"
        page.wait_for_selector(f"#swatches[aria-busy=false] button:nth-child({1 + number % 4})")
        page.wait_for_selector("#canvas[data-drawn=color]")
        seconds.append(_click_and_wait(page, swatch))
        _click_and_wait(page, "#clear-hints")
    return seconds


def _print_times(name: str, seconds: list[float]) -> None:
    high = np.percentile(seconds, 95)
    print(f"{name}: median {median(seconds):.3f} s, 95 % below {high:.3f} s, n = {len(seconds)}")


if __name__ == "__main__":
    main()
