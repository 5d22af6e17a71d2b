"""Pixels of every kind to sRGB-encoded gray with the same luminance.

Gray stays exactly what it was. Colors are turned to gray in strips of rows, so that there never
is a float copy of the whole picture.
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
_ALL_16_BITS = 65535
_SPREAD = 6 / 255  # between the channels of a gray pixel after lossy compression, of full range


def of_image(image: Image, profile: Profile) -> tuple[UIntImage, bool]:
    """The gray of a decoded picture without alpha.

    Args:
        image: Any of Pillow's modes.
        profile: The profile that came with it.

    Returns:
        (H, W) uint8, or uint16 for modes with more than 8 bits; and whether there was color.

    Raises:
        UnsupportedImageError: Whole numbers beyond 16 bits, or floats outside 0..1.
    """
    if image.mode == "RGB":
        return of_rgb(np.asarray(image), profile)
    if image.mode in ("1", "L"):
        return profile.tone(np.asarray(image.convert("L"))), False
    if image.mode.startswith("I") or image.mode == "F":
        return profile.tone(of_numbers(np.asarray(image))), False
    return of_rgb(np.asarray(profile.to_srgb(image)))


def of_rgb(rgb: UIntImage, profile: Profile | None = None) -> tuple[UIntImage, bool]:
    """The gray of an array of colors.

    Args:
        rgb: (H, W, 3) uint8 or uint16.
        profile: What the numbers mean; sRGB if None.

    Returns:
        (H, W) of the same type, and whether there was color: more of it than lossy compression
        makes of gray.
    """
    gray = np.empty(rgb.shape[:2], rgb.dtype)
    rows = max(1, _STRIP_PIXELS // rgb.shape[1])
    had_color = False
    for top in range(0, len(rgb), rows):
        strip = rgb[top : top + rows]
        if _is_neutral(strip):
            gray[top : top + rows] = profile.tone(strip[..., 0]) if profile else strip[..., 0]
        else:
            had_color = had_color or _is_colored(strip)
            colors = profile.colors(strip) if profile else strip
            gray[top : top + rows] = from_float(to_encoded(luminance(colors)), rgb.dtype)
    return cast("UIntImage", gray), had_color


def of_numbers(numbers: NDArray[Any]) -> UIntImage:
    """Numbers of other types, of any shape, as levels of 16 bit.

    Args:
        numbers: Whole numbers of 0..65535, or floats of 0..1.

    Raises:
        UnsupportedImageError: A number outside the range, or not a number at all.
    """
    whole = np.issubdtype(numbers.dtype, np.integer)
    top = _ALL_16_BITS if whole else 1
    if not (numbers.min() >= 0 and numbers.max() <= top):  # written so that NaN is refused too
        raise UnsupportedImageError(
            f"the picture's numbers go beyond 0..{top}",
            hint="Whole numbers may take 16 bits, floats run from 0 to 1: scale them first.",
        )
    if whole:
        return numbers.astype(np.uint16, copy=False)
    return cast("UIntImage", from_float(numbers.astype(np.float32, copy=False), np.uint16))


def _is_neutral(rgb: UIntImage) -> bool:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    return bool(np.array_equal(red, green) and np.array_equal(red, blue))


def _is_colored(rgb: UIntImage) -> bool:
    return bool(np.ptp(rgb, axis=-1).max() > _SPREAD * np.iinfo(rgb.dtype).max)
