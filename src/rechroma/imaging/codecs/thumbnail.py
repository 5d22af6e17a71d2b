"""Reads pictures of any size as small ones in color, for data sets and for a look at them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import cv2
import numpy as np
from PIL import Image

from rechroma.error_context import error_context
from rechroma.imaging import grayscale
from rechroma.imaging.codecs.decode import format_of, upright
from rechroma.imaging.codecs.open import any_size, check_size, decoding, name_of, opened, recognized
from rechroma.imaging.metadata.container import orientation_of
from rechroma.imaging.metadata.icc import Profile
from rechroma.options import MAX_PIXELS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_WHITE = (255, 255, 255, 255)


def read_rgb_thumbnail(
    source: Path | bytes | BinaryIO,
    side: int,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> NDArray[np.uint8]:
    """Read a picture in color, in sRGB and upright; of an animation the first picture.

    A large JPEG is decoded at a fraction of its size. What is clear becomes white.

    Args:
        source: A path, a file's content, or a stream opened for bytes.
        side: The short side of the result in pixels; a smaller picture stays as it is.
        max_pixels: The most pixels to decode. They are counted before.
        name: What errors call the picture; by default the file's name.

    Returns:
        (H, W, 3) uint8; H and W in the proportions of the source.

    Raises:
        SourceError: The file is missing, a folder, or may not be read.
        InputError: It is no picture, is damaged, is too small or too large to be read.
        MissingExtraError: A HEIC picture, and pillow-heif is not installed.
    """
    name = name or name_of(source)
    with error_context(name), opened(source, name) as file:
        image = recognized(file)
        with decoding(), any_size():
            image.draft(None, (2 * side, 2 * side))
            check_size(image.size, max_pixels)
            image.load()
        orientation = orientation_of(image)
        with decoding():
            return upright(_shrunk(_colors(image), side), orientation)


def sniff(data: bytes) -> str:
    """The format of a file's content, by Pillow's name.

    Raises:
        InputError: It is no picture, or its header is damaged.
        MissingExtraError: A HEIC picture, and pillow-heif is not installed.
    """
    return format_of(recognized(BytesIO(data)))


def _colors(image: Image.Image) -> NDArray[np.uint8]:
    icc = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        levels = (grayscale.of_numbers(np.asarray(image)) >> 8).astype(np.uint8)
        return np.repeat(levels[..., None], 3, axis=2)
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, _WHITE), clear).convert("RGB")
    return np.asarray(Profile(icc if isinstance(icc, bytes) else None).to_srgb(image), np.uint8)


def _shrunk(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    factor = side / min(height, width)
    if factor >= 1:
        return rgb
    size = (max(side, round(width * factor)), max(side, round(height * factor)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
