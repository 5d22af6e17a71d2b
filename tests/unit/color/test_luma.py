"""Chroma at a luma that stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rechroma.color import srgb_to_lab
from rechroma.color.luma import LUMA_WEIGHTS, chroma_at_luma

SRGB = np.arange(256, dtype=np.uint16) * 257
GAMMA_18 = np.rint(65535 * (np.arange(256) / 255) ** (1.8 / 2.2)).astype(np.uint16)


def colors_of(luma: NDArray[np.uint8], chroma: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Decode as JFIF says, without rounding."""
    y = luma / 255
    cb, cr = np.moveaxis((chroma - 128.0) / 255, -1, 0)
    red, blue = y + 1.402 * cr, y + 1.772 * cb
    green = (y - 0.299 * red - 0.114 * blue) / 0.587
    return np.stack([red, green, blue], axis=-1).astype(np.float32)


def drawn(seed: int, spread: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    luma = rng.integers(0, 256, (100, 100), dtype=np.uint8)
    return luma, rng.normal(0, spread, (100, 100, 2)).astype(np.float32)


@given(st.integers(0, 2**31), st.floats(0, 120))
def test_colors_are_in_the_gamut(seed: int, spread: float) -> None:
    luma, wanted = drawn(seed, spread)
    rgb = colors_of(luma, chroma_at_luma(luma, wanted, SRGB))
    assert rgb.min() >= -0.004  # half a level of chroma
    assert rgb.max() <= 1.004


@pytest.mark.parametrize("spread", [10.0, 30.0, 80.0])
def test_hue_is_the_wanted_one(spread: float) -> None:
    luma, wanted = drawn(1, spread)
    lab = srgb_to_lab(colors_of(luma, chroma_at_luma(luma, wanted, SRGB)).clip(0, 1))
    hues = np.arctan2(lab[..., 2], lab[..., 1]) - np.arctan2(wanted[..., 1], wanted[..., 0])
    errors = np.degrees(np.abs(np.angle(np.exp(1j * hues))))
    vivid = np.hypot(lab[..., 1], lab[..., 2]) > 15
    assert vivid.mean() > 0.2
    assert errors[vivid].mean() < 1
    assert np.percentile(errors[vivid], 99) < 4


def test_chroma_within_the_gamut_is_the_wanted_one() -> None:
    luma, wanted = drawn(2, 8)
    middle = (luma > 80) & (luma < 200)
    lab = srgb_to_lab(colors_of(luma, chroma_at_luma(luma, wanted, SRGB)))
    errors = np.abs(lab[..., 1:] - wanted)[middle]
    assert errors.mean() < 0.3  # Cb and Cr are rounded
    assert errors.max() < 1.5


@pytest.mark.parametrize("spread", [30.0, 80.0])
def test_chroma_is_never_above_the_wanted(spread: float) -> None:
    luma, wanted = drawn(3, spread)
    lab = srgb_to_lab(colors_of(luma, chroma_at_luma(luma, wanted, SRGB)).clip(0, 1))
    excess = np.hypot(lab[..., 1], lab[..., 2]) - np.linalg.norm(wanted, axis=-1)
    assert np.percentile(excess, 99) < 2


@pytest.mark.parametrize("tone", [SRGB, GAMMA_18])
def test_no_chroma_is_neutral(tone: NDArray[np.uint16]) -> None:
    luma = np.arange(256, dtype=np.uint8)[None]
    chroma = chroma_at_luma(luma, np.zeros((1, 256, 2), np.float32), tone)
    assert (chroma == 128).all()


def test_tone_curve_of_a_profile_is_followed() -> None:
    luma, wanted = drawn(4, 8)
    rgb = colors_of(luma, chroma_at_luma(luma, wanted, GAMMA_18))
    shown = np.interp(rgb, np.arange(256) / 255, GAMMA_18 / 65535).astype(np.float32)
    middle = (luma > 80) & (luma < 200)
    assert np.abs(srgb_to_lab(shown)[..., 1:] - wanted)[middle].mean() < 0.35


def test_luma_weights_are_those_of_jpeg() -> None:
    assert LUMA_WEIGHTS.sum() == pytest.approx(1)
    np.testing.assert_allclose(LUMA_WEIGHTS, [0.299, 0.587, 0.114])
