from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from rechroma.color.lab import luminance
from rechroma.imaging.metadata.icc import Profile
from tests.support.icc_profiles import ADOBE, GRAY_18, SRGB_COLORANTS, a_profile

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def srgb_of(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_missing_profile_changes_nothing(colors: NDArray[np.uint8]) -> None:
    profile = Profile(None)
    assert profile.tone(colors) is colors
    np.testing.assert_array_equal(profile.luminance(colors), luminance(colors))
    assert profile.output_profile is None


@pytest.mark.parametrize("broken", [b"rubbish", SRGB[:200], GRAY_18[:150], bytes(4000)])
def test_broken_profile_counts_as_srgb(broken: bytes, colors: NDArray[np.uint8]) -> None:
    profile = Profile(broken)
    assert profile.tone(colors) is colors
    np.testing.assert_array_equal(profile.luminance(colors), luminance(colors))


def test_srgb_profile_changes_nothing_and_is_kept(colors: NDArray[np.uint8]) -> None:
    profile = Profile(SRGB)
    assert profile.tone(colors) is colors
    np.testing.assert_array_equal(profile.luminance(colors), luminance(colors))
    assert profile.output_profile == SRGB


@pytest.mark.parametrize("icc", [GRAY_18, a_profile(b"RGB ", 1.8, SRGB_COLORANTS)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 1), (np.uint16, 64)])
def test_tone_converts_gamma_18_to_srgb(
    icc: bytes, dtype: type[np.unsignedinteger], tolerance: int
) -> None:
    top = np.iinfo(dtype).max
    levels = np.arange(top // 20, top + 1, dtype=dtype)
    expected = srgb_of((levels / top) ** 1.8) * top
    np.testing.assert_allclose(Profile(icc).tone(levels), expected, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_luminance_follows_the_primaries(dtype: type[np.unsignedinteger]) -> None:
    red = np.full((2, 2, 3), (180, 60, 60), np.uint8)
    adobe = ImageCms.ImageCmsProfile(BytesIO(ADOBE))
    expected = ImageCms.profileToProfile(
        Image.fromarray(red), adobe, ImageCms.createProfile("sRGB")
    )
    seen = Profile(ADOBE).luminance(red.astype(dtype) * (np.iinfo(dtype).max // 255))
    np.testing.assert_allclose(seen, luminance(np.asarray(expected)), atol=0.003)
    assert seen[0, 0] > luminance(red)[0, 0] + 0.01


@pytest.mark.parametrize("icc", [GRAY_18, ADOBE])
def test_output_profile_replaces_other_profiles_with_srgb(icc: bytes) -> None:
    result = Profile(icc).output_profile
    assert result is not None
    assert result != icc
    assert Profile(result).output_profile == result


def test_to_srgb_converts_other_modes(colors: NDArray[np.uint8]) -> None:
    lab = ImageCms.profileToProfile(
        Image.fromarray(colors),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    for image in (lab, Image.fromarray(colors).convert("YCbCr")):
        back = np.asarray(Profile(None).to_srgb(image), np.int16)
        assert np.abs(back - colors).mean() < 2


def test_profile_for_another_mode_is_ignored(colors: NDArray[np.uint8]) -> None:
    cmyk = Image.fromarray(colors).convert("CMYK")
    seen = Profile(ADOBE).to_srgb(cmyk)
    np.testing.assert_array_equal(np.asarray(seen), np.asarray(cmyk.convert("RGB")))
