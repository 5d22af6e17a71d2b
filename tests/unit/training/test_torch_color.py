"""Color science in torch: agreement with NumPy, and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rechroma.color import colorfulness_abs, srgb_to_lab
from rechroma.evaluation.metrics.hue_auc import hue_hit, hue_hit_counts
from rechroma.training.torch_color import (
    chroma_difference,
    colorfulness,
    colorize_luminance,
    lab_to_srgb,
    rgb_to_lightness,
    soft_hue_error,
)
from tests.support.shards import synthetic_image


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(array, -1, 0)[None].astype(np.float32))


@pytest.fixture
def rgb() -> np.ndarray:
    return synthetic_image(3).astype(np.float32) / 255


def test_lightness_equals_the_numpy_implementation(rgb: np.ndarray) -> None:
    mine = rgb_to_lightness(_tensor(rgb))[0, 0].numpy()
    np.testing.assert_allclose(mine, srgb_to_lab(rgb)[..., 0], atol=0.01)


def test_lab_round_trips(rgb: np.ndarray) -> None:
    lab = _tensor(srgb_to_lab(rgb))
    back = lab_to_srgb(lab[:, :1], lab[:, 1:])[0].numpy()
    np.testing.assert_allclose(np.moveaxis(back, 0, -1), rgb, atol=2e-3)


def test_gray_stays_gray_in_bfloat16() -> None:
    ramp = torch.linspace(0, 1, 256).expand(1, 3, 16, 256).contiguous()
    with torch.autocast("cpu", torch.bfloat16):
        shown = colorize_luminance(torch.zeros(1, 2, 4, 64), ramp)
    assert shown.dtype == torch.float32
    torch.testing.assert_close(shown, ramp, atol=1e-3, rtol=0)


def test_colors_outside_the_gamut_are_clipped_and_still_give_finite_gradients() -> None:
    ab = torch.tensor([[100.0, -100.0], [0.0, 0.0]]).T.reshape(1, 2, 1, 2).requires_grad_()
    rgb = lab_to_srgb(torch.tensor([[5.0, 0.0]]).view(1, 1, 1, 2), ab)
    rgb.sum().backward()
    assert rgb.min() >= 0
    assert rgb.max() <= 1
    assert ab.grad is not None
    assert torch.isfinite(ab.grad).all()


def test_colorfulness_equals_the_numpy_implementation(rgb: np.ndarray) -> None:
    mine = float(colorfulness(_tensor(rgb)))
    assert mine == pytest.approx(colorfulness_abs(rgb), rel=1e-3)


def test_colorfulness_of_gray_is_small_with_a_finite_gradient() -> None:
    gray = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    value = colorfulness(gray)
    value.sum().backward()
    assert value.item() < 0.1
    assert gray.grad is not None
    assert torch.isfinite(gray.grad).all()


def test_delta_e_is_near_zero_for_equal_colors_and_grows() -> None:
    true = torch.tensor([30.0, 40.0]).view(1, 2, 1, 1)
    same, near, far = (
        float(chroma_difference(true + torch.tensor([d, 0.0]).view(1, 2, 1, 1), true))
        for d in (0, 5, 20)
    )
    assert same < 0.02
    assert same < near < far


def test_delta_e_weights_chroma_less_than_hue_for_vivid_colors() -> None:
    true = torch.tensor([60.0, 0.0]).view(1, 2, 1, 1)
    along = chroma_difference(true + torch.tensor([10.0, 0.0]).view(1, 2, 1, 1), true)
    across = chroma_difference(true + torch.tensor([0.0, 10.0]).view(1, 2, 1, 1), true)
    assert float(along) < float(across)


def test_soft_hue_error_is_a_smooth_form_of_hue_hit() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0, 40, (32, 32, 2)).astype(np.float32)
    for noise in (1, 20, 60):
        guess = true + rng.normal(0, noise, true.shape).astype(np.float32)
        hit = hue_hit(hue_hit_counts(guess, true))
        assert 1 - float(soft_hue_error(_tensor(guess), _tensor(true))) == pytest.approx(
            hit, abs=0.12
        )


def test_soft_hue_error_is_zero_without_colorful_pixels() -> None:
    gray = torch.zeros(1, 2, 4, 4)
    guess = torch.zeros(1, 2, 4, 4, requires_grad=True)
    misses = soft_hue_error(guess, gray)
    misses.backward()
    assert misses.item() == 0
