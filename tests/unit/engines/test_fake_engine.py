from __future__ import annotations

import numpy as np
import pytest

from rechroma.engines import Engine, available_threads
from rechroma.errors import ModelFeatureError
from tests.support.fake_engine import FakeEngine


def test_chroma_is_the_hue_times_the_mean_lightness_of_the_cell() -> None:
    engine: Engine = FakeEngine((10, -20), stride=8, scale=4)
    lightness = np.zeros((2, 1, 8, 16), np.float32)
    lightness[1, 0, :4, :2] = 100
    chroma = engine.chroma(lightness)
    assert chroma.shape == (2, 2, 2, 4)
    assert chroma.dtype == np.float32
    np.testing.assert_allclose(chroma[1, :, 0, 0], [5, -10])
    assert np.count_nonzero(chroma) == 2


def test_hinted_cell_has_the_mean_of_its_hints() -> None:
    lightness = np.full((1, 1, 8, 8), 50, np.float32)
    hints = np.zeros((1, 3, 8, 8), np.float32)
    hints[0, :, 0, 0] = 40, -20, 1
    hints[0, :, 3, 3] = 20, -40, 1
    chroma = FakeEngine((10, -20), stride=8).chroma(lightness, hints)
    np.testing.assert_allclose(chroma[0, :, 0, 0], [30, -30])
    np.testing.assert_allclose(chroma[0, :, 1, 1], [5, -10])


def test_distribution_has_the_share_of_the_hue() -> None:
    engine = FakeEngine((10, -20), stride=8)
    shares = engine.distribution(np.full((1, 1, 8, 8), 30, np.float32))
    np.testing.assert_allclose(shares[0, :, 1, 0], [0.7, 0.3], rtol=1e-6)
    assert engine.card.bins[1] == (10, -20)


def test_fake_engine_without_hints_rejects_them() -> None:
    engine = FakeEngine(hints=False)
    lightness, hints = np.zeros((1, 1, 32, 32), np.float32), np.zeros((1, 3, 32, 32), np.float32)
    assert not engine.card.hints
    for run in (engine.chroma, engine.distribution):
        with pytest.raises(ModelFeatureError, match="the model fake does not support hints"):
            run(lightness, hints)


def test_card_has_the_requested_fields() -> None:
    card = FakeEngine(stride=16, scale=2, size=128).card
    assert (card.stride, card.scale, card.size) == (16, 2, 128)


def test_available_threads_is_at_least_one() -> None:
    assert 1 <= available_threads() <= 8
