"""Colorfulness in both published forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from skimage import data

from rechroma.color import colorfulness, colorfulness_abs

BOTH = pytest.mark.parametrize("measure", [colorfulness, colorfulness_abs])


@BOTH
@given(level=hnp.arrays(np.uint8, (4, 5, 1)))
def test_colorfulness_of_gray_is_zero(measure: type, level: np.ndarray) -> None:
    assert measure(np.repeat(level, 3, axis=-1)) == 0


@BOTH
def test_colorfulness_is_independent_of_the_dtype(measure: type) -> None:
    image = data.coffee()[::4, ::4]
    expected = measure(image)
    assert measure(image / np.float32(255)) == pytest.approx(expected, rel=1e-5)
    assert measure(image.astype(np.uint16) * 257) == pytest.approx(expected, rel=1e-5)


def test_colorfulness_of_one_color_is_its_offset() -> None:
    flat = np.full((3, 3, 3), (200, 100, 50), np.uint8)
    expected = 0.3 * np.hypot(100, 150 - 50)
    assert colorfulness(flat) == pytest.approx(expected, rel=1e-5)
    assert colorfulness_abs(flat) == pytest.approx(expected, rel=1e-5)


def test_forms_of_colorfulness_differ_by_sign() -> None:
    halves = np.array([[(200, 100, 100), (100, 200, 100)]], np.uint8)
    red_green, yellow_blue = np.array([100.0, -100]), np.array([50.0, 50])
    signed = np.hypot(red_green.std(), yellow_blue.std()) + 0.3 * np.hypot(0, 50)
    assert colorfulness(halves) == pytest.approx(signed, rel=1e-5)
    assert colorfulness_abs(halves) == pytest.approx(0.3 * np.hypot(100, 50), rel=1e-5)
