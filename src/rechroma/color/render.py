"""Adjustment of chroma, and the rendering of gray and chroma to sRGB at full size.

Rendering is ``lab_to_srgb(map_to_gamut([lightness(gray), a, b]))``, several times as fast: OpenCV
converts, clipping the channels, and only the pixels that may have been clipped are done again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from rechroma.color.gamut import gamut_scale
from rechroma.color.lab import Float, lightness_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.options import Adjustments

    UIntImage = NDArray[np.uint8] | NDArray[np.uint16]

WARM_AB = np.array([3.0, 12.0], np.float32)
"""The a* and b* that `warmth` 1 adds to vivid colors."""
WARM_HALF_CHROMA = 10.0
"""The chroma at which half of that is added."""


def render_srgb(gray: UIntImage, chroma: Float) -> UIntImage:
    """Render sRGB with the lightness of `gray` and the given chroma, mapped into the gamut.

    Call it on strips of some ten thousand pixels, which fit into the CPU cache.

    Args:
        gray: (H, W) uint8 or uint16, sRGB-encoded gray.
        chroma: (H, W, 2) float32, CIE a* and b*.

    Returns:
        (H, W, 3), dtype of `gray`.
    """
    table = lightness_table(gray.dtype.name)
    lab = np.empty((*gray.shape, 3), np.float32)
    cv2.mixChannels([table.take(gray, mode="clip"), chroma], [lab], [0, 0, 1, 1, 2, 2])
    rgb = _to_levels(lab, gray.dtype)
    top = np.iinfo(gray.dtype).max
    clipped = np.flatnonzero(cv2.inRange(rgb, (1,) * 3, (top - 1,) * 3) == 0)
    if clipped.size:
        outside = lab.reshape(-1, 3).take(clipped, axis=0)
        scale = gamut_scale(outside)
        for channel in (1, 2):  # one by one, as numpy is slow over the two of each color
            outside[:, channel] *= scale
        _pixels(rgb)[clipped] = _pixels(_to_levels(outside[None], gray.dtype))
    if gray.dtype == np.uint16:
        # Copy the gray to pixels without chroma: OpenCV is inexact for dark 16-bit levels.
        neutral = cv2.inRange(chroma, (0.0, 0.0), (0.0, 0.0))
        if cv2.countNonZero(neutral):
            cv2.copyTo(cv2.merge([gray] * 3), neutral, rgb)
    return rgb


def _pixels(levels: UIntImage) -> NDArray[np.void]:
    """View the memory as one item per pixel: numpy assigns items three times as fast as rows."""
    return levels.reshape(-1, 3).view(np.dtype((np.void, 3 * levels.itemsize)))[:, 0]


def _to_levels(lab: Float, dtype: np.dtype[np.unsignedinteger]) -> UIntImage:
    rgb = cast("Float", cv2.cvtColor(lab, cv2.COLOR_Lab2RGB))
    if dtype == np.uint8:
        return cast("UIntImage", cv2.convertScaleAbs(rgb, alpha=255))
    return cast("UIntImage", (rgb * np.float32(65535) + np.float32(0.5)).astype(dtype))


def adjust_chroma(ab: Float, adjustments: Adjustments) -> Float:
    """Adjust chroma (..., 2), CIE a* and b*; returns the same shape in float32."""
    ab = ab * np.float32(adjustments.saturation)
    if adjustments.warmth:
        chroma = np.linalg.norm(ab, axis=-1, keepdims=True)
        vividness = chroma / (chroma + WARM_HALF_CHROMA)
        ab = ab + np.float32(adjustments.warmth) * WARM_AB * vividness
    return np.asarray(ab * np.float32(adjustments.blend), np.float32)
