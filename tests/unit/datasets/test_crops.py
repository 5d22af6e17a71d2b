"""Random hints: true colors, positions and number."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rechroma.datasets.crops import MAX_PATCH, random_count, random_hints


def true_chroma(seed: int, height: int = 40, width: int = 56) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-60, 60, (height, width, 2)).astype(np.float32)


@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(2, 56))
def test_hint_is_a_small_patch_of_the_mean_color(seed: int, height: int, width: int) -> None:
    chroma = true_chroma(seed, height, width)
    hints = random_hints(chroma, 1, np.random.default_rng(seed))
    assert hints.shape == (3, height, width)
    rows, columns = np.nonzero(hints[2])
    high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert len(rows) == high * wide
    assert high <= min(MAX_PATCH, height)
    assert wide <= min(MAX_PATCH, width)
    assert set(np.unique(hints[2])) <= {0.0, 1.0}
    mean = chroma[rows, columns].mean(axis=0)
    np.testing.assert_allclose(hints[:2, rows, columns], np.tile(mean, (len(rows), 1)).T, atol=1e-4)
    assert not hints[:2][:, hints[2] == 0].any()


def test_no_hints_give_an_empty_map() -> None:
    assert not random_hints(true_chroma(0), 0, np.random.default_rng(0)).any()


def test_hints_concentrate_at_the_middle() -> None:
    rng = np.random.default_rng(0)
    chroma = true_chroma(0, 96, 96)
    counts = np.sum([random_hints(chroma, 1, rng)[2] for _ in range(300)], axis=0)
    share = counts[24:72, 24:72].sum() / counts.sum()
    assert 0.35 < share < 0.65  # within one standard deviation, to both sides: 0.68 squared is 0.47


def test_number_of_hints_is_mostly_small_and_sometimes_large() -> None:
    rng = np.random.default_rng(0)
    counts = np.array([random_count(rng) for _ in range(4000)])
    assert counts.min() == 1
    assert counts.max() == 64
    assert 7 <= np.median(counts) <= 9
