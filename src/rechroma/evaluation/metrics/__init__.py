"""Metrics of colorization as functions, and :class:`MetricAccumulator` for a whole set."""

from __future__ import annotations

from rechroma.evaluation.metrics.accumulator import (
    MetricAccumulator,
    nanmean_over_images,
    no_reference_metrics,
)
from rechroma.evaluation.metrics.ciede2000 import ciede2000
from rechroma.evaluation.metrics.classification import gap_recovered, top1_agreement
from rechroma.evaluation.metrics.frechet import frechet_distance, kernel_distance
from rechroma.evaluation.metrics.hue_auc import (
    area_under_curve,
    balanced_area_under_curve,
    error_counts,
    hue_hit,
    hue_hit_counts,
    neutral_chroma,
)
from rechroma.evaluation.metrics.no_reference import (
    Flat,
    chroma_spread,
    edge_correlation,
    flat_regions,
    hue_entropy,
)
from rechroma.evaluation.metrics.ssim import ssim

__all__ = [
    "Flat",
    "MetricAccumulator",
    "area_under_curve",
    "balanced_area_under_curve",
    "chroma_spread",
    "ciede2000",
    "edge_correlation",
    "error_counts",
    "flat_regions",
    "frechet_distance",
    "gap_recovered",
    "hue_entropy",
    "hue_hit",
    "hue_hit_counts",
    "kernel_distance",
    "nanmean_over_images",
    "neutral_chroma",
    "no_reference_metrics",
    "ssim",
    "top1_agreement",
]
