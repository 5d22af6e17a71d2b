"""What the shipped model makes of colours that somebody gives it."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from rechroma import Colorizer, Hint
from rechroma.color import map_to_gamut, srgb_to_lab
from rechroma.evaluation import grey_level
from rechroma.metrics import ciede2000

COLOURS = ("#b03030", "#3060b0", "#409040", "#c0a030", "#8040a0")


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer()


def lab_of(colorizer: Colorizer, grey: np.ndarray, *hints: Hint) -> np.ndarray:
    return srgb_to_lab(np.asarray(colorizer.colorize(grey, hints=list(hints))))


@pytest.mark.parametrize("color", COLOURS)
def test_a_hint_shows_at_its_place(color: str, colorizer: Colorizer) -> None:
    grey = grey_level(data.astronaut())
    hint = Hint(0.53, 0.86, color)  # on the space suit
    row, column = (int(at * side) for at, side in zip((hint.y, hint.x), grey.shape, strict=True))
    place = lab_of(colorizer, grey, hint)[row - 3 : row + 4, column - 3 : column + 4]
    asked = np.concatenate([place[..., :1], np.broadcast_to(hint.ab, (7, 7, 2))], axis=-1)
    within = map_to_gamut(asked.astype(np.float32))  # no screen shows so bright a red
    assert ciede2000(place, within).mean() < 5


@pytest.mark.parametrize("color", COLOURS)
def test_a_hint_does_not_cross_a_strong_edge(color: str, colorizer: Colorizer) -> None:
    grey = np.full((256, 256), 60, np.uint8)
    grey[:, 128:] = 200
    change = ciede2000(lab_of(colorizer, grey), lab_of(colorizer, grey, Hint(0.35, 0.5, color)))
    assert change[112:144, 80:100].mean() > 5
    assert change[:, 144:].mean() < 2


def test_ten_hints_correct_more_than_one(colorizer: Colorizer) -> None:
    truth = data.coffee()
    grey, lab = grey_level(truth), srgb_to_lab(truth)
    rng = np.random.default_rng(0)
    places = rng.uniform(0.05, 0.95, (10, 2))
    hints = []
    for x, y in places:
        row, column = int(y * truth.shape[0]), int(x * truth.shape[1])
        patch = truth[row - 4 : row + 5, column - 4 : column + 5].mean(axis=(0, 1))
        hints.append(Hint(x, y, "#{:02x}{:02x}{:02x}".format(*patch.astype(int))))
    difference = [
        ciede2000(lab_of(colorizer, grey, *hints[:count]), lab).mean() for count in (0, 1, 10)
    ]
    assert difference[2] < difference[1] - 0.3
    assert difference[2] < difference[0] - 0.5
