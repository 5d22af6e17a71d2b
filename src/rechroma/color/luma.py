"""Chroma as JPEG stores it, for luma that stays as it is.

CIE lightness and the luma of a JPEG (ITU-R BT.601, of gamma-encoded colors) differ as soon as there
is color. Where the luma is kept, the lightness has to give way: it is solved for, such that hue and
chroma are those wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color.gamut import gamut_scale
from rechroma.color.lab import lightness, to_float

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.color.lab import Float

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""BT.601: of red, green and blue."""

_DIVISORS = np.array([1.772, 1.402], np.float32)  # B - Y over Cb, and R - Y over Cr
_STEPS = 6
_TOLERANCE = np.float32(1 / 255)  # of luma: changes Cb and Cr by less than that
_CENTER = 128
_NEAR = 1e-5
_TINY = np.float32(1e-5)  # keeps divisions defined


def chroma_at_luma(
    luma: NDArray[np.uint8], chroma: Float, tone: NDArray[np.uint16]
) -> NDArray[np.uint8]:
    """Compute Cb and Cr with the hue and chroma of a* and b* at a given luma.

    Chroma that sRGB cannot show at that luma is reduced, at constant hue.

    Args:
        luma: (H, W) levels.
        chroma: (H, W, 2) float32, a* and b*.
        tone: (256,) the sRGB-encoded gray of each level, rising; ``257 * level`` for sRGB.

    Returns:
        (H, W, 2) Cb and Cr; 128 is neutral.
    """
    solver = _Solver(tone)
    rows = solver.solve(luma.ravel(), np.ascontiguousarray(chroma, np.float32).reshape(-1, 2))
    return rows.reshape(*luma.shape, 2)


class _Solver:
    """Finds the lightness at which colors have a given luma, by the secant method.

    Args:
        tone: See :func:`chroma_at_luma`.
    """

    def __init__(self, tone: NDArray[np.uint16]) -> None:
        self._lightness = lightness(tone[None])[0]
        self._slope = np.gradient(self._lightness).astype(np.float32) * np.float32(255)
        is_srgb = np.array_equal(tone, np.arange(256) * 257)
        self._tone = None if is_srgb else to_float(tone)

    def solve(self, luma: NDArray[np.uint8], chroma: Float) -> NDArray[np.uint8]:
        """Compute Cb and Cr (N, 2) for luma (N,) and a* and b* (N, 2)."""
        wanted = to_float(luma)
        lab = np.column_stack([self._lightness.take(luma), chroma])
        rgb, error = self._render(lab, wanted)
        left = np.flatnonzero(np.abs(error) > _TOLERANCE)
        slope = self._slope.take(luma[left])
        for _ in range(_STEPS):
            if not left.size:
                break
            tried = lab[left]
            before, error_before = tried[:, 0].copy(), error[left]
            tried[:, 0] = np.clip(before - error_before * slope, 0, 100)
            rgb[left], found = self._render(tried, wanted[left])
            lab[left], error[left] = tried, found
            change = found - error_before
            change[np.abs(change) < _TINY] = np.inf
            is_off = np.abs(found) > _TOLERANCE
            slope = np.maximum((tried[:, 0] - before) / change, 0)[is_off]
            left = left[is_off]
        rgb -= error[:, None]
        offsets: Float = (rgb[:, [2, 0]] - wanted[:, None]) / _DIVISORS
        edge = np.flatnonzero(_touches_end(rgb))
        offsets[edge] *= _room(wanted[edge], offsets[edge])[:, None]
        return np.clip(np.rint(offsets * 255 + _CENTER), 0, 255).astype(np.uint8)

    def _render(self, lab: Float, wanted: Float) -> tuple[Float, Float]:
        """Render colors (N, 3), mapped into the gamut; returns how far they are above the luma."""
        rgb = _to_rgb(lab)
        outside = np.flatnonzero(_touches_end(rgb))
        if outside.size:
            mapped = lab[outside]
            mapped[:, 1:] *= gamut_scale(mapped)[:, None]
            rgb[outside] = _to_rgb(mapped)
        if self._tone is not None:
            levels = np.interp(rgb.ravel(), self._tone, np.linspace(0, 1, 256))
            rgb = levels.reshape(rgb.shape).astype(np.float32)
        error: Float = rgb @ LUMA_WEIGHTS - wanted
        return rgb, error


def _to_rgb(lab: Float) -> Float:
    rgb: Float = np.asarray(cv2.cvtColor(lab[None], cv2.COLOR_Lab2RGB), np.float32)[0]
    return rgb


def _touches_end(rgb: Float) -> NDArray[np.bool_]:
    """Return which colors (N, 3) have a channel at an end of its range, or beyond."""
    inside = np.asarray(cv2.inRange(rgb[None], (_NEAR,) * 3, (1 - _NEAR,) * 3))
    ends: NDArray[np.bool_] = inside[0] == 0
    return ends


def _room(luma: Float, offsets: Float) -> Float:
    """Return the factors, 0..1, that bring red, green and blue into 0..1 at constant luma."""
    blue, red = (offsets * _DIVISORS).T
    green = -(LUMA_WEIGHTS[0] * red + LUMA_WEIGHTS[2] * blue) / LUMA_WEIGHTS[1]
    factor = np.ones_like(luma)
    for difference in (red, green, blue):
        room = np.where(difference > 0, 1 - luma, luma)
        np.minimum(factor, room / np.maximum(np.abs(difference), _TINY), out=factor)
    return factor
