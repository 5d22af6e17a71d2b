"""Color bins: the a*b* plane cut into cells, as in Zhang, Isola and Efros (2016).

A bin is a cell of a square grid in a*b* that holds at least one color sRGB can show at some
lightness. Networks that classify color give one probability to each bin.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from rechroma.color.lab import srgb_to_lab

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.color.lab import Float

REACH = 110  # no sRGB color lies further out on either axis (a* -86.2..98.3, b* -107.9..94.5)
TABLE_ROWS = (2 * REACH + 1) ** 2  # whole a*b* pairs within the reach
_SIGMA = 5.0  # of the Gaussian that spreads a color over bins, in a*b* units
_CUBE_STEPS = 64  # levels a channel at which the sRGB cube is sampled to see which cells are met
_APART = 18.0  # a*b* units: closer colors look alike and are merged


@cache
def bin_centers(grid: int = 10) -> Float:
    """Return the a*b* centers of the bins, (Q, 2) float32, ordered by a* and then b*.

    Args:
        grid: Side of a cell in a*b* units.
    """
    levels = np.linspace(0, 1, _CUBE_STEPS, dtype=np.float32)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1)
    cells = np.rint(srgb_to_lab(cube)[..., 1:].reshape(-1, 2) / grid)
    centers = (np.unique(cells, axis=0) * grid).astype(np.float32)
    centers.flags.writeable = False
    return centers


def bin_counts(ab_counts: NDArray[np.int64], centers: Float) -> NDArray[np.int64]:
    """Count the a*b* pairs nearest to each bin, (Q,).

    Args:
        ab_counts: (221 * 221,) how many pairs fall in each row of :func:`table_index`.
        centers: (Q, 2) bin centers.
    """
    nearest = nearest_bins(centers, 1)[0][:, 0]
    return np.bincount(nearest, weights=ab_counts, minlength=len(centers)).astype(np.int64)


def table_index(ab: Float) -> NDArray[np.int64]:
    """Return the row of each a*b* pair (..., 2) in the tables of :func:`nearest_bins`."""
    unit = np.clip(np.rint(ab), -REACH, REACH).astype(np.int64) + REACH
    return unit[..., 0] * (2 * REACH + 1) + unit[..., 1]


def nearest_bins(centers: Float, count: int) -> tuple[NDArray[np.int64], Float]:
    """Tabulate the soft labels of every integer a*b* pair within +-110.

    Zhang et al. (2016), section 2.2: the true color is spread over its 5 nearest bins, weighted
    by a Gaussian with sigma = 5.

    Args:
        centers: (Q, 2) bin centers.
        count: How many bins share a color.

    Returns:
        The bins (221 * 221, count) and their weights (same shape, each row sums to 1).
    """
    axis = np.arange(-REACH, REACH + 1, dtype=np.float32)
    plane = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    squared = np.square(plane - centers).sum(axis=-1)
    # Finding the few before sorting them is several times faster than sorting all.
    few = np.argpartition(squared, count, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(squared, few, axis=1), axis=1, kind="stable")
    nearest = np.take_along_axis(few, order, axis=1)
    weights = np.exp(-np.take_along_axis(squared, nearest, axis=1) / (2 * _SIGMA**2))
    weights = np.maximum(weights, 1e-30)
    return nearest, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def smooth_prior(counts: NDArray[np.integer], centers: Float) -> Float:
    """Smooth counts per bin (Q,) over neighboring bins to probabilities, (Q,) float32."""
    squared = np.square(centers[:, None] - centers[None]).sum(axis=-1)
    kernel = np.exp(-squared / (2 * _SIGMA**2))
    smoothed = (kernel / kernel.sum(axis=1, keepdims=True)).T @ counts.astype(np.float64)
    return np.asarray(smoothed / smoothed.sum(), np.float32)


def rebalancing_weights(prior: Float, uniform_share: float = 0.5) -> Float:
    """Return class weights that rebalance rare colors, (Q,) float32 with mean 1 under the prior.

    Zhang et al. (2016), equation 4: w is proportional to 1 / ((1 - share) p + share / Q).

    Args:
        prior: (Q,) probability of each bin in the training images.
        uniform_share: 0 weights by 1 / p, 1 not at all.
    """
    weights = 1 / ((1 - uniform_share) * prior + uniform_share / prior.size)
    return np.asarray(weights / (weights * prior).sum(), np.float32)


def dominant_chroma(probabilities: Float, centers: Float, count: int) -> tuple[Float, Float]:
    """Find the most probable, clearly different colors by greedy mode seeking.

    The most probable bin absorbs all bins around it and becomes their mean; repeat with the rest.

    Args:
        probabilities: (Q,), probability of each bin; they sum to 1.
        centers: (Q, 2), a* and b* of the bins.
        count: Maximum number of colors.

    Returns:
        (N, 2), a* and b* of the colors, and (N,), their probabilities, the most probable first.
    """
    left = np.array(probabilities, np.float64)
    found, shares = [], []
    for _ in range(count):
        best = centers[left.argmax()]
        near = np.hypot(*(centers - best).T) < _APART
        share = left[near].sum()
        if share <= 0:
            break
        found.append(left[near] @ centers[near] / share)
        shares.append(share)
        left[near] = 0
    order = np.argsort(shares)[::-1]
    chroma = np.reshape(found, (-1, 2)).astype(np.float32)
    return chroma[order], np.asarray(shares, np.float32)[order]
