"""Metrics of one model on one data set, accumulated image by image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rechroma.color import bin_centers, colorfulness, colorfulness_abs, srgb_to_lab
from rechroma.evaluation.metrics.full_reference import ciede2000, ssim
from rechroma.evaluation.metrics.hue_auc import (
    OCTANTS,
    THRESHOLDS,
    area_under_curve,
    balanced_area_under_curve,
    error_counts,
    hue_hit,
    hue_hit_counts,
    neutral_chroma,
)
from rechroma.evaluation.metrics.no_reference import (
    chroma_spread,
    edge_correlation,
    flat_regions,
    hue_entropy,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_ORDER = (
    *("hue_hit", "ciede2000", "auc", "balanced_auc"),
    *("cf", "cf_abs", "delta_cf", "delta_cf_each"),
    *("hue_entropy", "chroma_spread", "neutral_chroma", "psnr", "ssim"),
    *("lightness_shift", "lightness_shift_max", "chroma_max"),
    *("edge_correlation", "flat_chroma", "flat_unevenness"),
)


def _zeros(*shape: int) -> NDArray[np.int64]:
    return np.zeros(shape, np.int64)


@dataclass
class MetricAccumulator:
    """Accumulates images with :meth:`update` and divides once in :meth:`compute`."""

    _hue: NDArray[np.int64] = field(default_factory=lambda: _zeros(2, OCTANTS))
    _errors: NDArray[np.int64] = field(
        default_factory=lambda: _zeros(len(bin_centers()), THRESHOLDS + 1)
    )
    _images: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def merge(cls, parts: Sequence[MetricAccumulator]) -> MetricAccumulator:
        """Merge the accumulators of several sets."""
        whole = cls()
        for part in parts:
            whole._hue += part._hue
            whole._errors += part._errors
            whole._images += part._images
        return whole

    def update(self, predicted: NDArray[np.uint8], true: NDArray[np.uint8]) -> dict[str, float]:
        """Add one image.

        Args:
            predicted: (H, W, 3) sRGB, the prediction.
            true: (H, W, 3) sRGB, the original photograph.

        Returns:
            The metrics that are defined for a single image.
        """
        lab, true_lab = srgb_to_lab(predicted), srgb_to_lab(true)
        self._hue += hue_hit_counts(lab[..., 1:], true_lab[..., 1:])
        self._errors += error_counts(lab[..., 1:], true_lab[..., 1:])
        cf_abs, true_cf_abs = colorfulness_abs(predicted), colorfulness_abs(true)
        squared = np.square(predicted.astype(np.float32) - true).mean(dtype=np.float64)
        shift = float(np.abs(lab[..., 0] - true_lab[..., 0]).mean())
        metrics = {
            "ciede2000": float(ciede2000(lab, true_lab).mean()),
            "true_cf_abs": true_cf_abs,
            "delta_cf_each": abs(cf_abs - true_cf_abs),
            "neutral_chroma": neutral_chroma(lab[..., 1:], true_lab[..., 1:]),
            "psnr": float(10 * np.log10(255**2 / max(squared, 1e-10))),
            "ssim": ssim(predicted, true),
            "lightness_shift": shift,
            "lightness_shift_max": shift,
        } | no_reference_metrics(predicted, lab)
        self._images.append(metrics)
        return metrics

    def compute(self) -> dict[str, float]:
        """Compute the metrics by name, without undefined ones; hue hit and areas are percentages.

        `delta_cf` is the absolute difference of the mean colorfulness (abs form) of predictions
        and originals, `delta_cf_each` the mean absolute difference per image.
        """
        found = nanmean_over_images(self._images)
        found |= {
            "hue_hit": 100 * hue_hit(self._hue),
            "auc": 100 * area_under_curve(self._errors),
            "balanced_auc": 100 * balanced_area_under_curve(self._errors),
            "delta_cf": abs(found["cf_abs"] - found["true_cf_abs"]),
        }
        return {name: found[name] for name in _ORDER if np.isfinite(found.get(name, np.nan))}


def no_reference_metrics(rgb: NDArray[np.uint8], lab: NDArray[np.float32]) -> dict[str, float]:
    """Compute the metrics that need no ground truth.

    Args:
        rgb: (H, W, 3) sRGB.
        lab: The same as L*a*b*.

    Returns:
        By name; nan where undefined. `chroma_max` is the largest absolute a* or b*.
    """
    flat = flat_regions(lab)
    return {
        "cf": colorfulness(rgb),
        "cf_abs": colorfulness_abs(rgb),
        "hue_entropy": hue_entropy(lab),
        "chroma_spread": chroma_spread(lab),
        "chroma_max": float(np.abs(lab[..., 1:]).max()),
        "edge_correlation": edge_correlation(lab),
        "flat_chroma": flat.chroma,
        "flat_unevenness": flat.unevenness,
    }


def nanmean_over_images(images: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Average each metric over the images that define it; leave it out where none does.

    Metrics with names ending in `_max` take the maximum instead.
    """
    columns = {name: [i[name] for i in images if np.isfinite(i[name])] for name in images[0]}
    return {
        name: float(max(values) if name.endswith("_max") else np.mean(values))
        for name, values in columns.items()
        if values
    }
