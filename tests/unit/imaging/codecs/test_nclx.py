"""The color space of an AVIF or HEIC without a profile."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rechroma.color.lab import to_float, to_linear
from rechroma.errors import InputError, MissingExtraError
from rechroma.imaging import read_photo
from rechroma.imaging.codecs.formats import enable_heif
from tests.support.icc_profiles import a_profile

Encode = Callable[..., bytes]
NCLX = b"colrnclx"
P3, SRGB, UNSPECIFIED = 12, 13, 2  # of primaries and of the transfer


@pytest.fixture(params=["AVIF", "HEIF"])
def form(request: pytest.FixtureRequest) -> str:
    if request.param == "HEIF":
        try:
            enable_heif()
        except MissingExtraError:
            pytest.skip("pillow-heif is missing")
    return str(request.param)


def stated(data: bytes, primaries: int, transfer: int) -> bytes:
    """State another color space of the same pixels."""
    assert data.count(NCLX) == 1
    at = data.index(NCLX) + len(NCLX)
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def smooth_rgb(gray: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.dstack([gray] * 3)).resize((128, 96), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(("transfer", "gamma"), [(8, 1.0), (4, 2.2), (5, 2.8)])
def test_transfer_is_honored(
    encode: Encode, gray: NDArray[np.uint8], form: str, transfer: int, gamma: float
) -> None:
    data = encode(smooth_rgb(gray), form, quality=100)
    plain = read_photo(data)
    photo = read_photo(stated(data, 1, transfer))
    light = to_linear(to_float(photo.gray))
    np.testing.assert_allclose(light, (plain.gray / 255) ** gamma, atol=0.012)
    assert not photo.was_color


@pytest.mark.parametrize(("name", "luminance"), [("red", 0.2290), ("lime", 0.6917)])
def test_primaries_make_the_gray_of_colors(
    encode: Encode, form: str, name: str, luminance: float
) -> None:
    data = encode(Image.new("RGB", (64, 64), name), form, quality=100)
    light = to_linear(to_float(read_photo(stated(data, P3, SRGB)).gray))
    np.testing.assert_allclose(light, luminance, atol=0.01)


@pytest.mark.parametrize(
    "numbers", [(1, SRGB), (UNSPECIFIED, UNSPECIFIED), (1, UNSPECIFIED), (8, SRGB), (P3, 9)]
)
def test_srgb_and_unknown_numbers_stay_as_they_are(
    encode: Encode, gray: NDArray[np.uint8], form: str, numbers: tuple[int, int]
) -> None:
    data = encode(smooth_rgb(gray), form, quality=100)
    photo = read_photo(stated(data, *numbers))
    np.testing.assert_array_equal(photo.gray, read_photo(data).gray)
    assert photo.metadata.icc is None


def test_profile_goes_before_numbers(encode: Encode, gray: NDArray[np.uint8], form: str) -> None:
    profile = a_profile(b"GRAY", 1.0)
    data = encode(smooth_rgb(gray), form, quality=100, icc_profile=profile)
    changed = stated(data, P3, 4) if NCLX in data else data
    assert read_photo(changed).metadata.icc == profile


def test_damaged_boxes_are_no_other_error(encode: Encode, form: str) -> None:
    data = stated(encode(Image.new("RGB", (64, 64), "red"), form), P3, SRGB)
    rng = np.random.default_rng(0)
    end = data.index(b"mdat")
    for _ in range(300):
        damaged = bytearray(data)
        damaged[rng.integers(8, end)] = rng.integers(256)
        try:
            photo = read_photo(bytes(damaged))
        except InputError:
            continue
        assert photo.gray.size
