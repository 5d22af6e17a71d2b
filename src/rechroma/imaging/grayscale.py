"""Grayscale conversion that preserves luminance, to sRGB-encoded gray.

Gray input stays exactly as it was. Colors are converted in strips of rows, so that there is never
a float copy of the whole image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from rechroma.color.lab import from_float, luminance, to_encoded
from rechroma.errors import UnsupportedImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from rechroma.imaging.metadata.icc import Profile
    from rechroma.imaging.photo import UIntImage

_STRIP_PIXELS = 1 << 18
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


def gray_from_rgb(rgb: UIntImage, profile: Profile | None = None) -> tuple[UIntImage, bool]:
    """Convert colors to gray of the same luminance.

    Args:
        rgb: (H, W, 3) uint8 or uint16.
        profile: The colors' profile; None for sRGB.

    Returns:
        (H, W) of the same dtype, and whether it had color: more than lossy compression leaves in
        gray.
    """
    gray = np.empty(rgb.shape[:2], rgb.dtype)
    rows = max(1, _STRIP_PIXELS // rgb.shape[1])
    was_color = False
    for top in range(0, len(rgb), rows):
        strip = rgb[top : top + rows]
        red, green, blue = strip[..., 0], strip[..., 1], strip[..., 2]
        if np.array_equal(red, green) and np.array_equal(red, blue):
            gray[top : top + rows] = profile.tone(red) if profile else red
        else:
            spread = _MAX_GRAY_SPREAD * np.iinfo(rgb.dtype).max
            was_color = was_color or bool(np.ptp(strip, axis=-1).max() > spread)
            light = profile.luminance(strip) if profile else luminance(strip)
            gray[top : top + rows] = from_float(to_encoded(light), rgb.dtype)
    return cast("UIntImage", gray), was_color


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
