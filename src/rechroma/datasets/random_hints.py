"""Random hints for training and evaluation: true colors, as a user would give them.

They follow Zhang et al. (2017, "Real-time user-guided image colorization"): most are near the
middle, and each is a small square of the mean color under it. Zhang et al. use 8 on average, which
teaches little in a short training; here the logarithm of their number is uniform, up to 64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

    from rechroma.color.lab import Float

MAX_PATCH = 9  # pixels
_MAX_HINTS = 64


def random_hints(chroma: Float, count: int, rng: Generator) -> Float:
    """Draw hints (3, H, W) from true a*b* (H, W, 2): a*, b* and a 0/1 mask."""
    hints = np.zeros((3, *chroma.shape[:2]), np.float32)
    for _ in range(count):
        patch = int(rng.integers(1, MAX_PATCH + 1))
        rows, columns = (_span(side, patch, rng) for side in chroma.shape[:2])
        hints[:2, rows, columns] = chroma[rows, columns].mean(axis=(0, 1))[:, None, None]
        hints[2, rows, columns] = 1
    return hints


def random_count(rng: Generator) -> int:
    """Draw a number of hints, 1 to 64."""
    return int(np.exp(rng.uniform(0, np.log(_MAX_HINTS + 1))))


def _span(side: int, patch: int, rng: Generator) -> slice:
    middle = rng.normal(side / 2, side / 4)
    start = int(np.clip(round(middle - patch / 2), 0, max(0, side - patch)))
    return slice(start, start + patch)
