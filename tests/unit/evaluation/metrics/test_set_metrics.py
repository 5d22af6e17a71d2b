"""Distances of sets: against scipy, loops and known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm  # type: ignore[import-untyped]

from rechroma.evaluation.metrics.set_metrics import (
    frechet_distance,
    gap_recovered,
    kernel_distance,
    top1_agreement,
)


def features(seed: int, count: int, depth: int, shift: float = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(count, depth)) @ rng.normal(size=(depth, depth))
    return np.asarray(mixed + shift, np.float32)


def test_frechet_agrees_with_the_formula_by_scipy() -> None:
    first, second = features(1, 300, 12), features(2, 200, 12, 0.7)
    cov1, cov2 = np.cov(first.T), np.cov(second.T)
    root = sqrtm(cov1 @ cov2).real
    step = first.mean(axis=0) - second.mean(axis=0)
    expected = step @ step + np.trace(cov1 + cov2 - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-4)


def test_frechet_supports_fewer_images_than_features() -> None:
    first, second = features(1, 6, 20), features(2, 9, 20)
    cov1, cov2 = np.cov(first.T), np.cov(second.T)
    values = np.linalg.eigvals(cov1 @ cov2).real
    step = first.mean(axis=0) - second.mean(axis=0)
    cross = np.sqrt(np.maximum(values, 0)).sum()
    expected = step @ step + np.trace(cov1 + cov2) - 2 * cross
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-4)


def test_frechet_of_a_shift_is_its_square() -> None:
    first = features(3, 50, 8)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(first, first + 2) == pytest.approx(8 * 4, rel=1e-4)


def test_frechet_of_a_factor_agrees_with_the_formula() -> None:
    first = features(4, 50, 8)
    first = first - first.mean(axis=0)
    spread = np.trace(np.cov(first.T))
    assert frechet_distance(first, 3 * first) == pytest.approx(4 * spread, rel=1e-4)


def test_kernel_distance_agrees_with_a_loop() -> None:
    first, second = features(1, 9, 5), features(2, 9, 5, 1)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((np.dot(x.astype(float), y) / 5 + 1) ** 3)

    total = 0.0
    for i in range(9):
        for j in range(9):
            if i != j:
                total += kernel(first[i], first[j]) + kernel(second[i], second[j])
                total -= kernel(first[i], second[j]) + kernel(second[i], first[j])
    assert kernel_distance(first, second) == pytest.approx(total / 72, rel=1e-6)


def test_kernel_distance_is_unbiased_and_grows_with_the_difference() -> None:
    rng = np.random.default_rng(0)

    def mean_distance(shift: float) -> float:
        pairs = rng.normal(size=(300, 2, 8, 4)).astype(np.float32)
        return float(np.mean([kernel_distance(x, y + np.float32(shift)) for x, y in pairs]))

    assert abs(mean_distance(0)) < 0.1
    assert mean_distance(1) > 1
    same = features(5, 10, 4)
    assert kernel_distance(same, same) == pytest.approx(0, abs=1e-9)


def test_kernel_distance_is_unbiased_for_paired_sets() -> None:
    rng = np.random.default_rng(0)
    distances = []
    for _ in range(300):
        scenes = rng.normal(size=(8, 4))
        first, second = scenes + rng.normal(0, 0.3, (2, 8, 4))
        distances.append(kernel_distance(first.astype(np.float32), second.astype(np.float32)))
    assert abs(np.mean(distances)) < 0.05


def test_distances_are_undefined_for_one_image() -> None:
    one = np.zeros((1, 4), np.float32)
    assert math.isnan(frechet_distance(one, features(1, 5, 4)))
    assert math.isnan(kernel_distance(one, one))


def test_top1_agreement_is_the_share_of_equal_classes() -> None:
    assert top1_agreement([1, 2, 3, 4], [1, 2, 0, 0]) == 0.5
    assert math.isnan(top1_agreement([], []))


def test_gap_recovered_goes_from_gray_to_the_truth() -> None:
    assert gap_recovered(0.6, 0.6) == 0
    assert gap_recovered(0.8, 0.6) == pytest.approx(0.5)
    assert gap_recovered(1, 0.6) == 1
    assert gap_recovered(0.5, 0.6) == pytest.approx(-0.25)


def test_gap_recovered_is_undefined_without_a_gap() -> None:
    assert math.isnan(gap_recovered(1, 1))
