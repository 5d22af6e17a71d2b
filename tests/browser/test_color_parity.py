"""The color conversions of the page against those of the package."""

from __future__ import annotations

from dataclasses import asdict
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.color import deltaE_ciede2000

from rechroma.color import lab_to_srgb, lightness, map_to_gamut, srgb_to_lab
from rechroma.color.render import adjust_chroma, render_srgb
from rechroma.imaging import ChromaUpsampler, Photo, write_subsampled
from rechroma.options import Adjustments
from tests.support.page_driver import PageDriver


def run(driver: PageDriver, body: str, argument: object = None) -> Any:
    """Run JavaScript with the modules `colorspace.js` and `render.js`."""
    return driver.page.evaluate(
        f"""async (given) => {{
          const color = await import("/static/js/color/colorspace.js");
          const render = await import("/static/js/color/render.js");
          {body}
        }}""",
        argument,
    )


def test_lightness_matches_the_package(driver: PageDriver) -> None:
    found = run(driver, "return Array.from({ length: 256 }, (_, level) => color.lightness(level));")
    assert np.allclose(found, lightness(np.arange(256, dtype=np.uint8)[None])[0], atol=1e-3)


def test_hex_round_trips(driver: PageDriver) -> None:
    rng = np.random.default_rng(6)
    colors = rng.integers(0, 256, (200, 3), dtype=np.uint8)
    names = [f"#{bytes(color).hex()}" for color in colors]
    labs = run(driver, "return given.map(color.hexToLab);", names)
    assert np.allclose(labs, srgb_to_lab(colors), atol=1e-2)
    back = run(driver, "return given.map((lab) => color.labToHex(...lab));", labs)
    assert back == names


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"saturation": 2.0},
        {"warmth": -1.0},
        {"saturation": 0.4, "warmth": 0.5, "blend": 0.3},
    ],
)
def test_adjust_chroma_matches_the_package(driver: PageDriver, values: dict[str, float]) -> None:
    rng = np.random.default_rng(7)
    ab = rng.normal(0, 30, (100, 2)).astype(np.float32)
    ab[0] = 0
    adjustments = Adjustments(**values)
    body = """
      return Array.from(color.adjustChroma(new Float32Array(given.ab), given.adjustments));
    """
    found = run(driver, body, {"ab": ab.ravel().tolist(), "adjustments": asdict(adjustments)})
    assert np.allclose(found, adjust_chroma(ab, adjustments).ravel(), atol=1e-3)


def test_paint_matches_the_package(driver: PageDriver) -> None:
    rng = np.random.default_rng(8)
    height, width = 90, 130
    gray = rng.integers(0, 256, (height, width), dtype=np.uint8)
    chroma = rng.normal(0, 35, (6, 9, 2)).astype(np.float32)
    body = """
      const data = new Uint8ClampedArray(given.gray.flatMap((level) => [level, level, level, 255]));
      const out = new Uint8ClampedArray(data.length);
      const chroma = { width: 9, height: 6, data: new Float32Array(given.chroma) };
      const gray = { width: given.width, height: data.length / 4 / given.width, data };
      render.paint(gray, chroma, given.region, out);
      return Array.from(out);
    """
    whole = {"x": 0, "y": 0, "width": 1, "height": 1}
    asked = {"gray": gray.ravel().tolist(), "chroma": chroma.ravel().tolist(), "width": width}
    found = np.reshape(run(driver, body, asked | {"region": whole}), (height, width, 4))
    expected = render_srgb(gray, ChromaUpsampler(chroma, (height, width)).strip(slice(0, height)))
    off = np.abs(found[..., :3] - expected.astype(int))
    assert off.max() <= 3
    assert off.mean() < 0.2
    part = {"x": 0.5, "y": 0, "width": 0.5, "height": 1}  # the right half, as when zoomed in
    half = {"gray": gray[:, 65:].ravel().tolist(), "width": 65, "region": part}
    right = np.reshape(run(driver, body, asked | half), (height, 65, 4))
    assert np.abs(right - found[:, 65:]).max() <= 1


def test_paint_matches_a_jpeg(driver: PageDriver) -> None:
    height, width = 90, 130
    noise = np.random.default_rng(8).integers(0, 256, (height, width), dtype=np.uint8)
    gray = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)
    chroma = np.random.default_rng(9).normal(0, 25, (6, 9, 2)).astype(np.float32)
    body = """
      const data = new Uint8ClampedArray(given.gray.flatMap((level) => [level, level, level, 255]));
      const out = new Uint8ClampedArray(data.length);
      const chroma = { width: 9, height: 6, data: new Float32Array(given.chroma) };
      const gray = { width: given.width, height: data.length / 4 / given.width, data };
      render.paint(gray, chroma, { x: 0, y: 0, width: 1, height: 1 }, out);
      return Array.from(out);
    """
    asked = {"gray": gray.ravel().tolist(), "chroma": chroma.ravel().tolist(), "width": width}
    shown = np.reshape(run(driver, body, asked), (height, width, 4))[..., :3].astype(np.uint8)
    file = BytesIO()
    write_subsampled(file, Photo(gray, format="JPEG"), chroma, quality=100)
    with Image.open(file) as image:
        written = np.asarray(image)
    labs = [srgb_to_lab(rgb).astype(np.float64) for rgb in (shown, written)]
    assert deltaE_ciede2000(*labs).mean() < 1


def test_gamut_matches_the_package(driver: PageDriver) -> None:
    rng = np.random.default_rng(9)
    lab = np.column_stack([rng.uniform(2, 98, 300), rng.normal(0, 70, (300, 2))]).astype(np.float32)
    names = run(driver, "return given.map((lab) => color.labToHex(...lab));", lab.tolist())
    found = np.array([list(bytes.fromhex(name[1:])) for name in names])
    expected = lab_to_srgb(map_to_gamut(lab), np.uint8)
    assert np.abs(found - expected.astype(int)).max() <= 3
    shown = run(driver, "return given.map((lab) => color.isInGamut(...lab));", lab.tolist())
    assert np.array_equal(shown, np.all(np.isclose(map_to_gamut(lab), lab), axis=1))
