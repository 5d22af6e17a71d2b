"""Hints for training and measuring: some true colors, as a user would give them.

They are drawn as by Zhang et al. (2017, "Real-time user-guided image colorization"): most lie
towards the middle, and each is a small square of the mean color under it. Theirs are 8 on average,
which teaches little in a short training; here the logarithm of how many is uniform, up to 64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

    from rechroma.color.lab import Float

MAX_PATCH = 9  # pixels
_MOST = 64


def random_hints(chroma: Float, count: int, rng: Generator) -> Float:
    """Hints (3, H, W) of a picture's true a*b* (H, W, 2): a*, b* and a 0/1 mask."""
    hints = np.zeros((3, *chroma.shape[:2]), np.float32)
    for _ in range(count):
        patch = int(rng.integers(1, MAX_PATCH + 1))
        rows, columns = (_span(side, patch, rng) for side in chroma.shape[:2])
        hints[:2, rows, columns] = chroma[rows, columns].mean(axis=(0, 1))[:, None, None]
        hints[2, rows, columns] = 1
    return hints


def random_count(rng: Generator) -> int:
    """How many hints somebody gives who gives any."""
    return int(np.exp(rng.uniform(0, np.log(_MOST + 1))))


def _span(side: int, patch: int, rng: Generator) -> slice:
    middle = rng.normal(side / 2, side / 4)
    start = int(np.clip(round(middle - patch / 2), 0, max(0, side - patch)))
    return slice(start, start + patch)
