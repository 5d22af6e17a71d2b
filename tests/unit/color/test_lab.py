"""Conversion between sRGB and L*a*b*: against scikit-image, round trips and primaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from skimage.color import lab2rgb, rgb2lab

from rechroma.color import lab_to_srgb, lightness, luminance, srgb_to_lab
from rechroma.color.lab import gray_of_luminance, to_encoded, to_float, to_linear

unit_pixels = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=6).map(lambda s: (*s, 3)),
    elements=st.floats(0, 1, width=32),
)


@given(unit_pixels)
def test_srgb_to_lab_agrees_with_scikit_image(rgb: np.ndarray) -> None:
    np.testing.assert_allclose(srgb_to_lab(rgb), rgb2lab(rgb), atol=0.02)


@given(unit_pixels)
def test_float_round_trips(rgb: np.ndarray) -> None:
    np.testing.assert_allclose(lab_to_srgb(srgb_to_lab(rgb)), rgb, atol=5e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@given(data=st.data())
def test_integers_round_trip(dtype: type, data: st.DataObject) -> None:
    rgb = data.draw(hnp.arrays(dtype, (5, 3)))
    back = lab_to_srgb(srgb_to_lab(rgb), dtype)
    steps = 0 if dtype is np.uint8 else 16
    assert np.abs(back.astype(int) - rgb).max() <= steps


def test_lab_to_srgb_agrees_with_scikit_image() -> None:
    lab = srgb_to_lab(np.indices((18, 18, 18)).reshape(3, -1).T.astype(np.uint8) * 15)
    np.testing.assert_allclose(lab_to_srgb(lab), lab2rgb(lab), atol=1e-3)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((255, 255, 255), (100, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_primaries_have_known_values(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(srgb_to_lab(np.array([rgb], np.uint8))[0], lab, atol=0.03)


@given(unit_pixels)
def test_lightness_is_the_first_channel_of_lab(rgb: np.ndarray) -> None:
    np.testing.assert_allclose(
        lightness(rgb[None, None])[0, 0], srgb_to_lab(rgb)[..., 0], atol=1e-3
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lightness_of_gray_rises_through_the_full_range(dtype: type) -> None:
    top = np.iinfo(dtype).max
    light = lightness(np.arange(top + 1, dtype=dtype)[None])[0]
    assert light[0] == 0
    assert light[-1] == pytest.approx(100, abs=1e-4)
    assert (np.diff(light) >= 0).all()
    assert light[top // 2] == pytest.approx(53.4, abs=0.3)


def test_lightness_of_gray_is_that_of_neutral_color() -> None:
    gray = np.arange(256, dtype=np.uint8)[None]
    neutral = np.repeat(gray[..., None], 3, axis=-1)
    np.testing.assert_allclose(lightness(gray), lightness(neutral), atol=2e-3)


def test_luminance_weighs_green_most() -> None:
    red, green, blue = luminance(np.eye(3, dtype=np.float32)[None])[0]
    assert (red, green, blue) == pytest.approx((0.2127, 0.7152, 0.0722), abs=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_gray_of_a_neutral_color_is_its_level(dtype: type) -> None:
    levels: NDArray[np.unsignedinteger] = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    gray = gray_of_luminance(luminance(np.stack([levels] * 3, axis=-1)), dtype)
    np.testing.assert_array_equal(gray, levels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@given(data=st.data())
def test_the_gray_of_a_color_is_the_level_nearest_to_its_luminance(
    dtype: type, data: st.DataObject
) -> None:
    rgb = data.draw(hnp.arrays(dtype, (5, 3)))
    exact = to_encoded(to_linear(to_float(rgb)) @ np.array([0.212671, 0.715160, 0.072169]))
    levels = exact * np.iinfo(dtype).max
    assert np.abs(gray_of_luminance(luminance(rgb), dtype) - levels).max() < 0.53
