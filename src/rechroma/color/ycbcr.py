"""Rendering of gray and chroma to the Y'CbCr planes of a JPEG: luma at full size, chroma at half.

A JPEG with subsampled chroma (4:2:0) stores one color for each block of 2 x 2 pixels, and predicted
chroma is smooth, so the color is worked out for the block's mean gray level. The luma Y' of a color
differs from the gray level of the same lightness by at most some twenty levels; this offset is
worked out for the block, too, and added to its four levels. Only where both the contrast within a
block and its color are strong would that be visible: there the colors of the darkest and the
lightest of the four levels count as well, and levels between are interpolated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import cv2
import numpy as np

from rechroma.color.render import render_srgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rechroma.color.lab import Float

    Plane = NDArray[np.uint8]

_NEUTRAL = 128
_MAX_UNEVENNESS = 2000  # contrast times chroma, in levels, of a block with a single color


class Planes(NamedTuple):
    """Y'CbCr as in JFIF: BT.601 of sRGB-encoded colors, over the full range of 8 bits.

    Attributes:
        luma: Y', (H, W) uint8.
        blue: Cb, uint8, of the same size or (h, w) = (H, W) / 2, rounded up.
        red: Cr, likewise.
    """

    luma: Plane
    blue: Plane
    red: Plane


def render_ycbcr(gray: Plane, chroma: Float) -> Planes:
    """Render gray levels with the chroma of each, mapped into the gamut at constant lightness.

    Args:
        gray: (H, W), sRGB-encoded gray.
        chroma: (H, W, 2) float32, CIE a* and b*.

    Returns:
        Planes of one size.
    """
    rgb = render_srgb(gray, chroma)
    luma, red, blue = cast("Sequence[Plane]", cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)))
    return Planes(luma, blue, red)


def render_subsampled(gray: Plane, chroma: Float) -> Planes:
    """Render a picture, or a strip of an even number of rows, with chroma of half the size.

    Call it on strips of some ten thousand pixels, which fit into the CPU cache.

    Args:
        gray: (H, W), sRGB-encoded gray.
        chroma: (h, w, 2) float32, CIE a* and b* of each block of 2 x 2 pixels; h = H / 2 and
            w = W / 2, rounded up.

    Returns:
        Planes with chroma of half the size.
    """
    height, width = gray.shape
    even = pad_to_even(gray)
    mean = half_size(even)
    block = render_ycbcr(mean, chroma)
    luma = _add_offset(even, mean, block.luma)
    _refine_edges(even, mean, chroma, block, luma)
    return Planes(luma[:height, :width], block.blue, block.red)


def pad_to_even(gray: Plane) -> Plane:
    """Repeat the last row and column of a picture (H, W) if their number is odd."""
    height, width = gray.shape
    if height % 2 or width % 2:
        border = cv2.BORDER_REPLICATE
        gray = cast("Plane", cv2.copyMakeBorder(gray, 0, height % 2, 0, width % 2, border))
    return np.ascontiguousarray(gray)


def half_size(gray: Plane) -> Plane:
    """Average blocks of 2 x 2 pixels of a picture with even sides."""
    height, width = gray.shape
    size = (width // 2, height // 2)
    return cast("Plane", cv2.resize(gray, size, interpolation=cv2.INTER_AREA))


def _add_offset(gray: Plane, mean: Plane, luma: Plane) -> Plane:
    """Add the difference between luma and mean level of each block to its four levels."""
    offset = cv2.addWeighted(luma, 1, mean, -1, _NEUTRAL)
    # Doubled as pairs of bytes, which is several times as fast as cv2.resize.
    wide = np.multiply(offset, np.uint16(0x0101), dtype=np.uint16).view(np.uint8)
    full = np.repeat(wide, 2, axis=0)
    return cast("Plane", cv2.addWeighted(gray, 1, full, 1, -_NEUTRAL))


def _refine_edges(gray: Plane, mean: Plane, chroma: Float, block: Planes, luma: Plane) -> None:
    """Correct `block` and `luma` in place where blocks have strong contrast and strong color."""
    low, high = _extremes(gray)
    blue, red = (cv2.convertScaleAbs(plane, beta=-_NEUTRAL) for plane in block[1:])
    unevenness = cv2.multiply(high - low, cv2.add(blue, red), dtype=cv2.CV_16U)
    uneven = np.flatnonzero(unevenness > _MAX_UNEVENNESS)
    if not uneven.size:
        return
    chroma = chroma.reshape(1, -1, 2).take(uneven, axis=1)
    low, mean, high = (plane.take(uneven) for plane in (low, mean, high))
    middle = _as_float([plane.take(uneven) for plane in block])  # (3, N)
    dark, light = (_as_float(render_ycbcr(level[None], chroma))[:, 0] for level in (low, high))
    below = (middle - dark) / np.maximum(_as_float(mean) - low, 1)  # planes per level
    above = (light - middle) / np.maximum(_as_float(high) - mean, 1)
    width = gray.shape[1]
    corner = 2 * uneven + uneven // (width // 2) * width
    pixels = np.stack([corner, corner + 1, corner + width, corner + width + 1])
    steps = _as_float(gray.take(pixels)) - mean  # (4, N)
    down, up = np.minimum(steps, 0), np.maximum(steps, 0)
    luma.reshape(-1)[pixels] = _rounded(middle[0] + down * below[0] + up * above[0])
    down, up = down.mean(axis=0), up.mean(axis=0)
    for plane, color in zip(block[1:], (middle + down * below + up * above)[1:], strict=True):
        plane.reshape(-1)[uneven] = _rounded(color)


def _extremes(gray: Plane) -> tuple[Plane, Plane]:
    """Return the darkest and the lightest level of each block of 2 x 2 pixels."""
    above, below = gray[::2], gray[1::2]
    low, high = np.minimum(above, below), np.maximum(above, below)
    return (
        np.minimum(low[:, ::2], low[:, 1::2]),
        np.maximum(high[:, ::2], high[:, 1::2]),
    )


def _as_float(levels: Sequence[Plane] | Plane) -> Float:
    return np.asarray(levels, np.float32)


def _rounded(levels: Float) -> Plane:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
