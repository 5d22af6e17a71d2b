"""sRGB <-> CIE L*a*b* (D65, 2 degree observer) on arrays of 8 bit, 16 bit or float.

The transfer curve is that of IEC 61966-2-1, the Lab functions those of CIE 15:2004; the matrix and
the white point have the six digits that OpenCV and scikit-image use, so that all three agree.
Everything is float32 inside; integer input and output go through their full range (0..255 or
0..65535).
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

Float = NDArray[np.float32]
Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.floating]

WHITE = np.array([0.950456, 1.0, 1.088754], np.float64)
RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ],
    np.float64,
)
RGB_TO_XYZ_OVER_WHITE = (RGB_TO_XYZ / WHITE[:, None]).astype(np.float32)
XYZ_OVER_WHITE_TO_RGB = np.linalg.inv(RGB_TO_XYZ / WHITE[:, None]).astype(np.float32)
EPSILON = 216 / 24389  # CIE 15: below it the cube root is replaced by a line
KAPPA = 24389 / 27


def to_float(pixels: Pixels) -> Float:
    """Scale integers by their full range to float32 in 0..1; cast floats."""
    if np.issubdtype(pixels.dtype, np.integer):
        return np.asarray(pixels, np.float32) / np.float32(_top(pixels.dtype))
    return np.asarray(pixels, np.float32)


def from_float(values: Float, dtype: DTypeLike = np.float32) -> Pixels:
    """Convert float32 in 0..1 to `dtype`; integers by their full range, rounded and saturated."""
    target = np.dtype(dtype)
    if not np.issubdtype(target, np.integer):
        return values.astype(target, copy=False)
    top = _top(target)
    levels: Pixels = np.clip(np.rint(values * np.float32(top)), 0, top).astype(target)
    return levels


def _top(dtype: DTypeLike) -> int:
    return int(np.iinfo(np.dtype(dtype)).max)


def to_linear(encoded: Float) -> Float:
    """Undo the sRGB transfer curve; 0..1 to 0..1."""
    low = encoded / np.float32(12.92)
    high = cv2.pow((np.maximum(encoded, 0) + np.float32(0.055)) / np.float32(1.055), 2.4)
    return np.where(encoded <= 0.04045, low, high.reshape(encoded.shape)).astype(np.float32)


def to_encoded(linear: Float) -> Float:
    """Apply the sRGB transfer curve; 0..1 to 0..1."""
    high = cv2.pow(np.maximum(linear, 0), 1 / 2.4).reshape(linear.shape)
    return np.where(
        linear <= 0.0031308,
        linear * np.float32(12.92),
        high * np.float32(1.055) - np.float32(0.055),
    ).astype(np.float32)


def lightness_of_luminance(luminance: Float) -> Float:
    """Return CIE L* (0..100) of relative luminance Y (0..1)."""
    return np.float32(116) * _forward(luminance) - np.float32(16)


def srgb_to_lab(rgb: Pixels) -> Float:
    """Convert sRGB to L*a*b*.

    Args:
        rgb: (..., 3); uint8, uint16, or float in 0..1.

    Returns:
        (..., 3) float32: L* in 0..100, a* and b* roughly in -108..99.
    """
    f = _forward(to_linear(to_float(rgb)) @ RGB_TO_XYZ_OVER_WHITE.T)
    return np.stack(
        [
            116 * f[..., 1] - 16,
            500 * (f[..., 0] - f[..., 1]),
            200 * (f[..., 1] - f[..., 2]),
        ],
        axis=-1,
    ).astype(np.float32)


def lab_to_linear(lab: Float) -> Float:
    """Convert L*a*b* to linear-light RGB, (..., 3) float32; outside 0..1 when out of gamut."""
    fy = (lab[..., 0] + np.float32(16)) / np.float32(116)
    fx = fy + lab[..., 1] / np.float32(500)
    fz = fy - lab[..., 2] / np.float32(200)
    f = np.stack([fx, fy, fz], axis=-1)
    cube = f * f * f
    xyz = np.where(cube > EPSILON, cube, (116 * f - 16) / np.float32(KAPPA)).astype(np.float32)
    return xyz @ XYZ_OVER_WHITE_TO_RGB.T


def lab_to_srgb(lab: Float, dtype: DTypeLike = np.float32) -> Pixels:
    """Convert L*a*b* to sRGB of `dtype`.

    Colors outside the gamut come out outside 0..1 as float and saturate as integers: map them
    first with :func:`rechroma.color.map_to_gamut`, which keeps their lightness and hue.
    """
    return from_float(to_encoded(lab_to_linear(np.asarray(lab, np.float32))), dtype)


def lightness(pixels: Pixels) -> Float:
    """Return CIE L* (0..100) of sRGB pixels.

    Args:
        pixels: Gray (H, W) or color (H, W, 3); uint8, uint16, or float in 0..1.

    Returns:
        (H, W) float32.
    """
    if pixels.ndim == 2:
        if np.issubdtype(pixels.dtype, np.integer):
            light: Float = lightness_table(pixels.dtype.name)[pixels]
            return light
        return lightness_of_luminance(to_linear(to_float(pixels)))
    return lightness_of_luminance(luminance(pixels))


def luminance(rgb: Pixels) -> Float:
    """Return the relative luminance Y (0..1) of sRGB pixels (..., 3), as float32."""
    weights = RGB_TO_XYZ_OVER_WHITE[1]
    if rgb.dtype.kind == "u":
        levels = cast("NDArray[np.integer[Any]]", rgb)
        return weighted_light(levels, linear_table(rgb.dtype.name), weights)
    return np.asarray(to_linear(to_float(rgb)) @ weights, np.float32)


def weighted_light(rgb: NDArray[np.integer[Any]], table: Float, weights: Float) -> Float:
    """Sum the linear light of the channels.

    Args:
        rgb: (..., 3) uint8 or uint16.
        table: The linear light of each level, (256,) or (65536,).
        weights: The weight of each channel, (3,).

    Returns:
        (...) float32.
    """
    pixels = rgb.reshape(1, -1, 3)
    light = cv2.LUT(pixels, table) if rgb.dtype == np.uint8 else table.take(pixels)
    return np.asarray(cv2.transform(light, weights[None]), np.float32).reshape(rgb.shape[:-1])


def gray_of_luminance(luminance: Float, dtype: DTypeLike) -> Pixels:
    """Return sRGB-encoded gray, uint8 or uint16, of relative luminance (0..1).

    At 8 bits, a luminance halfway between two levels may get either: within 3 % of a level.
    """
    if np.dtype(dtype) != np.uint8:
        return from_float(to_encoded(luminance), dtype)
    return _gray_table().take((luminance * np.float32(65535) + np.float32(0.5)).astype(np.uint16))


@cache
def _gray_table() -> NDArray[np.uint8]:
    """Tabulate the 8-bit gray of luminance at 16 bits."""
    luminance = to_float(np.arange(65536, dtype=np.uint16))
    table = np.asarray(from_float(to_encoded(luminance), np.uint8), np.uint8)
    table.flags.writeable = False
    return table


@cache
def linear_table(dtype: str) -> Float:
    """Tabulate the linear light of every sRGB level of an unsigned integer type."""
    table = to_linear(to_float(np.arange(np.iinfo(dtype).max + 1, dtype=dtype)))
    table.flags.writeable = False
    return table


@cache
def lightness_table(dtype: str) -> Float:
    """Tabulate L* of every gray level of an unsigned integer type: (256,) or (65536,) float32."""
    table: Float = lightness_of_luminance(linear_table(dtype))
    table.flags.writeable = False
    return table


def _forward(t: Float) -> Float:
    root = np.cbrt(t)
    return np.where(t > EPSILON, root, (np.float32(KAPPA) * t + 16) / 116).astype(np.float32)
