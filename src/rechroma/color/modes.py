"""The few colors that sum up a distribution over bins: what may be proposed for a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rechroma.color.lab import Float

_APART = 18.0  # a*b* units: nearer colors look much the same, and count as one


def dominant_chroma(probabilities: Float, centers: Float, count: int) -> tuple[Float, Float]:
    """The likeliest colors that clearly differ.

    The likeliest bin takes in all bins around it and becomes their mean; so on with what is left.

    Args:
        probabilities: (Q,), how likely each bin is; they sum to 1.
        centers: (Q, 2), a* and b* of the bins.
        count: How many colors at most.

    Returns:
        (N, 2), a* and b* of the colors, and (N,), how likely each with its surroundings is, the
        likeliest first.
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
