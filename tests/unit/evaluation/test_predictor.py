"""The predictor: model input, and the lightness that its chroma is combined with."""

from __future__ import annotations

import numpy as np
import pytest

from rechroma.color import lightness, srgb_to_lab
from rechroma.colorizer import Colorizer
from rechroma.errors import ModelFeatureError
from rechroma.evaluation import EvalPredictor, to_gray
from rechroma.evaluation.metrics.full_reference import ciede2000
from rechroma.evaluation.predictor import degrade, draw_hints, rng_for
from tests.support.fake_engine import FakeEngine
from tests.support.shards import synthetic_image

GRAY = to_gray(synthetic_image(1))


def test_predictor_equals_the_colorizer() -> None:
    predictor = EvalPredictor(FakeEngine(), size=64)
    expected = Colorizer(engine=FakeEngine()).colorize(GRAY, size=64)
    np.testing.assert_array_equal(predictor.colorize(GRAY), expected)


def test_size_of_a_call_overrides_that_of_the_predictor() -> None:
    class Spy(FakeEngine):
        def chroma(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> np.ndarray:
            shapes.append(max(lightness.shape))
            return super().chroma(lightness, hints)

    shapes: list[int] = []
    predictor = EvalPredictor(Spy(), size=64)
    large = np.repeat(np.repeat(GRAY, 3, axis=0), 3, axis=1)
    predictor.colorize(large)
    predictor.colorize(large, 128)
    assert shapes == [64, 128]


def test_to_gray_keeps_the_lightness() -> None:
    rgb = synthetic_image(1)
    assert np.abs(lightness(to_gray(rgb)) - lightness(rgb)).max() < 0.5


def test_colorize_as_combines_other_chroma_with_own_lightness() -> None:
    predictor = EvalPredictor(FakeEngine((20, 30)))
    white = np.full_like(GRAY, 255)
    lab = srgb_to_lab(predictor.colorize_as(GRAY, white))
    assert np.abs(lab[..., 0] - lightness(GRAY)).max() < 0.5
    np.testing.assert_allclose(np.median(lab[..., 1:], axis=(0, 1)), [20, 30], atol=0.5)
    np.testing.assert_array_equal(predictor.colorize_as(GRAY, GRAY), predictor.colorize(GRAY))


def test_degrade_depends_on_the_key_alone() -> None:
    first = degrade(synthetic_image(1), rng_for("a"))
    np.testing.assert_array_equal(first, degrade(synthetic_image(1), rng_for("a")))
    assert first.shape == GRAY.shape
    assert np.abs(first.astype(int) - degrade(synthetic_image(1), rng_for("b"))).mean() > 1


def hinted(predictor: EvalPredictor, truth: np.ndarray, count: int) -> np.ndarray:
    hints = draw_hints(truth, count, rng_for("key"))
    return predictor.colorize_with_hints(to_gray(truth), hints)


def test_hints_improve_the_prediction() -> None:
    predictor, truth = EvalPredictor(FakeEngine()), synthetic_image(2)

    def difference(count: int) -> float:
        answer = hinted(predictor, truth, count)
        return float(ciede2000(srgb_to_lab(answer), srgb_to_lab(truth)).mean())

    assert difference(50) < difference(10) < difference(0)
    plain = predictor.colorize(to_gray(truth))
    np.testing.assert_array_equal(hinted(predictor, truth, 0), plain)


def test_hints_do_not_cover_the_padding() -> None:
    class Spy(FakeEngine):
        def chroma(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> np.ndarray:
            if hints is not None:
                seen.append(hints)
            return super().chroma(lightness, hints)

    seen: list[np.ndarray] = []
    hinted(EvalPredictor(Spy(), size=96), synthetic_image(2, 40, 96), 200)
    ((hints,),) = seen
    assert hints.shape == (3, 64, 96)
    assert hints[2, :40].any()
    assert not hints[2, 40:].any()


def test_hints_are_rejected_by_a_model_without_support() -> None:
    predictor = EvalPredictor(FakeEngine(hints=False))
    hinted(predictor, synthetic_image(2), 0)
    with pytest.raises(ModelFeatureError):
        hinted(predictor, synthetic_image(2), 1)


def test_predictor_tracks_raw_chroma_beyond_the_gamut() -> None:
    predictor = EvalPredictor(FakeEngine((150, 0)))
    predictor.colorize(np.full((96, 96), 255, np.uint8))
    predictor.colorize(np.zeros((96, 96), np.uint8))
    assert predictor.chroma_max == pytest.approx(150)
    assert predictor.chroma_beyond == pytest.approx(0.5)
