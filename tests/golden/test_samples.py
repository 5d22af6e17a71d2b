"""The shipped model's colors equal the recorded ones, which were inspected by eye.

Processors round differently, so the grids may differ by a little.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from rechroma import Colorizer
from tests.golden.samples import GOLDEN, NAMES, colors_of

MEAN, LARGEST = 1.0, 4.0  # a*b* steps; the grids are written in whole ones

golden = json.loads(GOLDEN.read_text("utf-8"))


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer()


def test_golden_colors_are_those_of_the_default_model(colorizer: Colorizer) -> None:
    assert golden["model"] == f"{colorizer.card.name} {colorizer.card.version}"


@pytest.mark.parametrize("name", NAMES)
def test_colors_equal_the_golden_ones(name: str, colorizer: Colorizer) -> None:
    difference = np.abs(colors_of(name, colorizer) - np.array(golden["colors"][name]))
    assert difference.mean() < MEAN
    assert difference.max() < LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_golden_colors_are_not_gray(name: str) -> None:
    assert np.linalg.norm(np.array(golden["colors"][name]), axis=-1).mean() > 5
