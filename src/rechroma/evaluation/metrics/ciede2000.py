"""How far apart two colors look: CIEDE2000."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.color.lab import Float

    _Double = NDArray[np.float64]

_FAR = 25.0**7


def ciede2000(first: Float, second: Float) -> _Double:
    """CIEDE2000 color difference, with all weighting factors 1.

    G. Sharma, W. Wu, E. N. Dalal: The CIEDE2000 Color-Difference Formula (2005); the names follow
    the equations there. About 1 is just noticeable.

    Args:
        first: (..., 3) L*a*b*.
        second: The same shape.

    Returns:
        (...) differences, 0 or more.
    """
    lab1, lab2 = np.asarray(first, np.float64), np.asarray(second, np.float64)
    c1, h1, c2, h2 = _stretched(lab1, lab2)
    mean_l, mean_c = (lab1[..., 0] + lab2[..., 0]) / 2, (c1 + c2) / 2
    delta_h = _hue_step(c1, h1, c2, h2)
    mean_h = _mean_hue(c1, h1, c2, h2)
    light = (lab2[..., 0] - lab1[..., 0]) / _lightness_weight(mean_l)
    chroma = (c2 - c1) / (1 + 0.045 * mean_c)
    hue = 2 * np.sqrt(c1 * c2) * np.sin(delta_h / 2) / _hue_weight(mean_c, mean_h)
    squared = light**2 + chroma**2 + hue**2 + _rotation(mean_c, mean_h) * chroma * hue
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


def _stretched(lab1: _Double, lab2: _Double) -> tuple[_Double, _Double, _Double, _Double]:
    """Chroma and hue of both after a* near gray has been stretched (equations 2 to 7)."""
    mean = (np.hypot(lab1[..., 1], lab1[..., 2]) + np.hypot(lab2[..., 1], lab2[..., 2])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(mean**7 / (mean**7 + _FAR))
    return (*_polar(lab1, stretch), *_polar(lab2, stretch))


def _polar(lab: _Double, stretch: _Double) -> tuple[_Double, _Double]:
    a, b = lab[..., 1] * stretch, lab[..., 2]
    return np.hypot(a, b), np.arctan2(b, a) % (2 * np.pi)


def _hue_step(c1: _Double, h1: _Double, c2: _Double, h2: _Double) -> _Double:
    step = h2 - h1
    step = np.where(step > np.pi, step - 2 * np.pi, step)
    step = np.where(step < -np.pi, step + 2 * np.pi, step)
    return np.where(c1 * c2 == 0, 0.0, step)


def _mean_hue(c1: _Double, h1: _Double, c2: _Double, h2: _Double) -> _Double:
    total = h1 + h2
    far = np.abs(h1 - h2) > np.pi
    turned = np.where(total < 2 * np.pi, total + 2 * np.pi, total - 2 * np.pi)
    return np.where(c1 * c2 == 0, total, np.where(far, turned, total) / 2)


def _lightness_weight(mean_l: _Double) -> _Double:
    squared = (mean_l - 50) ** 2
    return np.asarray(1 + 0.015 * squared / np.sqrt(20 + squared))


def _hue_weight(mean_c: _Double, mean_h: _Double) -> _Double:
    ripple = (
        1
        - 0.17 * np.cos(mean_h - np.radians(30))
        + 0.24 * np.cos(2 * mean_h)
        + 0.32 * np.cos(3 * mean_h + np.radians(6))
        - 0.20 * np.cos(4 * mean_h - np.radians(63))
    )
    return np.asarray(1 + 0.015 * mean_c * ripple)


def _rotation(mean_c: _Double, mean_h: _Double) -> _Double:
    blue = np.radians(30) * np.exp(-(((np.degrees(mean_h) - 275) / 25) ** 2))
    return np.asarray(-2 * np.sqrt(mean_c**7 / (mean_c**7 + _FAR)) * np.sin(2 * blue))
