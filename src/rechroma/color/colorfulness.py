"""Colorfulness after Hasler and Suesstrunk (2003), metric M3, in its two published forms.

The original takes the signed opponent channels; the form that spread with OpenCV tutorials and is
used in the published tables of colorization takes their absolute values first. The two differ by
about a tenth, so each value must state which form it is.
"""

from __future__ import annotations

import numpy as np

from rechroma.color.lab import Float, Pixels, to_float


def colorfulness(rgb: Pixels) -> float:
    """M3 of the signed opponent channels: 0 for gray, about 40 for an everyday photograph.

    Args:
        rgb: (..., 3) sRGB; uint8, uint16, or float in 0..1.
    """
    return _from_opponents(*_opponents(rgb))


def colorfulness_abs(rgb: Pixels) -> float:
    """M3 of the opponent channels' absolute values, the form of the published tables."""
    red_green, yellow_blue = _opponents(rgb)
    return _from_opponents(np.abs(red_green), np.abs(yellow_blue))


def _opponents(rgb: Pixels) -> tuple[Float, Float]:
    red, green, blue = np.moveaxis(to_float(rgb) * np.float32(255), -1, 0)
    return red - green, (red + green) / 2 - blue


def _from_opponents(red_green: Float, yellow_blue: Float) -> float:
    spread = np.hypot(red_green.std(dtype=np.float64), yellow_blue.std(dtype=np.float64))
    offset = np.hypot(red_green.mean(dtype=np.float64), yellow_blue.mean(dtype=np.float64))
    return float(spread + 0.3 * offset)
