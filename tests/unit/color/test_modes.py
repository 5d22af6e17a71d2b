from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rechroma.color import bin_centers, dominant_chroma


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
def test_dominant_chroma_gives_distinct_colors_by_falling_probability(
    seed: int, count: int
) -> None:
    centers = bin_centers()
    probabilities = np.random.default_rng(seed).dirichlet(np.full(len(centers), 0.02))
    chroma, shares = dominant_chroma(probabilities.astype(np.float32), centers, count)
    assert 1 <= len(chroma) == len(shares) <= count
    assert (np.diff(shares) <= 0).all()
    assert shares.sum() <= 1 + 1e-5
    assert np.abs(chroma).max() <= np.abs(centers).max()
