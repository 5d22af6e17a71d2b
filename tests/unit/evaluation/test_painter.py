"""What the model sees, and on which lightness its colors are laid."""

from __future__ import annotations

import numpy as np
import pytest

from rechroma.color import lightness, srgb_to_lab
from rechroma.colorizer import Colorizer
from rechroma.errors import ModelFeatureError
from rechroma.evaluation import Painter, gray_level
from rechroma.evaluation.metrics import ciede2000
from rechroma.evaluation.predictor import aged_level, dice
from tests.support.fake_engine import FakeEngine
from tests.support.shards import picture

GRAY = gray_level(picture(1))


def test_colors_as_users_get_them() -> None:
    painter = Painter(FakeEngine(), size=64)
    expected = Colorizer(engine=FakeEngine()).colorize(GRAY, size=64)
    np.testing.assert_array_equal(painter.colored(GRAY), expected)


def test_a_size_of_its_own_goes_before_that_of_all() -> None:
    class Spy(FakeEngine):
        def chroma(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> np.ndarray:
            shapes.append(max(lightness.shape))
            return super().chroma(lightness, hints)

    shapes: list[int] = []
    painter = Painter(Spy(), size=64)
    large = np.repeat(np.repeat(GRAY, 3, axis=0), 3, axis=1)
    painter.colored(large)
    painter.colored(large, 128)
    assert shapes == [64, 128]


def test_gray_has_the_lightness_of_the_picture() -> None:
    rgb = picture(1)
    assert np.abs(lightness(gray_level(rgb)) - lightness(rgb)).max() < 0.5


def test_the_colors_of_another_picture_come_on_the_own_lightness() -> None:
    painter = Painter(FakeEngine((20, 30)))
    white = np.full_like(GRAY, 255)
    lab = srgb_to_lab(painter.colored_as(GRAY, white))
    assert np.abs(lab[..., 0] - lightness(GRAY)).max() < 0.5
    np.testing.assert_allclose(np.median(lab[..., 1:], axis=(0, 1)), [20, 30], atol=0.5)
    np.testing.assert_array_equal(painter.colored_as(GRAY, GRAY), painter.colored(GRAY))


def test_an_old_print_is_the_same_in_every_run_and_another_for_each_picture() -> None:
    first = aged_level(picture(1), dice("a"))
    np.testing.assert_array_equal(first, aged_level(picture(1), dice("a")))
    assert first.shape == GRAY.shape
    assert np.abs(first.astype(int) - aged_level(picture(1), dice("b"))).mean() > 1


def hinted(painter: Painter, truth: np.ndarray, count: int) -> np.ndarray:
    drawn = painter.true_hints(truth, count, dice("key"))
    return painter.colored_with_hints(gray_level(truth), drawn)


def test_hints_bring_the_answer_nearer_to_the_truth() -> None:
    painter, truth = Painter(FakeEngine()), picture(2)

    def difference(count: int) -> float:
        answer = hinted(painter, truth, count)
        return float(ciede2000(srgb_to_lab(answer), srgb_to_lab(truth)).mean())

    assert difference(50) < difference(10) - 1 < difference(0) - 2
    plain = painter.colored(gray_level(truth))
    np.testing.assert_array_equal(hinted(painter, truth, 0), plain)


def test_hints_keep_off_the_padding() -> None:
    class Spy(FakeEngine):
        def chroma(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> np.ndarray:
            assert hints is not None
            seen.append(hints)
            return super().chroma(lightness, hints)

    seen: list[np.ndarray] = []
    hinted(Painter(Spy(), size=96), picture(2, 40, 96), 200)
    ((hints,),) = seen
    assert hints.shape == (3, 64, 96)
    assert hints[2, :40].any()
    assert not hints[2, 40:].any()


def test_a_model_without_hints_is_given_none() -> None:
    painter = Painter(FakeEngine(hints=False))
    hinted(painter, picture(2), 0)
    with pytest.raises(ModelFeatureError):
        hinted(painter, picture(2), 1)


def test_the_furthest_chroma_of_the_network_is_known_though_no_picture_has_it() -> None:
    painter = Painter(FakeEngine((150, 0)))
    painter.colored(np.full((96, 96), 255, np.uint8))
    painter.colored(np.zeros((96, 96), np.uint8))
    assert painter.chroma_max == pytest.approx(150)
    assert painter.chroma_beyond == pytest.approx(0.5)
