"""Metadata that cannot be read is named, and does not cost the photograph."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from rechroma.colorizer import Colorizer
from rechroma.imaging import read_photo
from tests.support.fake_engine import FakeEngine
from tests.support.icc_profiles import a_profile
from tests.support.images import with_chunk
from tests.support.xmp_packets import XMP

Encode = Callable[..., bytes]
TORN_EXIF = b"Exif\0\0II*\0\xff\xff\xff\xff"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({"exif": TORN_EXIF}, "EXIF"),
        ({"icc_profile": b"no profile" * 20}, "ICC profile"),
    ],
)
def test_kind_is_named(
    encode: Encode, colors: NDArray[np.uint8], form: str, metadata: dict[str, bytes], kind: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the encoder
        data = encode(colors, form, **metadata)
    assert read_photo(data).metadata.unreadable == (kind,)
    result = Colorizer(engine=FakeEngine()).colorize_bytes(data)
    assert result.unreadable_metadata == (kind,)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "AVIF"])
def test_torn_packet_is_named(encode: Encode, colors: NDArray[np.uint8], form: str) -> None:
    assert read_photo(encode(colors, form, xmp=XMP[:-40])).metadata.unreadable == ("XMP",)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_sound_metadata_is_not_named(encode: Encode, gray: NDArray[np.uint8], form: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Attic"
    options = {"exif": exif, "xmp": XMP} if form != "PNG" else {"exif": exif}
    profile = a_profile(b"GRAY", 2.2)
    photo = read_photo(encode(gray, form, icc_profile=profile, **options))
    assert photo.metadata.unreadable == ()
    assert photo.metadata.exif
    assert read_photo(encode(gray, form)).metadata.unreadable == ()


def test_missing_segment_of_a_profile_is_named(encode: Encode, colors: NDArray[np.uint8]) -> None:
    data = encode(colors, "JPEG", icc_profile=bytes(70_000))
    at = data.index(b"ICC_PROFILE\0\2\2")
    (length,) = struct.unpack_from(">H", data, at - 2)
    assert read_photo(data[: at - 4] + data[at - 2 + length :]).metadata.unreadable == (
        "ICC profile",
    )


def test_damaged_raw_profile_of_a_png_is_named(encode: Encode, gray: NDArray[np.uint8]) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type iptc", "\niptc\n      12\nnot hexadecimal\n")
    text.add_text("Title", "kept")
    photo = read_photo(encode(gray, "PNG", pnginfo=text))
    assert photo.metadata.unreadable == ("IPTC",)
    assert photo.metadata.text["Title"] == "kept"


def test_metadata_that_had_to_be_removed_is_named(encode: Encode, gray: NDArray[np.uint8]) -> None:
    png = encode(gray, "PNG")
    bomb = b"Comment\0\0" + zlib.compress(bytes(200 << 20))  # above Pillow's limit of text
    photo = read_photo(with_chunk(with_chunk(png, b"zTXt", bomb), b"eXIf", TORN_EXIF[6:]))
    np.testing.assert_array_equal(photo.gray, gray)
    assert photo.metadata.unreadable == ("EXIF", "text")


def test_truncated_jpeg_has_both_remarks(encode: Encode) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    data = encode(noise, "JPEG", exif=TORN_EXIF)
    photo = read_photo(data[: len(data) // 2])
    assert photo.damage == "truncated"
    assert photo.metadata.unreadable == ("EXIF",)


def test_result_of_unreadable_metadata_is_sound(encode: Encode, colors: NDArray[np.uint8]) -> None:
    data = encode(colors, "JPEG", exif=TORN_EXIF, xmp=b"<torn")
    result = Colorizer(engine=FakeEngine()).colorize_bytes(data)
    again = read_photo(result.content)
    assert again.metadata.unreadable == ()
    with Image.open(BytesIO(result.content)) as image:
        assert not image.getexif()
    assert replace(again.metadata, xmp=None).exif is None
