"""Color thumbnails of images of any size, for data sets and previews."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import cv2
import numpy as np
from PIL import Image

from rechroma.error_context import error_context
from rechroma.imaging import grayscale
from rechroma.imaging.codecs.decode import apply_orientation
from rechroma.imaging.codecs.open import (
    check_size,
    decode_errors,
    display_name,
    identify,
    no_pixel_limit,
    open_source,
    source_format,
)
from rechroma.imaging.metadata.container import read_orientation
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
    """Read an image as a color thumbnail in sRGB, upright; only the first frame or page.

    A large JPEG is decoded at a fraction of its size. Transparency becomes white.

    Args:
        source: A path, a file's content, or a binary stream.
        side: The short side of the result in pixels; a smaller image keeps its size.
        max_pixels: The pixel limit, checked before decoding.
        name: The image's name in errors; the file's name by default.

    Returns:
        (H, W, 3) uint8, with the source's aspect ratio.

    Raises:
        SourceError: The file is missing, a folder, or not readable.
        InputError: It is not an image, or is damaged, too small or too large.
        MissingExtraError: A HEIC image, and pillow-heif is not installed.
    """
    name = display_name(source) if name is None else name
    with error_context(name), open_source(source, name) as file:
        image = identify(file)
        with decode_errors(), no_pixel_limit():
            image.draft(None, (2 * side, 2 * side))
            check_size(image.size, max_pixels)
            image.load()
        orientation = read_orientation(image)
        with decode_errors():
            return apply_orientation(_downscale(_to_rgb(image), side), orientation)


def sniff(data: bytes) -> str:
    """Detect the format of a file's content; returns Pillow's name.

    Raises:
        InputError: It is not an image, or its header is damaged.
        MissingExtraError: A HEIC image, and pillow-heif is not installed.
    """
    return source_format(identify(BytesIO(data)))


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    icc = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        gray = (grayscale.to_uint16(np.asarray(image)) >> 8).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba).convert("RGB")
    return np.asarray(Profile(icc if isinstance(icc, bytes) else None).to_srgb(image), np.uint8)


def _downscale(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    factor = side / min(height, width)
    if factor >= 1:
        return rgb
    size = (max(side, round(width * factor)), max(side, round(height * factor)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
