"""The figures of one model on one data set, gathered picture by picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rechroma.color import bin_centres, colorfulness, colorfulness_abs, srgb_to_lab
from rechroma.metrics.accuracy import (
    OCTANTS,
    THRESHOLDS,
    area_under_curve,
    balanced_area_under_curve,
    error_counts,
    hue_hit,
    hue_hit_counts,
)
from rechroma.metrics.difference import ciede2000

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _zeros(*shape: int) -> NDArray[np.int64]:
    return np.zeros(shape, np.int64)


@dataclass
class Scores:
    """Adds up pictures with :meth:`update`, divides once in :meth:`compute`."""

    _hue: NDArray[np.int64] = field(default_factory=lambda: _zeros(2, OCTANTS))
    _errors: NDArray[np.int64] = field(
        default_factory=lambda: _zeros(len(bin_centres()), THRESHOLDS + 1)
    )
    _pictures: list[dict[str, float]] = field(default_factory=list)

    def update(self, predicted: NDArray[np.uint8], true: NDArray[np.uint8]) -> None:
        """Add one picture.

        Args:
            predicted: (H, W, 3) sRGB, as the model coloured it.
            true: (H, W, 3) sRGB, the photograph that was turned to grey.
        """
        lab, true_lab = srgb_to_lab(predicted), srgb_to_lab(true)
        self._hue += hue_hit_counts(lab[..., 1:], true_lab[..., 1:])
        self._errors += error_counts(lab[..., 1:], true_lab[..., 1:])
        self._pictures.append(_figures(predicted, true, lab, true_lab))

    def compute(self) -> dict[str, float]:
        """The figures by name; hue hit and the areas in per cent.

        `delta_cf` is the absolute difference of the mean colourfulness (abs form) of predictions
        and truths, `delta_cf_each` the mean of the pictures' absolute differences.
        """
        columns = {key: [p[key] for p in self._pictures] for key in self._pictures[0]}
        mean = {key: float(np.mean(values)) for key, values in columns.items()}
        true_cf = mean.pop("true_cf_abs")
        return {
            "hue_hit": 100 * hue_hit(self._hue),
            "ciede2000": mean["ciede2000"],
            "auc": 100 * area_under_curve(self._errors),
            "balanced_auc": 100 * balanced_area_under_curve(self._errors),
            "cf": mean["cf"],
            "cf_abs": mean["cf_abs"],
            "delta_cf": abs(mean["cf_abs"] - true_cf),
            "delta_cf_each": mean["delta_cf_each"],
            "psnr": mean["psnr"],
            "lightness_shift": mean["lightness_shift"],
            "lightness_shift_max": max(columns["lightness_shift"]),
        }


def _figures(
    predicted: NDArray[np.uint8],
    true: NDArray[np.uint8],
    lab: NDArray[np.float32],
    true_lab: NDArray[np.float32],
) -> dict[str, float]:
    cf_abs, true_cf_abs = colorfulness_abs(predicted), colorfulness_abs(true)
    squared = np.square(predicted.astype(np.float32) - true).mean(dtype=np.float64)
    return {
        "ciede2000": float(ciede2000(lab, true_lab).mean()),
        "cf": colorfulness(predicted),
        "cf_abs": cf_abs,
        "true_cf_abs": true_cf_abs,
        "delta_cf_each": abs(cf_abs - true_cf_abs),
        "psnr": float(10 * np.log10(255**2 / max(squared, 1e-10))),
        "lightness_shift": float(np.abs(lab[..., 0] - true_lab[..., 0]).mean()),
    }
