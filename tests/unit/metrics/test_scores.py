"""The figures of a data set, for the three answers whose scores are known."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from rechroma.color import lab_to_srgb, srgb_to_lab
from rechroma.metrics import Scores


def astronaut() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[::2, ::2])


def greyed(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(lab_to_srgb(srgb_to_lab(rgb) * np.array([1, 0, 0], np.float32), np.uint8))


def scores(predicted: np.ndarray, true: np.ndarray) -> dict[str, float]:
    gathered = Scores()
    gathered.update(predicted, true)
    return gathered.compute()


def test_truth_is_perfect() -> None:
    figures = scores(astronaut(), astronaut())
    assert figures["hue_hit"] == 100
    assert figures["auc"] == figures["balanced_auc"] == 100
    assert figures["ciede2000"] == figures["delta_cf"] == figures["lightness_shift_max"] == 0


def test_grey_never_hits_a_hue_and_keeps_the_lightness() -> None:
    figures = scores(greyed(astronaut()), astronaut())
    assert figures["hue_hit"] == 0
    assert figures["cf_abs"] < 0.5
    assert figures["lightness_shift"] < 0.2
    assert figures["delta_cf"] == pytest.approx(figures["delta_cf_each"])


def test_psnr_agrees_with_scikit_image() -> None:
    grey, true = greyed(astronaut()), astronaut()
    assert scores(grey, true)["psnr"] == pytest.approx(peak_signal_noise_ratio(true, grey))


def test_difference_of_means_and_mean_of_differences_are_told_apart() -> None:
    gathered = Scores()
    gathered.update(greyed(astronaut()), astronaut())
    gathered.update(astronaut(), greyed(astronaut()))
    figures = gathered.compute()
    assert figures["delta_cf"] == pytest.approx(0, abs=1e-9)
    assert figures["delta_cf_each"] > 10
