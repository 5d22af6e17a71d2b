"""AVIF, JPEG 2000, lossless WebP and BMP with 16 bits per pixel."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, features

from rechroma.colorizer import Colorizer
from rechroma.errors import InputError, MissingExtraError, OptionError, UnsupportedImageError
from rechroma.imaging import Photo, encode_photo, parse_format, read_photo
from rechroma.imaging.codecs.formats import enable_heif
from rechroma.imaging.photo import Metadata
from tests.support.fake_engine import FakeEngine
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


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(32, 32), (33, 70)])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_jp2_is_written_without_loss_and_with_metadata(
    dtype: type[np.uint8 | np.uint16], size: tuple[int, int], has_alpha: bool
) -> None:
    random = np.random.default_rng(0)
    noise: Any = random.integers(0, np.iinfo(dtype).max, (*size, 3)).astype(dtype)
    metadata = Metadata(exif=b"MM\0*\0\0\0\x08\0\0\0\0\0\0", iptc=b"\x1c\2\x78\0\1a")
    alpha = noise[..., 0] if has_alpha else None
    photo = Photo(gray=noise[..., 0], alpha=alpha, metadata=metadata)
    result = encode_photo(noise, photo, format="jp2")
    pixels: Any = cv2.imdecode(np.frombuffer(result, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(pixels[..., 2::-1], noise)
    assert read_photo(result).format == "JPEG2000"
    assert (read_photo(result).alpha is not None) == has_alpha
    assert b"uuidJpgTiffExif->JP2MM\0*" in result
    assert read_photo(result).metadata.iptc == metadata.iptc
    assert b"compositeWithTrained" in (read_photo(result).metadata.xmp or b"")
    assert result.index(b"uuid\xbe\x7a\xcf\xcb") < result.index(b"compositeWithTrained")


def test_jp2_is_written_only_on_request(tmp_path: Path, gray: NDArray[np.uint8]) -> None:
    Image.fromarray(np.kron(gray, np.ones((2, 2), np.uint8))).save(tmp_path / "a.jp2")
    colorizer = Colorizer(engine=FakeEngine())
    assert colorizer.colorize_file(tmp_path / "a.jp2").target.name == "a.color.png"
    target = colorizer.colorize_file(tmp_path / "a.jp2", format="jp2").target
    assert target.name == "a.color.jp2"
    content = colorizer.colorize_bytes(tmp_path / "a.jp2", format="jp2")
    assert (content.format, content.content) == ("JPEG2000", target.read_bytes())


def test_an_image_too_small_for_jp2_is_rejected(gray: NDArray[np.uint8]) -> None:
    with pytest.raises(OptionError, match="32 x 24 pixels are too small for JPEG2000"):
        encode_photo(np.dstack([gray] * 3), Photo(gray=gray), format="jp2")


def test_a_build_of_pillow_without_avif_says_so(
    monkeypatch: pytest.MonkeyPatch, encode: Encode, gray: NDArray[np.uint8]
) -> None:
    data = encode(np.dstack([gray] * 3), "AVIF")
    monkeypatch.setattr(features, "check", lambda name: name != "avif")
    monkeypatch.delitem(Image.OPEN, "AVIF")
    with pytest.raises(OptionError, match="cannot write the format 'avif'") as caught:
        parse_format("avif")
    assert "avif" not in str(caught.value.hint)
    with pytest.raises(UnsupportedImageError, match="AVIF with this build of Pillow"):
        read_photo(data)


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


def test_pillow_does_not_warn_of_damaged_metadata(
    encode: Encode, gray: NDArray[np.uint8], capfd: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(encode(gray, "TIFF", compression="tiff_lzw"))
    data[-40:] = b"\xff" * 40  # the last tags
    before = [*warnings.filters]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with suppress(InputError):
            read_photo(bytes(data))
        with suppress(InputError):
            read_photo(b"".join((b"\x89PNG\r\n\x1a\n", encode(gray, "PNG")[8:-30])))
    assert caught == []
    assert [*warnings.filters] == before
    assert capfd.readouterr().err == ""
