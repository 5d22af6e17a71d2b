"""How long the page lets one wait: from the start, after a drop, and after a correction.

    python benchmarks/page.py [--repeat N] [--hints N]

It starts `rechroma app` and Debian's Chromium, without a window. All is measured in the page, until
the colors stand on its canvas; the pictures are samples of scikit-image, tiled for 12 megapixels.
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

_CALM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
# From an action to the next time that colors are drawn, in milliseconds.
_UNTIL_DRAWN = """(act) => new Promise((resolve) => {
  const canvas = document.querySelector("#canvas");
  const began = performance.now();
  const watch = new MutationObserver(() => {
    if (!["draft", "color"].includes(canvas.dataset.drawn)) return;
    watch.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - began));
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
  for (let turn = 0; turn < 12; turn++) {
    const began = performance.now();
    paint({ ...size, data }, chroma, whole, new Uint8ClampedArray(4e6));
    times.push(performance.now() - began);
  }
  return times.slice(2);
}"""


def main() -> None:
    """Print the figures."""
    arguments = _arguments()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=_CALM)
        starts = [_start_to_colors(browser) for _ in range(arguments.repeat)]
        _say("rechroma app to the colors of a sample", starts)
        with _app() as url:
            big = _big_photo()
            _say("12 megapixels, drop to picture", [_drop(browser, url, big)[0] for _ in range(2)])
            drops = [_drop(browser, url, big)[1] for _ in range(arguments.repeat)]
            _say("12 megapixels, drop to colors", drops)
            page = _opened(browser, url)
            _say("1 megapixel painted", [t / 1000 for t in page.evaluate(_PAINT)])
            _say("a correction, until it is seen", _corrections(page, arguments.hints))
        browser.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--hints", type=int, default=40)
    return parser.parse_args()


def _chromium() -> str:
    return shutil.which("chromium") or sys.exit("there is no chromium")


@contextmanager
def _app() -> Iterator[str]:
    """The address of a `rechroma app`."""
    command = [sys.executable, "-m", "rechroma", "app", "--no-browser", "--port", "0"]
    app = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = app.stderr.readline() if app.stderr else ""
        found = re.search(r"http://\S+", line)
        yield found[0] if found else sys.exit(line)
    finally:
        app.terminate()
        app.communicate()


def _opened(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector("html[data-ready]")
    return page


def _start_to_colors(browser: Browser) -> float:
    began = perf_counter()
    with _app() as url:
        page = _opened(browser, url)
        page.wait_for_selector("#samples button")
        _click_and_wait(page, "#samples button")
        seconds = perf_counter() - began
        page.close()
    return seconds


def _click_and_wait(page: Page, selector: str) -> float:
    act = f"() => document.querySelector({selector!r}).click()"
    milliseconds: float = page.evaluate(f"() => ({_UNTIL_DRAWN})({act})")
    return milliseconds / 1000


def _big_photo() -> str:
    """A gray JPEG with as much detail per pixel as a photograph has, as base64."""
    with Image.open(f"{skimage.__path__[0]}/data/coffee.png") as image:
        tile = np.asarray(image.convert("L"))
    rows, columns = -(-3000 // tile.shape[0]), -(-4000 // tile.shape[1])
    file = BytesIO()
    Image.fromarray(np.tile(tile, (rows, columns))[:3000, :4000]).save(file, "JPEG", quality=92)
    return base64.b64encode(file.getvalue()).decode()


def _drop(browser: Browser, url: str, photo: str) -> tuple[float, float]:
    """Seconds to the picture as it came, and to its colors."""
    page = _opened(browser, url)
    page.evaluate(
        """(photo) => {
          const bytes = Uint8Array.from(atob(photo), (sign) => sign.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], "big.jpg", { type: "image/jpeg" }));
          const canvas = document.querySelector("#canvas");
          window.times = {};
          new MutationObserver(() => {
            const { drawn } = canvas.dataset;
            if (drawn) times[drawn] ??= performance.now() - times.began;
          }).observe(canvas, { attributeFilter: ["data-drawn"] });
          times.began = performance.now();
          const event = new DragEvent("drop", { dataTransfer: data, bubbles: true });
          document.body.dispatchEvent(event);
        }""",
        photo,
    )
    page.wait_for_selector("#download:enabled")
    times = page.evaluate("times")
    page.close()
    return times["before"] / 1000, min(times["draft"], times["color"]) / 1000


def _corrections(page: Page, count: int) -> list[float]:
    """Seconds from the choice of a color to the picture with it."""
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


def _say(what: str, seconds: list[float]) -> None:
    high = np.percentile(seconds, 95)
    print(f"{what}: median {median(seconds):.3f} s, 95 % below {high:.3f} s, n = {len(seconds)}")


if __name__ == "__main__":
    main()
