"""SSIM against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.color import deltaE_ciede2000
from skimage.metrics import structural_similarity

from rechroma.evaluation.metrics.full_reference import ciede2000, ssim

# Sharma, Wu, Dalal (2005), table 1: pairs of L*a*b* and their difference.
SHARMA = [
    ((50.0000, 2.6772, -79.7751), (50.0000, 0.0000, -82.7485), 2.0425),
    ((50.0000, 3.1571, -77.2803), (50.0000, 0.0000, -82.7485), 2.8615),
    ((50.0000, 2.8361, -74.0200), (50.0000, 0.0000, -82.7485), 3.4412),
    ((50.0000, -1.3802, -84.2814), (50.0000, 0.0000, -82.7485), 1.0000),
    ((50.0000, -1.1848, -84.8006), (50.0000, 0.0000, -82.7485), 1.0000),
    ((50.0000, -0.9009, -85.5211), (50.0000, 0.0000, -82.7485), 1.0000),
    ((50.0000, 0.0000, 0.0000), (50.0000, -1.0000, 2.0000), 2.3669),
    ((50.0000, -1.0000, 2.0000), (50.0000, 0.0000, 0.0000), 2.3669),
    ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0009), 7.1792),
    ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0010), 7.1792),
    ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0011), 7.2195),
    ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0012), 7.2195),
    ((50.0000, -0.0010, 2.4900), (50.0000, 0.0009, -2.4900), 4.8045),
    ((50.0000, -0.0010, 2.4900), (50.0000, 0.0010, -2.4900), 4.8045),
    ((50.0000, -0.0010, 2.4900), (50.0000, 0.0011, -2.4900), 4.7461),
    ((50.0000, 2.5000, 0.0000), (50.0000, 0.0000, -2.5000), 4.3065),
    ((50.0000, 2.5000, 0.0000), (73.0000, 25.0000, -18.0000), 27.1492),
    ((50.0000, 2.5000, 0.0000), (61.0000, -5.0000, 29.0000), 22.8977),
    ((50.0000, 2.5000, 0.0000), (56.0000, -27.0000, -3.0000), 31.9030),
    ((50.0000, 2.5000, 0.0000), (58.0000, 24.0000, 15.0000), 19.4535),
    ((50.0000, 2.5000, 0.0000), (50.0000, 3.1736, 0.5854), 1.0000),
    ((50.0000, 2.5000, 0.0000), (50.0000, 3.2972, 0.0000), 1.0000),
    ((50.0000, 2.5000, 0.0000), (50.0000, 1.8634, 0.5757), 1.0000),
    ((50.0000, 2.5000, 0.0000), (50.0000, 3.2592, 0.3350), 1.0000),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ((61.2901, 3.7196, -5.3901), (61.4292, 2.2480, -4.9620), 1.8731),
    ((35.0831, -44.1164, 3.7933), (35.0232, -40.0716, 1.5901), 1.8645),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((36.4612, 47.8580, 18.3852), (36.2715, 50.5065, 21.2231), 1.4146),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((90.9257, -0.5406, -0.9208), (88.6381, -0.8985, -0.7239), 1.5381),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def astronaut() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[::4, ::3])


def noisy(picture: np.ndarray, much: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, much, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255).astype(np.uint8))


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


@pytest.mark.parametrize(("first", "second", "difference"), SHARMA)
def test_ciede2000_equals_published_pairs(
    first: tuple[float, ...], second: tuple[float, ...], difference: float
) -> None:
    assert ciede2000(np.array(first), np.array(second)) == pytest.approx(difference, abs=5e-5)


def test_ciede2000_agrees_with_scikit_image() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.uniform((0, -100, -100), (100, 100, 100), (2, 2000, 3))
    expected = deltaE_ciede2000(first, second)
    np.testing.assert_allclose(ciede2000(first, second), expected, atol=1e-6)


def test_ciede2000_is_symmetric_and_zero_for_equal_colors() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.uniform((0, -90, -90), (100, 90, 90), (2, 500, 3))
    np.testing.assert_allclose(ciede2000(first, second), ciede2000(second, first), atol=1e-9)
    np.testing.assert_array_equal(ciede2000(first, first), 0)
