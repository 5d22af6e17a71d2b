"""No-reference metrics: chroma edges, chroma of flat regions, and variety of color.

None has a right value of its own: compare with the values of real color photographs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from rechroma.color.lab import Float

_HUE_BINS = 24
_MIN_CHROMA = 0.05  # mean C* of an image; below, hues are those of rounding errors
_NO_EDGES = 0.2  # std of Sobel gradients; below is rounding alone, as in a gray image
_FLAT_SHARE = 0.25
_WINDOWS = 32  # side by side along the long side


def edge_correlation(lab: Float) -> float:
    """Compute the correlation of chroma edges with lightness edges.

    Args:
        lab: (H, W, 3) L*a*b*.

    Returns:
        Pearson's correlation of the gradient magnitudes of L* and a*b*, -1..1; nan where one of
        them is nearly constant, as in a gray image.
    """
    slopes = [_slope(lab[..., channel]) for channel in range(3)]
    light, color = np.sqrt(slopes[0]), np.sqrt(slopes[1] + slopes[2])
    if min(light.std(), color.std()) < _NO_EDGES:
        return float("nan")
    return float(np.corrcoef(light.ravel(), color.ravel())[0, 1])


def hue_entropy(lab: Float) -> float:
    """Compute the entropy of an image's hues.

    A histogram of hue in 24 bins is weighted by chroma, so that near-grays hardly count. An image
    with a color cast has few hues, and so a low entropy.

    Args:
        lab: (H, W, 3) L*a*b*.

    Returns:
        Bits, 0 (one hue, or a gray image) to log2(24) = 4.58 (all hues alike).
    """
    a, b = lab[..., 1].ravel(), lab[..., 2].ravel()
    chroma = np.hypot(a, b).astype(np.float64)
    if chroma.mean() < _MIN_CHROMA:
        return 0.0
    turns = np.arctan2(b, a) / (2 * np.pi) % 1
    bins = np.floor(turns * _HUE_BINS).astype(np.int64) % _HUE_BINS
    shares = np.bincount(bins, chroma, _HUE_BINS) / chroma.sum()
    shares = shares[shares > 0]
    return float(np.abs(shares @ np.log2(shares)))


def chroma_spread(lab: Float) -> float:
    """Compute how far an image's colors lie apart, sqrt(var a* + var b*).

    Args:
        lab: (H, W, 3) L*a*b*.
    """
    return float(np.sqrt(lab[..., 1:].var(axis=(0, 1), dtype=np.float64).sum()))


class Flat(NamedTuple):
    """Chroma of the flat regions of an image.

    Attributes:
        chroma: Mean C*.
        unevenness: Mean standard deviation of a*b* within a window; blotches raise it.
    """

    chroma: float
    unevenness: float


def flat_regions(lab: Float) -> Flat:
    """Measure the chroma of the flattest quarter of an image.

    Flat is where L* varies least within a square window whose side is 1/32 of the image's long
    side. A share instead of a threshold defines flat regions, because old photographs have grain.

    Args:
        lab: (H, W, 3) L*a*b*.
    """
    side = max(3, max(lab.shape[:2]) // _WINDOWS)
    light, a, b = (_variance(lab[..., channel], side) for channel in range(3))
    flat = light <= np.quantile(light, _FLAT_SHARE)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    return Flat(float(chroma[flat].mean()), float(np.sqrt(a + b)[flat].mean()))


def _slope(plane: Float) -> Float:
    """Compute the squared gradient magnitude of a plane (H, W)."""
    across, down = (cv2.Sobel(plane, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    return np.asarray(across * across + down * down, np.float32)


def _variance(plane: Float, side: int) -> Float:
    """Compute the variance in the window around each pixel of a plane (H, W)."""
    centered = plane - plane.mean()  # float32 would lose a small variance under a large mean
    mean, squares = (cv2.blur(part, (side, side)) for part in (centered, centered * centered))
    return np.asarray(np.maximum(squares - mean * mean, 0), np.float32)
