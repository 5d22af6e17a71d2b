"""Modes of a distribution over color bins, for suggestions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rechroma.color.lab import Float

_APART = 18.0  # a*b* units: closer colors look alike and are merged


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
