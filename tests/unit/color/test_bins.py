"""Color bins: coverage of the gamut, soft labels, and rebalancing weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rechroma.color import (
    TABLE_ROWS,
    bin_centers,
    bin_counts,
    dominant_chroma,
    nearest_bins,
    rebalancing_weights,
    smooth_prior,
    srgb_to_lab,
    table_index,
)

CENTERS = bin_centers()
NEAREST, SHARES = nearest_bins(CENTERS, 5)


def test_bins_cover_the_gamut_and_little_more() -> None:
    assert 250 <= len(CENTERS) <= 313
    assert [0, 0] in CENTERS.tolist()
    assert np.abs(CENTERS).max() <= 110


@given(hnp.arrays(np.uint8, (20, 3)))
def test_every_color_has_a_bin_nearby(rgb: np.ndarray) -> None:
    ab = srgb_to_lab(rgb)[..., 1:]
    distance = np.linalg.norm(CENTERS[NEAREST[table_index(ab), 0]] - ab, axis=-1)
    # Half a diagonal, and half a step of the table; a corner of the gamut may lack its own bin.
    assert distance.max() <= 5 * 2**0.5 + 5


@given(st.floats(-110, 110), st.floats(-110, 110))
def test_soft_labels_sum_to_one_nearest_first(a: float, b: float) -> None:
    row = table_index(np.array([a, b], np.float32))
    assert SHARES[row].sum() == pytest.approx(1, abs=1e-5)
    assert (np.diff(SHARES[row]) <= 1e-6).all()
    assert len(set(NEAREST[row].tolist())) == 5


def test_counts_go_to_the_nearest_bin() -> None:
    counts = np.zeros(TABLE_ROWS, np.int64)
    counts[table_index(np.array([[3, -4], [18, 1]], np.float32))] = [7, 2]
    binned = bin_counts(counts, CENTERS)
    assert binned[CENTERS.tolist().index([0, 0])] == 7
    assert binned[CENTERS.tolist().index([20, 0])] == 2
    assert binned.sum() == 9


@given(hnp.arrays(np.int64, len(CENTERS), elements=st.integers(0, 10**6)))
def test_weights_are_one_on_average_and_favor_the_rare(counts: np.ndarray) -> None:
    counts[0] += 1
    prior = smooth_prior(counts, CENTERS)
    weights = rebalancing_weights(prior)
    assert prior.sum() == pytest.approx(1, abs=1e-4)
    assert (weights * prior).sum() == pytest.approx(1, abs=1e-4)
    assert weights[prior.argmin()] == weights.max()


def test_neighboring_bins_are_merged() -> None:
    centers = np.array([[0, 0], [10, 0], [60, 0], [60, 40]], np.float32)
    chroma, shares = dominant_chroma(np.array([0.3, 0.3, 0.35, 0.05], np.float32), centers, 3)
    assert np.allclose(shares, [0.6, 0.35, 0.05])
    assert np.allclose(chroma, [[5, 0], [60, 0], [60, 40]])


def test_dominant_chroma_returns_fewer_if_there_are_fewer() -> None:
    centers = np.array([[0, 0], [60, 0]], np.float32)
    chroma, shares = dominant_chroma(np.array([0, 1], np.float32), centers, 6)
    assert chroma.tolist() == [[60, 0]]
    assert shares.tolist() == [1]


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_dominant_chroma_is_distinct_and_ordered_by_probability(seed: int, count: int) -> None:
    centers = bin_centers()
    probabilities = np.random.default_rng(seed).dirichlet(np.full(len(centers), 0.02))
    chroma, shares = dominant_chroma(probabilities.astype(np.float32), centers, count)
    assert 1 <= len(chroma) == len(shares) <= count
    assert (np.diff(shares) <= 0).all()
    assert shares.sum() <= 1 + 1e-5
    assert np.abs(chroma).max() <= np.abs(centers).max()
