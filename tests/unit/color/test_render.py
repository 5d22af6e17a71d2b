from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000

from rechroma.color import lab_to_srgb, lightness, srgb_to_lab
from rechroma.color.gamut import map_to_gamut
from rechroma.color.lab import lab_to_linear
from rechroma.color.render import render_srgb

TYPES = [np.uint8, np.uint16]


def _every_level(dtype: type, width: int = 64) -> np.ndarray:
    top = np.iinfo(dtype).max
    return np.linspace(0, top, 256 * width).round().astype(dtype).reshape(256, width)


def _chroma(shape: tuple[int, int], spread: float) -> np.ndarray:
    return np.random.default_rng(1).normal(5, spread, (*shape, 2)).astype(np.float32)


def _lab(gray: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    return np.dstack([lightness(gray), chroma])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("spread", [0, 8, 40])
def test_colors_within_srgb_agree_with_the_plain_formula(dtype: type, spread: float) -> None:
    gray = _every_level(dtype)
    chroma = _chroma(gray.shape, spread)
    lab = _lab(gray, chroma)
    linear = lab_to_linear(lab)
    well_inside = (linear.min(axis=-1) > 0.001) & (linear.max(axis=-1) < 0.995)
    assert well_inside.mean() > 0.2
    wanted = lab_to_srgb(lab, dtype).astype(np.int64)
    off = np.abs(render_srgb(gray, chroma) - wanted)[well_inside]
    assert off.max() <= (1 if dtype is np.uint8 else 6)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("spread", [8, 40])
def test_colors_outside_srgb_agree_with_gamut_mapping(dtype: type, spread: float) -> None:
    gray = _every_level(dtype)
    chroma = _chroma(gray.shape, spread)
    wanted = lab_to_srgb(map_to_gamut(_lab(gray, chroma)), dtype)
    difference = deltaE_ciede2000(
        srgb_to_lab(render_srgb(gray, chroma)).astype(np.float64),
        srgb_to_lab(wanted).astype(np.float64),
    )
    assert difference.mean() < 0.05
    assert np.percentile(difference, 99.9) < 1


@pytest.mark.parametrize(("dtype", "limit"), [(np.uint8, 0.15), (np.uint16, 0.005)])
@pytest.mark.parametrize("spread", [8, 40])
def test_lightness_is_that_of_the_gray(dtype: type, limit: float, spread: float) -> None:
    gray = _every_level(dtype)
    off = np.abs(lightness(render_srgb(gray, _chroma(gray.shape, spread))) - lightness(gray))
    assert off.mean() < limit
    assert off.max() < 0.5


@pytest.mark.parametrize("dtype", TYPES)
def test_no_chroma_gives_the_gray_itself(dtype: type) -> None:
    gray = _every_level(dtype)
    rgb = render_srgb(gray, np.zeros((*gray.shape, 2), np.float32))
    np.testing.assert_array_equal(rgb, np.dstack([gray] * 3))


def test_zero_chroma_gives_the_gray_at_those_pixels() -> None:
    gray = _every_level(np.uint16)
    chroma = _chroma(gray.shape, 8)
    wanted = render_srgb(gray, chroma)
    neutral = (np.add.outer(*map(np.arange, gray.shape)) % 3) == 0
    chroma[neutral] = 0
    wanted[neutral] = gray[neutral][:, None]
    np.testing.assert_array_equal(render_srgb(gray, chroma), wanted)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 39))
def test_strips_join_without_a_seam(height: int, width: int, cut: int) -> None:
    rng = np.random.default_rng(height * 41 + width)
    gray = rng.integers(0, 256, (height, width), np.uint8)
    chroma = rng.normal(0, 40, (height, width, 2)).astype(np.float32)
    parts = [
        render_srgb(gray[rows], chroma[rows])
        for rows in (slice(cut), slice(cut, None))
        if gray[rows].size
    ]
    # Vectorized powers can differ in the last bit with a pixel's place in the array.
    off = np.concatenate(parts).astype(int) - render_srgb(gray, chroma)
    assert np.abs(off).max() <= 1
    assert np.count_nonzero(off) <= max(1, off.size // 1000)
