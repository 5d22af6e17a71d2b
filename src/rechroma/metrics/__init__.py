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
from rechroma.metrics.distribution import frechet_distance, kernel_distance
from rechroma.metrics.neatness import Flat, edge_correlation, flat_parts
from rechroma.metrics.scores import Scores, over_pictures, truthless
from rechroma.metrics.semantics import agreement, recovered
from rechroma.metrics.structure import ssim

__all__ = [
    "Flat",
    "Scores",
    "agreement",
    "area_under_curve",
    "balanced_area_under_curve",
    "ciede2000",
    "edge_correlation",
    "error_counts",
    "flat_parts",
    "frechet_distance",
    "hue_hit",
    "hue_hit_counts",
    "kernel_distance",
    "over_pictures",
    "recovered",
    "ssim",
    "truthless",
]
