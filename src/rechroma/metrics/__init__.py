"""How colourisation is measured: a functional core, and :class:`Scores` that adds it up."""

from __future__ import annotations

from rechroma.metrics.accuracy import (
    area_under_curve,
    balanced_area_under_curve,
    error_counts,
    hue_hit,
    hue_hit_counts,
)
from rechroma.metrics.difference import ciede2000
from rechroma.metrics.scores import Scores

__all__ = [
    "Scores",
    "area_under_curve",
    "balanced_area_under_curve",
    "ciede2000",
    "error_counts",
    "hue_hit",
    "hue_hit_counts",
]
