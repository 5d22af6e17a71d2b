"""Semantic accuracy: top-1 agreement of a fixed classifier.

Without labels, the classifier's prediction for the true photograph takes the place of the label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def top1_agreement(classes: Sequence[int], true: Sequence[int]) -> float:
    """Compute the share of images, 0..1, with the same class as the true ones; nan for none."""
    return float(np.mean(np.equal(classes, true))) if len(true) else float("nan")


def gap_recovered(share: float, gray: float) -> float:
    """Compute the share of the gap between gray and truth that is recovered.

    Args:
        share: Agreement of the colored images, 0..1.
        gray: Agreement of the gray images, 0..1.

    Returns:
        0 for gray, 1 for the truth, below 0 for worse than gray; nan when gray agrees fully.
    """
    return (share - gray) / (1 - gray) if gray < 1 else float("nan")
