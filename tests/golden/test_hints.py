"""The shipped model with hints."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from rechroma import Colorizer, Hint
from rechroma.color import map_to_gamut, srgb_to_lab
from rechroma.evaluation import to_gray
from rechroma.evaluation.metrics.full_reference import ciede2000

COLORS = ("#b03030", "#3060b0", "#409040", "#c0a030", "#8040a0")


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer()


def lab_of(colorizer: Colorizer, gray: np.ndarray, *hints: Hint) -> np.ndarray:
    return srgb_to_lab(np.asarray(colorizer.colorize(gray, hints=list(hints))))


def in_gamut_color(lab: np.ndarray, hint: Hint) -> np.ndarray:
    """Map the hint's color to the gamut at each pixel's lightness."""
    ab = np.broadcast_to(hint.ab, (*lab.shape[:2], 2))
    return map_to_gamut(np.concatenate([lab[..., :1], ab], axis=-1).astype(np.float32))


@pytest.mark.parametrize("color", COLORS)
def test_hint_shows_at_its_position(color: str, colorizer: Colorizer) -> None:
    gray = to_gray(data.astronaut())
    hint = Hint(0.53, 0.86, color)  # on the space suit
    row, column = (int(at * side) for at, side in zip((hint.y, hint.x), gray.shape, strict=True))
    place = lab_of(colorizer, gray, hint)[row - 3 : row + 4, column - 3 : column + 4]
    assert ciede2000(place, in_gamut_color(place, hint)).mean() < 5


@pytest.mark.parametrize("color", COLORS)
def test_hint_does_not_cross_a_strong_edge(color: str, colorizer: Colorizer) -> None:
    gray = np.full((256, 256), 60, np.uint8)
    gray[:, 128:] = 200
    hint = Hint(0.35, 0.5, color)
    hinted = lab_of(colorizer, gray, hint)
    assert ciede2000(hinted, in_gamut_color(hinted, hint))[:, :112].mean() < 5
    assert ciede2000(lab_of(colorizer, gray), hinted)[:, 144:].mean() < 2


def test_conflicting_hints_show_at_their_positions(colorizer: Colorizer) -> None:
    gray = (to_gray(data.astronaut()) // 3 + 90).astype(np.uint8)  # little to tell places by
    middles = [(number + 0.5) / 10 for number in range(10)]
    hints = [
        Hint(x, y, COLORS[(row + column) % 2])
        for column, x in enumerate(middles)
        for row, y in enumerate(middles)
    ]
    lab = lab_of(colorizer, gray, *hints)
    right = 0
    for hint in hints:
        place = lab[int(hint.y * 512), int(hint.x * 512), 1:]
        other = next(h for h in hints if h.color != hint.color)
        right += np.linalg.norm(place - hint.ab) < np.linalg.norm(place - other.ab)
    assert right >= 98


def test_ten_hints_correct_more_than_one(colorizer: Colorizer) -> None:
    truth = data.coffee()
    gray, lab = to_gray(truth), srgb_to_lab(truth)
    rng = np.random.default_rng(0)
    places = rng.uniform(0.05, 0.95, (10, 2))
    hints = []
    for x, y in places:
        row, column = int(y * truth.shape[0]), int(x * truth.shape[1])
        patch = truth[row - 4 : row + 5, column - 4 : column + 5].mean(axis=(0, 1))
        hints.append(Hint(x, y, "#{:02x}{:02x}{:02x}".format(*patch.astype(int))))
    difference = [
        ciede2000(lab_of(colorizer, gray, *hints[:count]), lab).mean() for count in (0, 1, 10)
    ]
    assert difference[2] < difference[1] - 0.3
    assert difference[2] < difference[0] - 0.5
