"""Grayscale conversion that preserves luminance, to sRGB-encoded gray.

Gray input stays exactly as it was. Colors are converted in strips of rows, so that there is never
a float copy of the whole image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from rechroma.color.lab import from_float, gray_of_luminance, luminance
from rechroma.errors import UnsupportedImageError
from rechroma.parallel import STRIP_PIXELS, map_in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from rechroma.imaging.metadata.icc import Profile
    from rechroma.imaging.photo import UIntImage

_MAX_UINT16 = 65535
_MAX_GRAY_SPREAD = 6 / 255  # of full range: lossy compression's spread of gray channels


def gray_from_image(image: Image, profile: Profile) -> tuple[UIntImage, bool]:
    """Convert a decoded image without alpha to gray.

    Args:
        image: In any of Pillow's modes.
        profile: The image's own profile.

    Returns:
        (H, W) uint8, or uint16 for modes with more than 8 bits; and whether it had color.

    Raises:
        UnsupportedImageError: Integers beyond 16 bits, or floats outside 0..1.
    """
    if image.mode == "RGB":
        return gray_from_rgb(np.asarray(image), profile)
    if image.mode in ("1", "L"):
        return profile.tone(np.asarray(image.convert("L"))), False
    if image.mode.startswith("I") or image.mode == "F":
        return profile.tone(to_uint16(np.asarray(image))), False
    return gray_from_rgb(np.asarray(profile.to_srgb(image)))


def gray_from_rgb(
    rgb: UIntImage, profile: Profile | None = None, *, threads: int = 1
) -> tuple[UIntImage, bool]:
    """Convert colors to gray of the same luminance.

    Args:
        rgb: (H, W, 3) uint8 or uint16.
        profile: The colors' profile; None for sRGB.
        threads: Number of threads that convert.

    Returns:
        (H, W) of the same dtype, and whether it had color: more than lossy compression leaves in
        gray.
    """
    gray = np.empty(rgb.shape[:2], rgb.dtype)
    step = max(1, STRIP_PIXELS // rgb.shape[1])

    def convert(top: int) -> bool:
        """Convert a strip; returns whether it had color."""
        strip = cast("UIntImage", np.ascontiguousarray(rgb[top : top + step]))
        spread = _spread(strip)
        if not spread.any():
            neutral = strip[..., 0]
            gray[top : top + step] = profile.tone(neutral) if profile else neutral
            return False
        light = profile.luminance(strip) if profile else luminance(strip)
        gray[top : top + step] = gray_of_luminance(light, rgb.dtype)
        return bool(spread.max() > _MAX_GRAY_SPREAD * np.iinfo(rgb.dtype).max)

    colored = list(map_in_order(convert, range(0, len(rgb), step), threads))
    return cast("UIntImage", gray), any(colored)


def _spread(rgb: UIntImage) -> UIntImage:
    """Return the differences between the largest and the smallest channel of pixels (H, W, 3)."""
    red, green, blue = cv2.split(rgb)
    largest = cv2.max(cv2.max(red, green), blue)
    smallest = cv2.min(cv2.min(red, green), blue)
    return cast("UIntImage", largest - smallest)


def to_uint16(samples: NDArray[Any]) -> UIntImage:
    """Convert samples of another dtype, of any shape, to 16-bit levels.

    Args:
        samples: Integers in 0..65535, or floats in 0..1.

    Raises:
        UnsupportedImageError: A sample out of range or NaN.
    """
    is_integer = np.issubdtype(samples.dtype, np.integer)
    maximum = _MAX_UINT16 if is_integer else 1
    if not (samples.min() >= 0 and samples.max() <= maximum):  # written so that NaN fails, too
        raise UnsupportedImageError(
            f"the image has values outside 0..{maximum}",
            hint="Integers can use 16 bits, and floats run from 0 to 1: scale them first.",
        )
    if is_integer:
        return samples.astype(np.uint16, copy=False)
    return cast("UIntImage", from_float(samples.astype(np.float32, copy=False), np.uint16))
