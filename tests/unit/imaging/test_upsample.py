from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechroma.imaging import ChromaUpsampler


def a_chroma(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 40, (height, width, 2)).astype(np.float32)


@given(
    small=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    size=st.tuples(st.integers(2, 90), st.integers(2, 90)),
    rows=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_strips_join_to_the_result_of_opencv(
    small: tuple[int, int], size: tuple[int, int], rows: int, seed: int
) -> None:
    chroma = a_chroma(*small, seed)
    upsampler = ChromaUpsampler(chroma, size)
    strips = [upsampler.strip(slice(top, top + rows)) for top in range(0, size[0], rows)]
    whole = cv2.resize(chroma, size[::-1], interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(np.concatenate(strips), whole.reshape(*size, 2), atol=1e-3)


def test_strip_is_float32_of_full_width() -> None:
    strip = ChromaUpsampler(a_chroma(5, 7), (40, 50)).strip(slice(10, 13))
    assert strip.dtype == np.float32
    assert strip.shape == (3, 50, 2)


@pytest.mark.parametrize("size", [(30, 40), (17, 31), (1, 1), (1, 6), (7, 2)])
def test_blocks_have_the_mean_of_their_pixels(size: tuple[int, int]) -> None:
    chroma = a_chroma(3, 4)
    pixels = ChromaUpsampler(chroma, size).strip(slice(0, size[0]))
    even = np.pad(pixels, [(0, size[0] % 2), (0, size[1] % 2), (0, 0)], mode="edge")
    rows, columns = (-(-side // 2) for side in size)
    means = even.reshape(rows, 2, columns, 2, 2).mean(axis=(1, 3))
    blocks = ChromaUpsampler(chroma, size, block=2).strip(slice(0, rows))
    np.testing.assert_allclose(blocks, means, atol=1e-3)


@pytest.mark.parametrize("color", [(0.0, 0.0), (25.0, -60.0)])
def test_strip_keeps_a_uniform_color(color: tuple[float, float]) -> None:
    chroma = np.full((4, 6, 2), color, np.float32)
    strip = ChromaUpsampler(chroma, (33, 47)).strip(slice(0, 33))
    np.testing.assert_allclose(strip, np.broadcast_to(color, strip.shape), atol=1e-4)
