"""Whether color helps to see what a picture shows, by the answers of a fixed classifier.

Without labels, the classifier's answer to the true photograph stands for the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def top1_agreement(classes: Sequence[int], true: Sequence[int]) -> float:
    """The share of pictures, 0..1, that are taken for the same as the true ones; nan for none."""
    return float(np.mean(np.equal(classes, true))) if len(true) else float("nan")


def gap_recovered(share: float, gray: float) -> float:
    """How much of what gray lost is won back: 0 as gray, 1 as the truth; below 0 worse than gray.

    Args:
        share: The agreement of the colored pictures, 0..1.
        gray: That of the gray ones. Where it is 1, nothing was lost, and the answer is nan.
    """
    return (share - gray) / (1 - gray) if gray < 1 else float("nan")
