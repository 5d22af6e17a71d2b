from __future__ import annotations

import numpy as np

from rechroma.engines import Engine, FakeEngine, available_threads


def test_chroma_is_the_hue_times_the_mean_lightness_of_the_cell() -> None:
    engine: Engine = FakeEngine((10, -20), stride=8, scale=4)
    lightness = np.zeros((2, 1, 8, 16), np.float32)
    lightness[1, 0, :4, :2] = 100
    chroma = engine.chroma(lightness)
    assert chroma.shape == (2, 2, 2, 4)
    assert chroma.dtype == np.float32
    np.testing.assert_allclose(chroma[1, :, 0, 0], [5, -10])
    assert np.count_nonzero(chroma) == 2


def test_the_card_says_what_was_asked_for() -> None:
    card = FakeEngine(stride=16, scale=2, size=128).card
    assert (card.stride, card.scale, card.size) == (16, 2, 128)


def test_there_is_a_thread_to_use() -> None:
    assert 1 <= available_threads() <= 8
