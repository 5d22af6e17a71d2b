"""The color space of a PNG without a profile."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rechroma.color.lab import to_float, to_linear
from rechroma.imaging import read_photo
from tests.support.images import with_chunk

Encode = Callable[..., bytes]


@pytest.mark.parametrize("gamma", [1.0, 0.55556, 0.3])
@pytest.mark.parametrize("mode", ["L", "RGB", "P", "I;16"])
def test_gamma_is_honored(encode: Encode, gray: NDArray[np.uint8], mode: str, gamma: float) -> None:
    deep = Image.fromarray(gray.astype(np.uint16) * 257)
    image = deep if mode == "I;16" else Image.fromarray(gray).convert(mode)
    data = with_chunk(encode(image, "PNG"), b"gAMA", struct.pack(">I", round(gamma * 1e5)))
    photo = read_photo(data)
    light = to_linear(to_float(photo.gray))
    np.testing.assert_allclose(light, (gray / 255) ** (1 / gamma), atol=0.006)
    assert not photo.was_color


@pytest.mark.parametrize("chunks", [[(b"gAMA", 45455)], [(b"gAMA", 100000), (b"sRGB", None)]])
def test_srgb_stays_as_it_is(
    encode: Encode, gray: NDArray[np.uint8], chunks: list[tuple[bytes, Any]]
) -> None:
    data = encode(gray, "PNG")
    for kind, value in chunks:
        data = with_chunk(data, kind, b"\0" if value is None else struct.pack(">I", value))
    np.testing.assert_array_equal(read_photo(data).gray, gray)


PRIMARIES = {  # x and y of white, red, green and blue
    "sRGB": (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    "Adobe RGB": (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06),
}
LUMINANCE = {"sRGB": (0.2126, 0.7152, 0.0722), "Adobe RGB": (0.2974, 0.6273, 0.0753)}


def with_primaries(png: bytes, name: str) -> bytes:
    values = (round(value * 1e5) for value in PRIMARIES[name])
    return with_chunk(png, b"cHRM", struct.pack(">8I", *values))


@pytest.mark.parametrize("name", PRIMARIES)
@pytest.mark.parametrize("bits", [8, 16])
def test_primaries_make_the_gray_of_colors(name: str, bits: int) -> None:
    top = (1 << bits) - 1
    primary = np.eye(3)[:, None].repeat(4, axis=1).repeat(4, axis=0)  # red, green, blue rows
    colors = (primary * 0.6 * top).round().astype(f"u{bits // 8}")
    _, encoded = cv2.imencode(".png", colors[..., ::-1])
    png = with_primaries(with_chunk(encoded.tobytes(), b"gAMA", struct.pack(">I", 45455)), name)
    photo = read_photo(png)
    expected = np.array(LUMINANCE[name]) * (0.6**2.2 if name != "sRGB" else to_linear_of(0.6))
    np.testing.assert_allclose(to_linear(to_float(photo.gray))[::4, 0], expected, atol=0.006)


def to_linear_of(level: float) -> float:
    return float(to_linear(np.array([level], np.float32))[0])


def test_primaries_leave_gray_as_it_is(encode: Encode, gray: NDArray[np.uint8]) -> None:
    png = with_primaries(encode(gray, "PNG"), "Adobe RGB")
    np.testing.assert_array_equal(read_photo(png).gray, gray)


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        (8, lambda v: v),
        (4, lambda v: v**2.2),
        (13, lambda v: to_linear(v.astype(np.float32))),
        (1, lambda v: np.where(v < 0.081, v / 4.5, ((v + 0.099) / 1.099) ** (1 / 0.45))),
    ],
)
def test_coded_color_space_is_read(
    encode: Encode, gray: NDArray[np.uint8], transfer: int, expected: Callable[[Any], Any]
) -> None:
    data = with_chunk(encode(gray, "PNG"), b"cICP", bytes([9, transfer, 0, 1]))
    data = with_chunk(data, b"sRGB", b"\0")  # which cICP overrides
    light = to_linear(to_float(read_photo(data).gray))
    np.testing.assert_allclose(light, expected(gray / 255), atol=0.006)


@pytest.mark.parametrize(("transfer", "white"), [(16, 0.58), (18, 0.75)])
def test_reference_white_of_hdr_is_white(encode: Encode, transfer: int, white: float) -> None:
    levels = np.linspace(0, 65535, 64 * 64).round().astype(np.uint16).reshape(64, 64)
    data = with_chunk(encode(levels, "PNG"), b"cICP", bytes([9, transfer, 0, 1]))
    gray = read_photo(data).gray
    assert gray[levels > (white + 0.01) * 65535].min() > 65000
    assert gray[levels < (white - 0.05) * 65535].max() < 62000


@pytest.mark.parametrize("coded", [b"\x63\x63\0\1", b"\x01\x0d\x01\x01"])
def test_unknown_coded_color_space_is_ignored(
    encode: Encode, gray: NDArray[np.uint8], coded: bytes
) -> None:
    data = with_chunk(encode(gray, "PNG"), b"cICP", coded)
    np.testing.assert_array_equal(read_photo(data).gray, gray)
