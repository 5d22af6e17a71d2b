"""Reach of hints, on images of flat surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rechroma.engines.hint_reach import limit_reach
from rechroma.hints import MAX_HINTS, Hint

RED = "#c04030"
LEFT, RIGHT = (slice(40, 80), slice(10, 60)), (slice(40, 80), slice(100, 150))
INNER_LEFT, INNER_RIGHT = (slice(44, 76), slice(14, 56)), (slice(44, 76), slice(104, 146))


def two_squares() -> np.ndarray:
    """Two surfaces of the same lightness (120, 160) on a dark ground."""
    lightness = np.full((120, 160), 10, np.float32)
    lightness[LEFT] = lightness[RIGHT] = 70
    return lightness


def red_share(lightness: np.ndarray, *hints: Hint) -> np.ndarray:
    """Effect of hints, 0..1, if a network changes the whole image to their color."""
    plain = np.zeros((*lightness.shape, 2), np.float32)
    hinted = np.broadcast_to(np.array(hints[-1].ab, np.float32), plain.shape)
    limited = limit_reach(lightness, hints, hinted, plain)
    return limited[..., 0] / hints[-1].ab[0]


def test_limit_reach_fills_the_surface_and_spares_its_twin() -> None:
    effect = red_share(two_squares(), Hint(0.2, 0.5, RED))
    assert effect[INNER_LEFT].min() > 0.9
    assert effect[RIGHT].max() < 0.1
    assert effect[:30].max() < 0.1


def test_limit_reach_of_two_hints_covers_both_surfaces() -> None:
    effect = red_share(two_squares(), Hint(0.2, 0.5, RED), Hint(0.8, 0.5, RED))
    assert effect[INNER_LEFT].min() > 0.9
    assert effect[INNER_RIGHT].min() > 0.9


@pytest.mark.parametrize(
    "hint", [Hint(0.2, 0.5, RED, radius=0.05), Hint(0.2, 0.5, RED, only_here=True)]
)
def test_limit_reach_of_a_restricted_hint_is_shorter(hint: Hint) -> None:
    even = np.full((100, 160), 50, np.float32)
    free, restricted = red_share(even, Hint(0.2, 0.5, RED)), red_share(even, hint)
    assert restricted[50, 32] == pytest.approx(1, abs=0.02)
    assert restricted[50, 75] < 0.1 < 0.9 < free[50, 75]
    assert restricted.sum() < free.sum() / 3


def test_limit_reach_radius_ends_the_effect_there() -> None:
    effect = red_share(np.full((160, 160), 50, np.float32), Hint(0.5, 0.5, RED, radius=0.2))
    apart = np.hypot(*(np.indices((160, 160)) - 79.5))
    assert effect[apart < 0.2 * 160 - 4].min() > 0.9
    assert effect[apart > 0.2 * 160 + 4].max() == 0


def weak_response(hint: Hint, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Predictions with and without a hint that a network follows by a share of the way."""
    plain = np.zeros((60, 60, 2), np.float32)
    return np.float32(share) * np.array(hint.ab, np.float32) + plain, plain


def test_limit_reach_leaves_a_nudge_of_a_weak_response() -> None:
    even, hint = np.full((60, 60), 50, np.float32), Hint(0.5, 0.5, RED)
    moved = np.linalg.norm(limit_reach(even, [hint], *weak_response(hint, 0.15)), axis=2)
    assert moved.max() <= 3.001
    against = limit_reach(even, [hint], *weak_response(hint, -0.15))
    np.testing.assert_array_equal(against, 0)


@pytest.mark.parametrize("restriction", [{"radius": 0.3}, {"only_here": True}])
def test_limit_reach_drops_a_weak_response_of_a_limited_hint(restriction: dict[str, Any]) -> None:
    even, hint = np.full((60, 60), 50, np.float32), Hint(0.5, 0.5, RED, **restriction)
    weak, plain = weak_response(hint, 0.15)
    np.testing.assert_array_equal(limit_reach(even, [hint], weak, plain), plain)


def test_limit_reach_ends_where_another_thing_was_seen() -> None:
    even, hint = np.full((60, 120), 50, np.float32), Hint(0.25, 0.5, RED)
    plain = np.zeros((60, 120, 2), np.float32)
    plain[:, 60:] = (-20, 30)  # grass, say, as light as the thing with the hint
    hinted = np.broadcast_to(np.array(hint.ab, np.float32), plain.shape)
    moved = np.linalg.norm(limit_reach(even, [hint], hinted, plain) - plain, axis=2)
    asked = np.linalg.norm(hint.ab)
    assert moved[:, :56].min() > 0.9 * asked
    assert moved[:, 80:].max() <= 3.001


@pytest.mark.parametrize("restriction", [{"radius": 0.05}, {"only_here": True}])
def test_limit_reach_of_a_hint_is_not_shortened_by_another(restriction: dict[str, Any]) -> None:
    strip = np.full((12, 160), 50, np.float32)
    alone = red_share(strip, Hint(0.1, 0.5, RED))
    both = red_share(strip, Hint(0.3, 0.5, RED, **restriction), Hint(0.1, 0.5, RED))
    assert (both >= alone - 1e-5).all()


def test_limit_reach_keeps_a_radius_within_the_reach_of_another_color() -> None:
    even, plain = np.full((120, 160), 50, np.float32), np.zeros((120, 160, 2), np.float32)
    red, blue = Hint(0.1, 0.5, RED, radius=0.08), Hint(0.9, 0.5, "#3050c0")
    hinted = np.where(np.arange(160)[:, None] < 80, red.ab, blue.ab) + plain
    limited = limit_reach(even, [red, blue], hinted.astype(np.float32), plain)
    np.testing.assert_allclose(limited[60, 16], red.ab, atol=1)
    np.testing.assert_allclose(limited[60, 120], blue.ab, atol=1)
    assert np.abs(limited[60, 40:78]).max() < 1  # red beyond its radius


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_limit_reach_takes_any_shape(shape: tuple[int, int]) -> None:
    effect = red_share(np.full(shape, 50, np.float32), Hint(1, 0, RED), Hint(0, 1, RED))
    assert effect.shape == shape
    assert effect[0, -1] > 0.9


def test_limit_reach_takes_as_many_hints_as_allowed() -> None:
    rng = np.random.default_rng(1)
    points = rng.random((MAX_HINTS, 2)).tolist()
    effect = red_share(two_squares(), *(Hint(x, y, RED) for x, y in points))
    assert effect[INNER_LEFT].min() > 0.9
    assert effect[INNER_RIGHT].min() > 0.9
