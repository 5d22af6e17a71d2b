"""SSIM against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.metrics import structural_similarity

from rechroma.evaluation.metrics import ssim


def astronaut() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[::4, ::3])


def noisy(image: np.ndarray, much: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, much, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("much", [2, 20, 80])
def test_ssim_agrees_with_scikit_image(much: float) -> None:
    first, second = astronaut(), noisy(astronaut(), much)
    expected = structural_similarity(
        first,
        second,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(first, second) == pytest.approx(expected, abs=1e-4)


def test_ssim_of_an_image_with_itself_is_one_at_any_size() -> None:
    assert ssim(astronaut(), astronaut()) == pytest.approx(1)
    assert ssim(astronaut()[:4, :7], astronaut()[:4, :7]) == pytest.approx(1)


def test_ssim_of_the_negative_is_negative() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    assert ssim(noise, 255 - noise) < -0.5
