"""Adjustment of chroma: saturation, warmth and blend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rechroma.color.lab import Float
    from rechroma.options import Adjustments

WARM_AB = np.array([3.0, 12.0], np.float32)
"""The a* and b* that `warmth` 1 adds to vivid colors."""
WARM_HALF_CHROMA = 10.0
"""The chroma at which half of that is added."""


def adjust_chroma(ab: Float, adjustments: Adjustments) -> Float:
    """Adjust chroma (..., 2), CIE a* and b*; returns the same shape in float32."""
    ab = ab * np.float32(adjustments.saturation)
    if adjustments.warmth:
        chroma = np.linalg.norm(ab, axis=-1, keepdims=True)
        vividness = chroma / (chroma + WARM_HALF_CHROMA)
        ab = ab + np.float32(adjustments.warmth) * WARM_AB * vividness
    return np.asarray(ab * np.float32(adjustments.blend), np.float32)
