"""Color accuracy: hue hit, the area under the curve of a*b* errors, and chroma of neutrals.

The first two are accumulated as counts over a data set and divided once at the end, so that an
image is weighted by its pixels (see :mod:`rechroma.evaluation.metrics.accumulator`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from rechroma.color import bin_centers, nearest_bins, table_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.color.lab import Float

OCTANTS = 8
THRESHOLDS = 151  # errors of 0..150 a*b* steps, as in Zhang et al. (2016)
_COLORFUL = 20.0
_COLORED = 10.0
_NEUTRAL = 4.0
_MIN_NEUTRAL_SHARE = 0.02  # of an image's pixels
_HUE_TOLERANCE = np.pi / 6


def neutral_chroma(predicted: Float, true: Float) -> float:
    """Compute the chroma given to neutral surfaces: white shirts, snow, paper, asphalt.

    Args:
        predicted: (H, W, 2) a*b*.
        true: The same shape.

    Returns:
        Mean C* of the prediction where the true C* is below 4; nan where that is less than 2 % of
        the image.
    """
    neutral = np.hypot(true[..., 0], true[..., 1]) < _NEUTRAL
    if neutral.mean() < _MIN_NEUTRAL_SHARE:
        return float("nan")
    return float(np.hypot(*np.moveaxis(predicted[neutral], -1, 0)).mean(dtype=np.float64))


def hue_hit_counts(predicted: Float, true: Float) -> NDArray[np.int64]:
    """Count hits and tries in each octant of the true hue, (2, 8).

    A try is a pixel that is colorful in the original (C* of 20 or more); a hit is a try with a
    predicted C* of 10 or more and a hue within 30 degrees of the true one.

    Args:
        predicted: (..., 2) a*b*.
        true: The same shape.
    """
    hue = np.arctan2(true[..., 1], true[..., 0])
    octant = np.floor((hue + np.pi) / (2 * np.pi) * OCTANTS).astype(np.int64) % OCTANTS
    tried = np.hypot(true[..., 0], true[..., 1]) >= _COLORFUL
    step = np.arctan2(predicted[..., 1], predicted[..., 0]) - hue
    near = np.abs((step + np.pi) % (2 * np.pi) - np.pi) <= _HUE_TOLERANCE
    colored = np.hypot(predicted[..., 0], predicted[..., 1]) >= _COLORED
    hit = tried & near & colored
    return np.stack([np.bincount(octant[mask], minlength=OCTANTS) for mask in (hit, tried)])


def hue_hit(counts: NDArray[np.int64]) -> float:
    """The share of hits, 0..1, averaged over the octants that were tried; nan without a try."""
    hits, tries = counts
    return float(np.mean(hits[tries > 0] / tries[tries > 0])) if tries.any() else float("nan")


def error_counts(predicted: Float, true: Float) -> NDArray[np.int64]:
    """Pixels by true color bin and by a*b* error rounded up, (Q, 152); the last column is beyond.

    Args:
        predicted: (..., 2) a*b*.
        true: The same shape.
    """
    error = np.linalg.norm(predicted - true, axis=-1)
    column = np.minimum(np.ceil(error), THRESHOLDS).astype(np.int64)
    row = _bin_table()[table_index(true)]
    shape = (len(bin_centers()), THRESHOLDS + 1)
    flat = np.ravel_multi_index((row, column), shape)
    return np.bincount(flat.ravel(), minlength=shape[0] * shape[1]).reshape(shape)


def area_under_curve(counts: NDArray[np.int64]) -> float:
    """Mean over t = 0..150 of the share of pixels whose error is t or less, 0..1."""
    return _area(counts.sum(axis=0)[None])


def balanced_area_under_curve(counts: NDArray[np.int64]) -> float:
    """The same with every occurring color bin of equal weight: pixels weigh 1 / p(bin)."""
    return _area(counts[counts.sum(axis=1) > 0])


def _area(counts: NDArray[np.int64]) -> float:
    shares = np.cumsum(counts, axis=1)[:, :THRESHOLDS] / counts.sum(axis=1, keepdims=True)
    return float(shares.mean())


@cache
def _bin_table() -> NDArray[np.int64]:
    return nearest_bins(bin_centers(), 1)[0][:, 0]
