"""Results around a kept luma, as Chromium decodes them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from rechroma.colorizer import Colorizer
from tests.support.fake_engine import FakeEngine
from tests.support.gray_jpegs import SYNTAX, encode, texture

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DECODE = """async (url) => {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.width, canvas.height, btoa(String.fromCharCode(...data))];
}"""


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"restart_marker_blocks": 3},
        {"progressive": True, "restart_marker_rows": 1},
        {"orientation": 6},
    ],
)
def test_chromium_shows_what_pillow_does(browser: Browser, options: dict[str, Any]) -> None:
    exif = Image.Exif()
    exif[0x0112] = options.pop("orientation", 1)
    data = encode(texture(131, 77), exif=exif, **options)
    colorizer = Colorizer(engine=FakeEngine())
    files = [data, *(change(data) for change in SYNTAX.values())]
    page = browser.new_page()
    for file in files:
        content = colorizer.colorize_bytes(file, keep_luma=True).content
        url = f"data:image/jpeg;base64,{b64encode(content).decode()}"
        width, height, pixels = page.evaluate(DECODE, url)
        shown = np.frombuffer(b64decode(pixels), np.uint8).reshape(height, width, 4)[..., :3]
        with Image.open(BytesIO(content)) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        np.testing.assert_array_equal(shown, expected)
    page.close()
