"""Truncated JPEGs, and kinds of JPEG that are not supported."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rechroma.errors import BrokenImageError, UnsupportedImageError
from rechroma.imaging import Damage, read_photo

HEIGHT, WIDTH = 150, 200


@pytest.fixture(scope="module")
def texture() -> Image.Image:
    """Colors with detail everywhere."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT // 3, WIDTH // 3, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((WIDTH, HEIGHT))


def encode(image: Image.Image, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=90, **options)
    return file.getvalue()


KINDS = [
    {},
    {"progressive": True},
    {"restart_marker_blocks": 4},
    {"subsampling": 0},
    {"comment": "From the attic", "xmp": b"<x/>"},
]


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("missing", [1, 2])
def test_jpeg_without_its_end_marker_is_whole(
    texture: Image.Image, options: dict[str, Any], missing: int
) -> None:
    data = encode(texture, **options)
    photo, whole = read_photo(data[:-missing]), read_photo(data)
    np.testing.assert_array_equal(photo.gray, whole.gray)
    assert (photo.damage, whole.damage) == (Damage.END_MISSING, None)
    assert photo.metadata == whole.metadata


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("missing", [6, 100, 0.1, 0.5, 0.8])
def test_truncated_jpeg_keeps_the_rows_that_are_there(
    texture: Image.Image, mode: str, missing: float
) -> None:
    data = encode(texture.convert(mode))
    count = missing if isinstance(missing, int) else round(missing * len(data))
    photo, whole = read_photo(data[:-count]), read_photo(data)
    assert photo.damage is Damage.TRUNCATED
    wrong = (photo.gray != whole.gray).any(axis=1)
    share = count / len(data)
    assert abs(wrong.argmax() / HEIGHT - (1 - share)) < 0.25
    assert wrong.any()


@pytest.mark.parametrize("options", KINDS)
def test_any_truncation_of_the_scan_is_noticed(
    texture: Image.Image, options: dict[str, Any]
) -> None:
    data = encode(texture, **options)
    whole = read_photo(data).gray
    for missing in (4, 7, 50, 523, 2000, 5000):
        photo = read_photo(data[:-missing])
        assert photo.damage is Damage.TRUNCATED or np.array_equal(photo.gray, whole), missing


@pytest.mark.parametrize("missing", [1, 2, 100, 3000])
def test_strict_rejects_what_is_not_whole(texture: Image.Image, missing: int) -> None:
    data = encode(texture)
    with pytest.raises(BrokenImageError):
        read_photo(data[:-missing], strict=True)
    assert read_photo(data, strict=True).damage is None


def test_jpeg_that_ends_before_its_pixels_is_an_error(texture: Image.Image) -> None:
    data = encode(texture)
    scan = data.index(b"\xff\xda")
    for length in (4, 20, scan, scan + 14, scan + 40):
        with pytest.raises(BrokenImageError):
            read_photo(data[:length])


def test_broken_metadata_of_a_truncated_jpeg_is_left_out(texture: Image.Image) -> None:
    data = encode(texture, exif=b"Exif\0\0II*\0\xff\0\0\0")
    assert read_photo(data[:-100]).damage is Damage.TRUNCATED


@pytest.mark.parametrize(
    ("frame", "precision", "kind"),
    [
        (0xC1, 12, "12-bit"),
        (0xC3, 16, "lossless"),
        (0xC5, 8, "hierarchical"),
        (0xF7, 8, "JPEG-LS"),
    ],
)
def test_kind_that_is_not_supported_is_named(
    texture: Image.Image, frame: int, precision: int, kind: str
) -> None:
    data = bytearray(encode(texture, comment="here"))
    start = data.index(b"\xff\xc0")
    struct.pack_into(">BHB", data, start + 1, frame, 17, precision)
    with pytest.raises(UnsupportedImageError, match=kind) as caught:
        read_photo(bytes(data))
    assert caught.value.hint


def test_padded_markers_are_skipped(gray: NDArray[np.uint8]) -> None:
    data = bytearray(encode(Image.fromarray(gray)))
    start = data.index(b"\xff\xc0")
    data[start + 4] = 12
    with pytest.raises(UnsupportedImageError, match="12-bit"):
        read_photo(bytes(data[:start] + b"\xff\xff" + data[start:]))
