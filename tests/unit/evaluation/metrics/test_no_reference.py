"""No-reference metrics on images with known edges and flat regions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rechroma.color import lab_to_srgb, srgb_to_lab
from rechroma.evaluation.metrics.no_reference import (
    chroma_spread,
    edge_correlation,
    flat_regions,
    hue_entropy,
)


def halves(light_edge: int, color_edge: int) -> np.ndarray:
    """L*a*b* (40, 60, 3) with one edge in lightness and one in color."""
    lab = np.zeros((40, 60, 3), np.float32)
    lab[:, :light_edge, 0], lab[:, light_edge:, 0] = 30, 60
    lab[:, :color_edge, 1], lab[:, color_edge:, 2] = 20, 30
    return lab


def test_edge_correlation_is_one_for_coinciding_edges() -> None:
    assert edge_correlation(halves(20, 20)) == pytest.approx(1)


def test_edge_correlation_is_low_for_displaced_edges() -> None:
    assert edge_correlation(halves(20, 40)) < 0.1


def test_edge_correlation_of_a_gray_image_is_undefined() -> None:
    ramp = np.random.default_rng(0).integers(0, 256, (40, 40, 1), np.uint8)
    assert math.isnan(edge_correlation(srgb_to_lab(np.repeat(ramp, 3, axis=-1))))
    assert math.isnan(edge_correlation(np.full((9, 9, 3), 50, np.float32)))


def sky_over_gravel(blotches: float) -> np.ndarray:
    """L*a*b* with a flat blue upper half with blotches and a rough gray lower half."""
    rng = np.random.default_rng(0)
    lab = np.zeros((96, 96, 3), np.float32)
    lab[:48] = 70, -5, -12
    lab[:48, :, 2] += rng.normal(0, blotches, (48, 96))
    lab[48:, :, 0] = rng.uniform(20, 80, (48, 96))
    return lab


def test_flat_regions_ignore_texture() -> None:
    chroma, unevenness = flat_regions(sky_over_gravel(0))
    assert chroma == pytest.approx(13, rel=1e-3)
    assert unevenness == pytest.approx(0, abs=0.05)


def test_flat_regions_measure_blotches() -> None:
    # Windows of 3 x 3 see a spread of sqrt(8 / 9) of the whole on average of the squares.
    assert 3.5 < flat_regions(sky_over_gravel(4)).unevenness < 4


def test_flat_regions_of_a_gray_image_have_no_chroma() -> None:
    image = lab_to_srgb(sky_over_gravel(0) * np.array([1, 0, 0], np.float32), np.uint8)
    assert flat_regions(srgb_to_lab(image)).chroma < 0.1


def hues(*degrees: float, chroma: float = 30) -> np.ndarray:
    """L*a*b* (1, N, 3) of colors with the given hues."""
    angles = np.radians(degrees)
    a, b = chroma * np.cos(angles), chroma * np.sin(angles)
    return np.stack([np.full(len(degrees), 50.0), a, b], axis=-1)[None].astype(np.float32)


def test_hue_entropy_counts_hues_in_bits() -> None:
    assert hue_entropy(hues(5, 5, 5)) == 0
    assert hue_entropy(hues(5, 95)) == pytest.approx(1)
    assert hue_entropy(hues(5, 95, 185, 275)) == pytest.approx(2)
    assert hue_entropy(hues(*(15 * number + 7 for number in range(24)))) == pytest.approx(
        math.log2(24)
    )


def test_hue_entropy_joins_hues_within_fifteen_degrees() -> None:
    assert hue_entropy(hues(1, 14)) == 0
    assert hue_entropy(hues(14, 16)) == pytest.approx(1)
    assert hue_entropy(hues(359, 1)) == pytest.approx(1)


def test_hue_entropy_is_weighted_by_chroma() -> None:
    lab = np.concatenate([hues(5, chroma=30), hues(95, chroma=10)], axis=1)
    expected = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert hue_entropy(lab) == pytest.approx(expected, abs=1e-6)


def test_hue_entropy_of_a_gray_image_is_zero() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert hue_entropy(srgb_to_lab(np.repeat(ramp, 3, axis=-1))) == 0


def test_chroma_spread_is_the_distance_of_colors_from_their_mean() -> None:
    assert chroma_spread(hues(40, 40)) == pytest.approx(0, abs=1e-5)
    assert chroma_spread(hues(0, 180, chroma=12)) == pytest.approx(12)
    lab = np.array([[[50, 3, 0], [50, -3, 0], [50, 3, 8], [50, -3, 8]]], np.float32)
    assert chroma_spread(lab) == pytest.approx(5)  # of 3 in a* and 4 in b*
