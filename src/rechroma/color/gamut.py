"""Gamut mapping into sRGB by reducing chroma at constant lightness and hue.

Clipping the channels one by one, the usual way, changes lightness and hue: dark shadows turn to
red blobs and bright skies to cyan. Here the largest chroma that sRGB can show is looked up in a
table over lightness and hue, so that the cost is small and paid only by the pixels that need it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color.lab import XYZ_OVER_WHITE_TO_RGB, Float

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-4  # linear light that may be missing to the gamut: a third of the first 8-bit level

_TINY = np.float32(1e-6)  # keeps divisions defined
_KNEE = np.float32(6 / 29)  # CIE 15: below it the cube gives way to its tangent
_SLOPE = np.float32(3) * _KNEE**2

# The table of chroma limits. The hue direction u runs through -1..3 like an angle, but is cheap to
# compute: the position on the square |a| + |b| = 1, from -b over +a and +b to -a and back.
_LIGHTNESS_STEPS = 128
_DIRECTION_STEPS = 4 * 96
_REACH = 180  # |a| + |b| that no sRGB color gets to
_SCAN_STEPS = 30
_BISECTIONS = 6


def map_to_gamut(lab: Float) -> Float:
    """Map colors into the sRGB gamut by reducing chroma at constant lightness and hue.

    Args:
        lab: (..., 3) float32, L* in 0..100.

    Returns:
        A new array of the same shape. Colors within sRGB are untouched; the others lie in it
        within `TOLERANCE` of linear light.
    """
    mapped = np.array(lab, np.float32)
    rows = mapped.reshape(-1, 3)
    left, linear = _outside(rows)
    if left.size:
        rows[left, 1:] *= gamut_scale(rows[left])[:, None]
        left, linear = _outside(rows, left)
    while left.size:  # what the table is not exact enough for
        scale = _chord(rows[left, 0], linear)
        rows[left, 1:] *= scale[:, None]
        left, linear = _outside(rows, left[scale > 0])
    return mapped


def gamut_scale(lab: Float) -> Float:
    """Return the chroma factors, 0..1, that bring out-of-gamut colors to about the gamut surface.

    Fast, for pixels by the million, and good to about one 8-bit level; inside the gamut, a color
    near the surface may get a factor a little below 1.

    Args:
        lab: (N, 3) float32, L* in 0..100.

    Returns:
        (N,) float32.
    """
    lightness, a, b = lab.T
    extent = np.maximum(np.abs(a) + np.abs(b), _TINY)
    along = b / extent
    direction = np.where(a < 0, 2 - along, along)
    column = (direction + 1) * np.float32(_DIRECTION_STEPS / 4)
    row = lightness * np.float32(_LIGHTNESS_STEPS / 100)
    table, border = _chroma_limits(), cv2.BORDER_REPLICATE
    limits = np.empty_like(extent)
    for at in range(0, limits.size, 32000):  # OpenCV's remap takes no side above 32767
        to = slice(at, at + 32000)
        x, y = column[None, to], row[None, to]
        limits[to] = cv2.remap(table, x, y, cv2.INTER_LINEAR, borderMode=border)[0]
    scale: Float = np.minimum(limits / extent, np.float32(1))
    return scale


def _outside(rows: Float, among: NDArray[np.intp] | None = None) -> tuple[NDArray[np.intp], Float]:
    """Return the indices of the colors (N, 3) outside the gamut, and their linear RGB."""
    colors = rows if among is None else rows[among]
    if not colors.size:
        return np.empty(0, np.intp), colors
    linear = _linear_rgb(*colors.T)
    outside = np.flatnonzero(_beyond(linear, TOLERANCE))
    return outside if among is None else among[outside], linear[outside]


def _response(lightness: Float) -> Float:
    """Return CIE's f(Y) of L*, the compressive response that a* and b* are differences of."""
    return (lightness + np.float32(16)) * np.float32(1 / 116)


def _inverse_response(f: Float) -> Float:
    """Invert CIE's f to the tristimulus value over white, both cases without a branch."""
    g = np.maximum(f, _KNEE)
    cube = g * g
    cube *= g
    cube += (f - g) * _SLOPE
    return cube


def _linear_rgb(lightness: Float, a: Float, b: Float) -> Float:
    """:func:`rechroma.color.lab.lab_to_linear` on planes (N,) or (H, W), four times as fast."""
    f_y = _response(lightness)
    f = (f_y + a * np.float32(1 / 500), f_y, f_y - b * np.float32(1 / 200))
    xyz = cv2.merge([_inverse_response(plane).reshape(len(plane), -1) for plane in f])
    return np.asarray(cv2.transform(xyz, XYZ_OVER_WHITE_TO_RGB), np.float32).reshape(*f_y.shape, 3)


def _beyond(linear: Float, tolerance: float) -> NDArray[np.bool_]:
    pixels = linear.reshape(-1, 1, 3)
    within = cv2.inRange(pixels, (-tolerance,) * 3, (1 + tolerance,) * 3)
    return np.equal(within, 0).reshape(linear.shape[:-1])


def _chord(lightness: Float, linear: Float) -> Float:
    """Return where the straight line from the neutral color leaves the gamut, a little inside."""
    y = _inverse_response(_response(lightness))
    over, under = linear.max(axis=1), linear.min(axis=1)
    upper = (1 - y) / np.maximum(over - y, _TINY)
    lower = y / np.maximum(y - under, _TINY)
    inward: Float = np.clip(np.minimum(upper, lower), 0, 1) * np.float32(0.999)
    return inward


@cache
def _chroma_limits() -> Float:
    """Tabulate the largest |a| + |b| within sRGB over lightness (rows) and direction (columns).

    The gamut is not quite convex near yellow, where a ray leaves it, comes back and leaves again:
    so the first way out is found by a scan before it is bisected.
    """
    lightness = np.linspace(0, 100, _LIGHTNESS_STEPS + 1, dtype=np.float32)[:, None]
    u = np.linspace(-1, 3, _DIRECTION_STEPS + 1, dtype=np.float32)
    along_b = np.where(u <= 1, u, 2 - u)
    along_a = (1 - np.abs(along_b)) * np.where(u <= 1, 1, -1).astype(np.float32)
    lightness = np.repeat(lightness, u.size, axis=1)

    def leaves(extent: Float | np.float32) -> NDArray[np.bool_]:
        return _beyond(_linear_rgb(lightness, extent * along_a, extent * along_b), 1e-6)

    step = np.float32(_REACH / _SCAN_STEPS)
    beyond = np.full(lightness.shape, _REACH, np.float32)
    for count in range(_SCAN_STEPS, 0, -1):
        extent = step * np.float32(count)
        beyond[leaves(extent)] = extent
    within = beyond - step
    for _ in range(_BISECTIONS):
        middle = (within + beyond) * np.float32(0.5)
        out = leaves(middle)
        beyond[out] = middle[out]
        within[~out] = middle[~out]
    return within
