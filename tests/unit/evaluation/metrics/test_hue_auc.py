"""Hue hit and the areas under the error curve, on hand-computed cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechroma.evaluation.metrics.hue_auc import (
    area_under_curve,
    balanced_area_under_curve,
    error_counts,
    hue_hit,
    hue_hit_counts,
    neutral_chroma,
)


def polar(chroma: float, degrees: float) -> np.ndarray:
    angle = math.radians(degrees)
    return np.array([[chroma * math.cos(angle), chroma * math.sin(angle)]], np.float32)


def hit(predicted: np.ndarray, true: np.ndarray) -> float:
    return hue_hit(hue_hit_counts(predicted, true))


@given(st.floats(0, 360), st.floats(-29, 29), st.floats(10.01, 90))
def test_hue_within_thirty_degrees_hits(hue: float, step: float, chroma: float) -> None:
    assert hit(polar(chroma, hue + step), polar(40, hue)) == 1


@given(st.floats(0, 360), st.floats(31, 329))
def test_hue_beyond_thirty_degrees_misses(hue: float, step: float) -> None:
    assert hit(polar(40, hue + step), polar(40, hue)) == 0


def test_hue_hit_of_gray_is_zero_and_ignores_muted_truth() -> None:
    assert hit(polar(9.9, 20), polar(40, 20)) == 0
    assert math.isnan(hit(polar(40, 20), polar(19.9, 20)))


def test_hue_hit_of_sepia_is_an_eighth_when_all_hues_occur() -> None:
    true = np.concatenate([polar(40, 22.5 + 45 * octant) for octant in range(8)])
    assert hit(np.repeat(polar(30, 67.5), 8, axis=0), true) == pytest.approx(1 / 8)


def test_hue_hit_weights_octants_equally() -> None:
    true = np.concatenate([np.repeat(polar(40, 70), 99, axis=0), polar(40, 250)])
    predicted = np.concatenate([np.zeros((99, 2), np.float32), polar(40, 250)])
    assert hit(predicted, true) == 0.5


def test_auc_of_a_constant_error_agrees_with_the_formula() -> None:
    true = np.zeros((10, 2), np.float32)
    counts = error_counts(true + np.array([50, 0], np.float32), true)
    assert area_under_curve(counts) == pytest.approx((151 - 50) / 151)


def test_auc_is_one_for_the_truth_and_zero_beyond_the_threshold() -> None:
    true = np.array([[30, 40], [-20, 10]], np.float32)
    assert area_under_curve(error_counts(true, true)) == 1
    assert area_under_curve(error_counts(true + 200, true)) == 0


def test_balanced_auc_weights_rare_and_common_colors_equally() -> None:
    true = np.concatenate([np.zeros((99, 2)), np.full((1, 2), 50)]).astype(np.float32)
    predicted = np.zeros_like(true)
    rare = (151 - math.ceil(math.hypot(50, 50))) / 151
    counts = error_counts(predicted, true)
    assert area_under_curve(counts) == pytest.approx((99 + rare) / 100)
    assert balanced_area_under_curve(counts) == pytest.approx((1 + rare) / 2)


def test_neutral_chroma_is_the_mean_where_the_truth_is_neutral() -> None:
    true = np.array([[[0, 3.9], [2, 2], [0, 4.1], [30, 30]]], np.float32)
    predicted = np.array([[[3, 4], [0, 11], [50, 50], [0, 0]]], np.float32)
    assert neutral_chroma(predicted, true) == pytest.approx((5 + 11) / 2)
    assert neutral_chroma(true, true) == pytest.approx((3.9 + math.hypot(2, 2)) / 2)


@pytest.mark.parametrize(("neutral", "expected"), [(1, math.nan), (2, 7.0)])
def test_neutral_chroma_needs_two_per_cent_of_neutral_pixels(neutral: int, expected: float) -> None:
    true = np.full((10, 10, 2), 20, np.float32)
    true[0, :neutral] = 0
    predicted = np.zeros_like(true)
    predicted[..., 1] = 7
    assert neutral_chroma(predicted, true) == pytest.approx(expected, nan_ok=True)
