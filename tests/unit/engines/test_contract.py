"""The contract of every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rechroma.engines import Engine, OnnxEngine
from rechroma.errors import ModelFeatureError
from rechroma.training import TorchEngine
from tests.support.fake_engine import FakeEngine
from tests.support.models import write_model
from tests.support.networks import small

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["fake", "onnx", "torch"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    match request.param:
        case "fake":
            return FakeEngine()
        case "onnx":
            bins = [[0.0, 0.0], [20.0, 30.0], [0.0, 50.0]]
            path = write_model(tmp_path / "tiny.onnx", hints=True, stride=32, bins=bins)
            return OnnxEngine(path, threads=1)
        case _:
            return TorchEngine(small("rechroma"))


@pytest.fixture
def lightness() -> np.ndarray:
    return np.random.default_rng(0).uniform(10, 90, (2, 1, 32, 64)).astype(np.float32)


@pytest.fixture
def hints() -> np.ndarray:
    """A blue square in the first image, no hints in the second."""
    hints = np.zeros((2, 3, 32, 64), np.float32)
    hints[0, :, 8:16, 40:48] = np.array([10, -60, 1]).reshape(3, 1, 1)
    return hints


def test_chroma_is_finite_float32_of_the_declared_size(
    engine: Engine, lightness: np.ndarray
) -> None:
    chroma = engine.chroma(lightness)
    assert chroma.shape == (2, 2, 8, 16)
    assert chroma.dtype == np.float32
    assert np.isfinite(chroma).all()


def test_hints_change_only_their_image(
    engine: Engine, lightness: np.ndarray, hints: np.ndarray
) -> None:
    assert engine.card.hints
    free, fixed = engine.chroma(lightness), engine.chroma(lightness, hints)
    assert fixed.dtype == np.float32
    assert np.abs(fixed[0] - free[0]).max() > 1e-4
    np.testing.assert_allclose(fixed[1], free[1], atol=1e-3)


def test_engine_without_hints_and_bins_raises(lightness: np.ndarray, hints: np.ndarray) -> None:
    engine = TorchEngine(small("vgg-fcn"))
    assert engine.chroma(lightness).shape == (2, 2, 8, 16)
    for ask in (engine.chroma, engine.distribution):
        with pytest.raises(ModelFeatureError):
            ask(lightness, hints)
    with pytest.raises(ModelFeatureError, match="no distribution"):
        engine.distribution(lightness)


def test_empty_mask_equals_no_hints(engine: Engine, lightness: np.ndarray) -> None:
    nothing = np.zeros((2, 3, 32, 64), np.float32)
    np.testing.assert_array_equal(engine.chroma(lightness, nothing), engine.chroma(lightness))


def test_distribution_has_a_probability_for_each_bin(
    engine: Engine, lightness: np.ndarray, hints: np.ndarray
) -> None:
    for given in (None, hints):
        shares = engine.distribution(lightness, given)
        assert shares.shape == (2, len(engine.card.bins), 8, 16)
        assert shares.dtype == np.float32
        assert shares.min() >= 0
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-4)
