"""The gamma of a PNG without a profile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rechroma.color.lab import to_float, to_linear
from rechroma.imaging import read_photo

Encode = Callable[..., bytes]


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


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
    assert photo.metadata.icc is None


@pytest.mark.parametrize("chunks", [[(b"gAMA", 45455)], [(b"gAMA", 100000), (b"sRGB", None)]])
def test_srgb_stays_as_it_is(
    encode: Encode, gray: NDArray[np.uint8], chunks: list[tuple[bytes, Any]]
) -> None:
    data = encode(gray, "PNG")
    for kind, value in chunks:
        data = with_chunk(data, kind, b"\0" if value is None else struct.pack(">I", value))
    np.testing.assert_array_equal(read_photo(data).gray, gray)
