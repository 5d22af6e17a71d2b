"""The metrics of a data set, for predictions with known scores."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from rechroma.color import lab_to_srgb, srgb_to_lab
from rechroma.evaluation.metrics.accumulator import MetricAccumulator


def astronaut() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[::2, ::2])


def grayed(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(lab_to_srgb(srgb_to_lab(rgb) * np.array([1, 0, 0], np.float32), np.uint8))


def scores(predicted: np.ndarray, true: np.ndarray) -> dict[str, float]:
    accumulator = MetricAccumulator()
    accumulator.update(predicted, true)
    return accumulator.compute()


def test_truth_has_perfect_scores() -> None:
    figures = scores(astronaut(), astronaut())
    assert figures["hue_hit"] == 100
    assert figures["auc"] == figures["balanced_auc"] == 100
    assert figures["ciede2000"] == figures["delta_cf"] == figures["lightness_shift_max"] == 0


def test_gray_has_no_hue_hit_and_no_lightness_shift() -> None:
    figures = scores(grayed(astronaut()), astronaut())
    assert figures["hue_hit"] == 0
    assert figures["cf_abs"] < 0.5
    assert figures["lightness_shift"] < 0.2
    assert figures["delta_cf"] == pytest.approx(figures["delta_cf_each"])
    assert figures["chroma_max"] < 0.5
    assert "edge_correlation" not in figures


def test_psnr_agrees_with_scikit_image() -> None:
    gray, true = grayed(astronaut()), astronaut()
    assert scores(gray, true)["psnr"] == pytest.approx(peak_signal_noise_ratio(true, gray))


def test_delta_cf_is_not_the_mean_of_differences() -> None:
    accumulator = MetricAccumulator()
    accumulator.update(grayed(astronaut()), astronaut())
    accumulator.update(astronaut(), grayed(astronaut()))
    figures = accumulator.compute()
    assert figures["delta_cf"] == pytest.approx(0, abs=1e-9)
    assert figures["delta_cf_each"] > 10


def test_merged_accumulators_score_as_one() -> None:
    images = [(grayed(astronaut()), astronaut()), (astronaut(), astronaut()[:, ::-1])]
    together, parts = MetricAccumulator(), [MetricAccumulator(), MetricAccumulator()]
    for part, (predicted, true) in zip(parts, images, strict=True):
        together.update(predicted, true)
        part.update(predicted, true)
    assert MetricAccumulator.merge(parts).compute() == together.compute()
    assert parts[0].compute()["hue_hit"] == 0


def test_chroma_max_is_the_maximum_of_all_images() -> None:
    accumulator = MetricAccumulator()
    red = np.full((16, 16, 3), (255, 0, 0), np.uint8)
    figures = [accumulator.update(image, red) for image in (red, grayed(red))]
    assert figures[0]["chroma_max"] == pytest.approx(80.1, abs=0.1)
    assert accumulator.compute()["chroma_max"] == figures[0]["chroma_max"]


def test_undefined_metrics_are_omitted() -> None:
    gray = grayed(astronaut())
    figures = scores(gray, gray)
    assert "hue_hit" not in figures
    assert figures["ssim"] == pytest.approx(1)


def test_variety_metrics_distinguish_gray_from_truth() -> None:
    truth, gray = scores(astronaut(), astronaut()), scores(grayed(astronaut()), astronaut())
    assert truth["hue_entropy"] > 2
    assert truth["chroma_spread"] > 10
    assert 1 < truth["neutral_chroma"] < 4
    assert gray["hue_entropy"] == 0
    assert max(gray["chroma_spread"], gray["neutral_chroma"]) < 0.1
    red = np.full((16, 16, 3), (255, 0, 0), np.uint8)
    assert "neutral_chroma" not in scores(red, red)
