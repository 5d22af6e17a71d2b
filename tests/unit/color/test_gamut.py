from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rechroma.color import srgb_to_lab
from rechroma.color.gamut import TOLERANCE, map_to_gamut
from rechroma.color.lab import lab_to_linear

_REACH = 120.0
labs = st.tuples(
    st.floats(0, 100, width=32),
    st.floats(-_REACH, _REACH, width=32),
    st.floats(-_REACH, _REACH, width=32),
)
images = hnp.arrays(np.float32, (7, 3), elements=st.floats(0, 1, width=32))


def _lab(*colors: tuple[float, float, float]) -> np.ndarray:
    return np.array(colors, np.float32)


def _excess(lab: np.ndarray) -> np.ndarray:
    linear = lab_to_linear(lab)
    return np.asarray(np.maximum(-linear.min(axis=-1), linear.max(axis=-1) - 1))


@given(st.lists(labs, min_size=1, max_size=20))
def test_result_is_in_gamut(colors: list[tuple[float, float, float]]) -> None:
    assert _excess(map_to_gamut(_lab(*colors))).max() <= TOLERANCE * 1.01


@given(labs)
def test_lightness_and_hue_are_kept_and_chroma_never_grows(
    color: tuple[float, float, float],
) -> None:
    lightness, a, b = color
    mapped = map_to_gamut(_lab(color))[0].astype(np.float64)
    assert mapped[0] == np.float32(lightness)
    assert np.hypot(*mapped[1:]) <= np.hypot(a, b) * (1 + 1e-6)
    cross = mapped[1] * b - mapped[2] * a
    assert abs(cross) <= 1e-5 * np.hypot(a, b) ** 2
    assert mapped[1] * a + mapped[2] * b >= 0


@given(images)
def test_colors_of_srgb_are_untouched(rgb: np.ndarray) -> None:
    lab = srgb_to_lab(rgb)
    np.testing.assert_array_equal(map_to_gamut(lab), lab)


@given(st.lists(labs, min_size=1, max_size=20))
def test_mapping_twice_changes_nothing(colors: list[tuple[float, float, float]]) -> None:
    once = map_to_gamut(_lab(*colors))
    np.testing.assert_array_equal(map_to_gamut(once), once)


@pytest.mark.parametrize("lightness", [0.0, 100.0])
def test_black_and_white_are_neutral(lightness: float) -> None:
    mapped = map_to_gamut(_lab((lightness, 40, -30), (lightness, -80, 80)))
    assert np.abs(mapped[:, 1:]).max() < 0.02


@pytest.mark.parametrize("lightness", [-5.0, 107.0])
def test_lightness_out_of_range_gives_neutral(lightness: float) -> None:
    mapped = map_to_gamut(_lab((lightness, 40, -30)))
    np.testing.assert_array_equal(mapped, _lab((lightness, 0, 0)))


def test_chroma_loss_is_minimal() -> None:
    angle = np.linspace(0, 2 * np.pi, 360, dtype=np.float32)
    lightness = np.repeat(np.arange(5, 96, 5, dtype=np.float32)[:, None], 360, axis=1)
    lab = np.stack(
        [lightness, 150 * np.cos(angle) + 0 * lightness, 150 * np.sin(angle) + 0 * lightness],
        axis=-1,
    )
    mapped = map_to_gamut(lab)
    chroma = np.hypot(mapped[..., 1], mapped[..., 2])
    larger = mapped.copy()
    larger[..., 1:] *= (1.01 + 0.3 / chroma)[..., None]
    assert (_excess(larger) > 0).mean() > 0.99


@pytest.mark.parametrize("shape", [(3,), (0, 3), (4, 3), (2, 3, 3), (40, 1000, 3)])
def test_any_shape_is_kept(shape: tuple[int, ...]) -> None:
    lab = np.full(shape, 60, np.float32)
    before = lab.copy()
    assert map_to_gamut(lab).shape == shape
    np.testing.assert_array_equal(lab, before)


def test_large_image_is_mapped_like_its_pixels() -> None:
    lab = np.random.default_rng(0).uniform(-110, 110, (70, 1000, 3)).astype(np.float32)
    lab[..., 0] = np.abs(lab[..., 0]) * np.float32(0.9)
    whole = map_to_gamut(lab)
    np.testing.assert_allclose(whole[3, 5:9], map_to_gamut(lab[3, 5:9]), atol=1e-4)
    assert _excess(whole).max() <= TOLERANCE * 1.01
