"""AVIF, JPEG 2000, lossless WebP and BMP with 16 bits per pixel."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rechroma.errors import InputError, MissingExtraError, UnsupportedImageError
from rechroma.imaging import Photo, encode_photo, read_photo
from rechroma.imaging.codecs.formats import enable_heif
from tests.support.xmp_packets import XMP

Encode = Callable[..., bytes]


def rgb(photo: Photo) -> NDArray[np.uint8]:
    return np.dstack([photo.gray] * 3).astype(np.uint8)


def test_avif_comes_back_as_avif(encode: Encode, gray: NDArray[np.uint8]) -> None:
    photo = read_photo(encode(np.dstack([gray] * 3), "AVIF", quality=95, xmp=XMP))
    assert np.abs(photo.gray.astype(int) - gray).max() <= 8
    assert photo.format == "AVIF"
    assert b"<dc:source>Attic</dc:source>" in (photo.metadata.xmp or b"")
    result = encode_photo(rgb(photo), photo)
    with Image.open(BytesIO(result)) as image:
        assert (image.format, image.size) == ("AVIF", (32, 24))
        assert b"compositeWithTrainedAlgorithmicMedia" in image.info["xmp"]


def test_avif_of_a_shared_brand_is_not_taken_for_heic(
    encode: Encode, gray: NDArray[np.uint8]
) -> None:
    data = encode(np.dstack([gray] * 3), "AVIF")
    assert data[8:12] == b"avif"
    with suppress(MissingExtraError):
        enable_heif()
    assert read_photo(data[:8] + b"mif1" + data[12:]).format == "AVIF"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_jp2_comes_back_as_png(encode: Encode, gray: NDArray[np.uint8], channels: int) -> None:
    array = np.dstack([gray] * channels)[..., 0 if channels == 1 else slice(None)]
    photo = read_photo(encode(array, "JPEG2000"))
    np.testing.assert_array_equal(photo.gray, gray)
    assert photo.format == "JPEG2000"
    assert (photo.alpha is not None) == (channels == 4)
    result = encode_photo(rgb(photo), photo)
    with Image.open(BytesIO(result)) as image:
        assert image.format == "PNG"


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_jp2_keeps_every_level(gray_16: NDArray[np.uint16], channels: int) -> None:
    array = np.dstack([np.kron(gray_16, np.ones((4, 4), np.uint16))] * channels)
    array[0, 0], array[0, 1] = 0, 65535
    rate = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]  # without loss
    data = cv2.imencode(".jp2", array, rate)[1].tobytes()
    np.testing.assert_array_equal(read_photo(data).gray, array[..., 0])


def test_jp2_below_8_bits_is_rejected(gray_16: NDArray[np.uint16]) -> None:
    rate = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]
    large = np.kron(gray_16, np.ones((4, 4), np.uint16))
    data = bytearray(cv2.imencode(".jp2", large, rate)[1].tobytes())
    at = data.index(b"\xff\x4f\xff\x51") + 42
    data[at] = 4 - 1
    with pytest.raises(UnsupportedImageError, match="bit depth"):
        read_photo(bytes(data))


@pytest.mark.parametrize("options", [{}, {"save_all": True}, {"icc": True}])
def test_lossless_webp_stays_lossless(
    encode: Encode, gray: NDArray[np.uint8], options: dict[str, Any]
) -> None:
    if "save_all" in options:
        options = {"save_all": True, "append_images": [Image.fromarray(gray[::-1])]}
    photo = read_photo(encode(np.dstack([gray] * 3), "WEBP", lossless=True, **options))
    assert photo.metadata.lossless
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    with Image.open(BytesIO(encode_photo(noise, photo))) as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), noise)


def test_lossy_webp_stays_lossy(encode: Encode, gray: NDArray[np.uint8]) -> None:
    assert not read_photo(encode(gray, "WEBP", quality=80)).metadata.lossless


def test_bmp_with_565_bits_is_read() -> None:
    levels = np.tile(np.linspace(0, 255, 96).round().astype(np.uint16), (64, 1))
    pixels = (levels >> 3) << 11 | (levels >> 2) << 5 | levels >> 3
    header = struct.pack("<IiiHHIIiiII", 40, 96, 64, 1, 16, 3, pixels.nbytes, 2835, 2835, 0, 0)
    header += struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    start = 14 + len(header)
    file = b"BM" + struct.pack("<IHHI", start + pixels.nbytes, 0, 0, start) + header
    photo = read_photo(file + pixels[::-1].astype("<u2").tobytes())
    assert np.abs(photo.gray.astype(int) - levels).max() <= 6
    assert photo.format == "BMP"


def test_damaged_files_write_no_lines_of_their_own(
    gray_16: NDArray[np.uint16], capfd: pytest.CaptureFixture[str]
) -> None:
    large = np.kron(gray_16, np.ones((4, 4), np.uint16))
    for suffix in (".jp2", ".png"):
        data = cv2.imencode(suffix, np.dstack([large] * 3))[1].tobytes()
        with pytest.raises(InputError):
            read_photo(data[: len(data) // 2])
    assert capfd.readouterr().err == ""
