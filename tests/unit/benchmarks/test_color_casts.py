"""Casts of images with known colors."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.color_casts import cast


def lab_of(ab: np.ndarray) -> np.ndarray:
    return np.concatenate([np.full((*ab.shape[:2], 1), 50), ab], axis=-1).astype(np.float32)


def test_cast_of_colorful_things_on_gray_is_none() -> None:
    ab = np.zeros((20, 20, 2))
    ab[:, 10:] = (40, -30)
    assert cast(lab_of(ab)) == 0


def test_cast_of_a_veil_is_its_distance_from_gray() -> None:
    ab = np.zeros((20, 20, 2))
    ab[:, 10:] = (40, 30)
    assert cast(lab_of(ab + np.array((6, 8)))) == pytest.approx(10, abs=1e-3)


def test_cast_of_opposite_tints_cancels() -> None:
    ab = np.zeros((20, 20, 2))
    ab[:, ::2], ab[:, 1::2] = (8, 0), (-8, 0)
    assert cast(lab_of(ab)) == pytest.approx(0, abs=1e-3)
