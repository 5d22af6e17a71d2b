"""Detection of gray and toned images, and quantiles of a data set."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color import colorfulness, srgb_to_lab

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MIN_COLORFULNESS = 4.0
"""Threshold of colorfulness (M3 of a 64 x 64 copy) for gray; 3 of 10,000 photographs are below."""

MIN_TONE_RESIDUAL = 2.5
"""Threshold of the tone residual for toned images.

Below are 2 of 100 color photographs, nearly gray ones, and three quarters of toned prints, of which
half were unevenly yellowed, most noisy, and all compressed.
"""

_SIDE = 64
_QUANTILES = (0, 5, 25, 50, 75, 95, 100)


class NoColor(StrEnum):
    """Reason to reject an image as training data for color."""

    GRAY = "gray"
    TONED = "toned"


def color_fault(rgb: NDArray[np.uint8]) -> NoColor | None:
    """Detect an image (H, W, 3) without color, or with a paper tone alone (sepia, cyanotype)."""
    small = np.asarray(cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    if colorfulness(small) < MIN_COLORFULNESS:
        return NoColor.GRAY
    return NoColor.TONED if tone_residual(small) < MIN_TONE_RESIDUAL else None


def tone_residual(rgb: NDArray[np.uint8]) -> float:
    """Compute how much of an image's color is not a function of its lightness.

    A toned print has one color for each lightness. So a* and b* are fitted by cubics of L*; the
    result is the root mean square residual in a*b*.

    Args:
        rgb: (H, W, 3), a small copy.
    """
    lab = srgb_to_lab(rgb).reshape(-1, 3).astype(np.float64)
    powers = np.vander(lab[:, 0] / 100, 4)
    fitted = powers @ np.linalg.lstsq(powers, lab[:, 1:], rcond=None)[0]
    return float(np.sqrt(np.square(lab[:, 1:] - fitted).sum(axis=1).mean()))


def quantiles(values: Iterable[float]) -> dict[str, float]:
    """Compute quantiles by their percentage; empty without values."""
    found = np.fromiter(values, np.float64)
    if not len(found):
        return {}
    levels = np.percentile(found, _QUANTILES)
    return {str(share): round(float(v), 2) for share, v in zip(_QUANTILES, levels, strict=True)}
