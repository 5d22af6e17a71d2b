from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image, IptcImagePlugin

from rechroma.errors import OptionError
from rechroma.fs import write_atomically
from rechroma.imaging import Metadata, Photo, encode_photo, photo_of_array, read_photo, write_photo
from rechroma.imaging.metadata.icc import Profile
from tests.support.icc_profiles import GRAY_18

Encode = Callable[..., bytes]
UIntImage = NDArray[np.uint8] | NDArray[np.uint16]
FORMATS = ["JPEG", "PNG", "TIFF", "WEBP", "BMP"]
WITH_METADATA = ["JPEG", "PNG", "TIFF", "WEBP"]
LABEL = b"compositeWithTrainedAlgorithmicMedia"
HAS_HEIF = importlib.util.find_spec("pillow_heif") is not None


def an_exif_block() -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Artist] = "Jane Doe"
    tags[ExifTags.Base.ImageDescription] = "Sunday"
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "1950:06:01 12:00:00"
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return tags.tobytes().removeprefix(b"Exif\0\0")


def a_photo(colors: UIntImage, **changes: Any) -> Photo:
    return replace(photo_of_array(colors), **changes)


def pixels_of(data: bytes) -> UIntImage:
    """Decode with a library other than the one under test, if there is one."""
    if data[:2] == b"II":
        return cast("UIntImage", tifffile.imread(BytesIO(data)))
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    code = cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return cast("UIntImage", cv2.cvtColor(pixels, code))


@pytest.fixture
def colors_16(colors: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return (colors.astype(np.uint16) * 257) ^ np.uint16(0x5A)


class TestPixels:
    @pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
    def test_8_bits_come_back_exactly(self, colors: NDArray[np.uint8], file_format: str) -> None:
        data = encode_photo(colors, a_photo(colors, format=file_format))
        assert Image.open(BytesIO(data)).format == file_format
        np.testing.assert_array_equal(pixels_of(data), colors)

    @pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
    @pytest.mark.parametrize("compressed", [True, False])
    def test_16_bits_come_back_exactly(
        self, colors_16: NDArray[np.uint16], file_format: str, compressed: bool
    ) -> None:
        photo = a_photo(colors_16, format=file_format, metadata=Metadata(compressed=compressed))
        np.testing.assert_array_equal(pixels_of(encode_photo(colors_16, photo)), colors_16)

    @pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
    def test_lossy_formats_come_close(self, colors: NDArray[np.uint8], file_format: str) -> None:
        data = encode_photo(colors, a_photo(colors), format=file_format, quality=95)
        assert np.abs(pixels_of(data).astype(int) - colors).mean() < 5

    @pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "BMP"])
    def test_16_bits_are_rounded_for_8_bit_formats(
        self, colors: NDArray[np.uint8], file_format: str
    ) -> None:
        deep = colors.astype(np.uint16) * 257
        deep[deep > 200] -= 100  # rounding brings it back, cutting off would not
        expected = encode_photo(colors, a_photo(colors), format=file_format)
        assert encode_photo(deep, a_photo(deep), format=file_format) == expected

    @pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
    @pytest.mark.parametrize("deep", [True, False])
    def test_alpha_comes_back(
        self, colors: NDArray[np.uint8], colors_16: NDArray[np.uint16], file_format: str, deep: bool
    ) -> None:
        rgb: UIntImage = colors_16 if deep else colors
        photo = photo_of_array(np.dstack([rgb, rgb[..., 0]]))
        data = encode_photo(rgb, photo, format=file_format)
        np.testing.assert_array_equal(pixels_of(data), np.dstack([rgb, rgb[..., 0]]))

    def test_webp_keeps_alpha(self, colors: NDArray[np.uint8]) -> None:
        photo = photo_of_array(np.dstack([colors, colors[..., 0]]))
        again = read_photo(encode_photo(colors, photo, format="WEBP"))
        np.testing.assert_array_equal(again.alpha, colors[..., 0])

    @pytest.mark.parametrize("file_format", ["JPEG", "BMP"])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_formats_without_alpha_are_composited_on_white(
        self, file_format: str, dtype: type[np.unsignedinteger]
    ) -> None:
        rgba = np.zeros((8, 16, 4), dtype)
        rgba[:, 8:, 3] = np.iinfo(dtype).max
        photo = photo_of_array(rgba)
        pixels = pixels_of(encode_photo(rgba[..., :3], photo, format=file_format))
        assert pixels[:, :8].min() >= 250
        assert pixels[:, 8:].max() <= 5

    def test_gif_becomes_a_png(self, encode: Encode, colors: NDArray[np.uint8]) -> None:
        photo = read_photo(encode(colors, "GIF"))
        assert encode_photo(colors, photo).startswith(b"\x89PNG")

    def test_lower_quality_makes_a_smaller_file(self, colors: NDArray[np.uint8]) -> None:
        low, high = (
            encode_photo(colors, a_photo(colors), format="JPEG", quality=q) for q in (30, 98)
        )
        assert len(low) < len(high)

    @given(
        st.integers(2, 50), st.integers(2, 50), st.sampled_from(["uint8", "uint16"]), st.booleans()
    )
    def test_tiff_of_any_size_reads_back(
        self, height: int, width: int, dtype: str, compressed: bool
    ) -> None:
        top = np.iinfo(dtype).max
        rgb = np.random.default_rng(0).integers(0, top, (height, width, 3), dtype, endpoint=True)
        photo = a_photo(rgb, format="TIFF", metadata=Metadata(compressed=compressed))
        np.testing.assert_array_equal(tifffile.imread(BytesIO(encode_photo(rgb, photo))), rgb)

    @given(
        st.integers(2, 50), st.integers(2, 50), st.sampled_from(["uint8", "uint16"]), st.booleans()
    )
    def test_png_of_any_size_reads_back(
        self, height: int, width: int, dtype: str, smooth: bool
    ) -> None:
        top = 40 if smooth else np.iinfo(dtype).max  # ties between neighbors, too
        rgb = np.random.default_rng(0).integers(0, top, (height, width, 3), dtype, endpoint=True)
        np.testing.assert_array_equal(pixels_of(encode_photo(rgb, a_photo(rgb), format="PNG")), rgb)

    @pytest.mark.parametrize("threads", [1, 3])
    @pytest.mark.parametrize(
        ("file_format", "compressed"), [("PNG", True), ("TIFF", True), ("TIFF", False)]
    )
    def test_files_of_many_strips_read_back(
        self, file_format: str, compressed: bool, threads: int, tmp_path: Path
    ) -> None:
        rgb = np.random.default_rng(0).integers(0, 65536, (1200, 1000, 3), np.uint16)
        photo = a_photo(rgb, format=file_format, metadata=Metadata(compressed=compressed))
        path = tmp_path / "a"
        write_atomically(
            path, lambda file: write_photo(file, rgb, photo, threads=threads), overwrite=False
        )
        np.testing.assert_array_equal(pixels_of(path.read_bytes()), rgb)
        with Image.open(path) as image:  # has 8 bits of each color
            np.testing.assert_array_equal(np.asarray(image), rgb >> 8)

    def test_encoding_is_deterministic(self, colors: NDArray[np.uint8]) -> None:
        photo = a_photo(colors, metadata=Metadata(icc=GRAY_18))
        for file_format in FORMATS:
            first, second = (encode_photo(colors, photo, format=file_format) for _ in range(2))
            assert first == second


class TestMetadata:
    @pytest.mark.parametrize("source", WITH_METADATA)
    @pytest.mark.parametrize("target", WITH_METADATA)
    def test_exif_goes_from_every_format_to_every_format(
        self, colors: NDArray[np.uint8], source: str, target: str
    ) -> None:
        photo = a_photo(colors, metadata=Metadata(exif=an_exif_block()))
        photo = read_photo(encode_photo(colors, photo, format=source))
        image = Image.open(BytesIO(encode_photo(colors, photo, format=target)))
        tags = image.getexif()
        assert tags[ExifTags.Base.Artist] == "Jane Doe"
        assert tags[ExifTags.Base.ImageDescription] == "Sunday"
        details = tags.get_ifd(ExifTags.IFD.Exif)
        assert details[ExifTags.Base.DateTimeOriginal] == "1950:06:01 12:00:00"
        assert tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"

    def test_exif_stays_as_it_was_byte_for_byte(
        self, encode: Encode, colors: NDArray[np.uint8]
    ) -> None:
        block = an_exif_block()
        photo = read_photo(encode(colors, "JPEG", exif=b"Exif\0\0" + block))
        image = Image.open(BytesIO(encode_photo(colors, photo)))
        assert image.info["exif"] == b"Exif\0\0" + block

    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "BMP"])
    def test_resolution_stays(self, colors: NDArray[np.uint8], file_format: str) -> None:
        photo = a_photo(colors, metadata=Metadata(dpi=(300, 150)))
        image = Image.open(BytesIO(encode_photo(colors, photo, format=file_format)))
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)

    def test_png_text_stays(self, colors: NDArray[np.uint8]) -> None:
        text = {"Title": "Caf\u00e9 \u2615", "Comment": "From the attic"}
        photo = a_photo(colors, metadata=Metadata(text=text))
        assert read_photo(encode_photo(colors, photo)).metadata.text == text
        as_jpeg = read_photo(encode_photo(colors, photo, format="JPEG"))
        assert as_jpeg.metadata.comments == ("Title: Caf\u00e9 \u2615".encode(), b"From the attic")

    @pytest.mark.parametrize("source", ["JPEG", "TIFF"])
    @pytest.mark.parametrize("target", ["JPEG", "TIFF"])
    def test_iptc_record_stays(self, colors: NDArray[np.uint8], source: str, target: str) -> None:
        record = b"\x1c\x02\x78\x00\x07Caption\x1c\x02\x50\x00\x04Jane"
        photo = a_photo(colors, metadata=Metadata(iptc=record))
        photo = read_photo(encode_photo(colors, photo, format=source))
        assert (photo.metadata.iptc or b"").rstrip(b"\0") == record
        with Image.open(BytesIO(encode_photo(colors, photo, format=target))) as image:
            found = IptcImagePlugin.getiptcinfo(image)
        assert found == {(2, 120): b"Caption", (2, 80): b"Jane"}

    @pytest.mark.parametrize("file_format", WITH_METADATA)
    def test_gray_profile_is_replaced_by_srgb(
        self, colors: NDArray[np.uint8], file_format: str
    ) -> None:
        photo = a_photo(colors, metadata=Metadata(icc=GRAY_18))
        icc = Image.open(BytesIO(encode_photo(colors, photo, format=file_format))).info[
            "icc_profile"
        ]
        assert icc == Profile(GRAY_18).output_profile
        again = a_photo(colors, metadata=Metadata(icc=icc))
        image = Image.open(BytesIO(encode_photo(colors, again, format=file_format)))
        assert image.info["icc_profile"] == icc

    @pytest.mark.parametrize("file_format", FORMATS)
    def test_no_metadata_is_invented(self, colors: NDArray[np.uint8], file_format: str) -> None:
        data = encode_photo(colors, a_photo(colors), format=file_format, provenance=False)
        info = Image.open(BytesIO(data)).info
        assert not info.keys() & {"icc_profile", "exif", "xmp", "comment"}
        if file_format != "BMP":  # which always has a resolution
            assert read_photo(data).metadata.dpi is None

    def test_metadata_too_large_for_a_jpeg_is_left_out(self, colors: NDArray[np.uint8]) -> None:
        metadata = Metadata(
            exif=an_exif_block() + bytes(70_000),
            xmp=b"<x>" + b" " * 70_000 + b"</x>",  # not XMP, and so not to be split
            icc=GRAY_18,
        )
        data = encode_photo(
            colors, a_photo(colors, metadata=metadata), format="JPEG", provenance=False
        )
        image = Image.open(BytesIO(data))
        assert "icc_profile" in image.info
        assert not image.info.keys() & {"exif", "xmp"}

    def test_iptc_and_comments_span_the_segments_of_a_jpeg(self, colors: NDArray[np.uint8]) -> None:
        record = b"\x1c\x02\xca\x80\x04\0\x01\x11\x70" + bytes(range(256)) * 273 + bytes(112)
        metadata = Metadata(iptc=record, comments=(b"x" * 70_000, b"y"))
        found = read_photo(
            encode_photo(colors, a_photo(colors, metadata=metadata), format="JPEG")
        ).metadata
        assert found.iptc == record
        assert b"".join(found.comments) == b"x" * 70_000 + b"y"

    def test_broken_exif_does_not_prevent_a_tiff(self, colors: NDArray[np.uint8]) -> None:
        block = bytearray(an_exif_block())
        block[12] = 99  # an unknown type
        photo = a_photo(colors, format="TIFF", metadata=Metadata(exif=bytes(block)))
        np.testing.assert_array_equal(pixels_of(encode_photo(colors, photo)), colors)


class TestProvenance:
    @pytest.mark.parametrize("file_format", WITH_METADATA)
    def test_note_is_written_by_default(self, colors: NDArray[np.uint8], file_format: str) -> None:
        data = encode_photo(colors, a_photo(colors), format=file_format)
        assert LABEL in Image.open(BytesIO(data)).info["xmp"]

    @pytest.mark.parametrize("file_format", WITH_METADATA)
    def test_note_can_be_left_out(self, colors: NDArray[np.uint8], file_format: str) -> None:
        packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
        photo = a_photo(colors, metadata=Metadata(xmp=packet))
        data = encode_photo(colors, photo, format=file_format, provenance=False)
        assert Image.open(BytesIO(data)).info["xmp"] == packet


class TestOptions:
    def test_colors_of_another_size_are_rejected(self, colors: NDArray[np.uint8]) -> None:
        with pytest.raises(OptionError, match="32 x 24"):
            encode_photo(colors[:-1], a_photo(colors))

    @pytest.mark.parametrize("quality", [0, 101])
    def test_quality_outside_its_range_is_rejected(
        self, colors: NDArray[np.uint8], quality: int
    ) -> None:
        with pytest.raises(OptionError, match=f"quality must be 1 to 100, not {quality}"):
            encode_photo(colors, a_photo(colors), quality=quality)

    def test_unknown_format_is_rejected(self, colors: NDArray[np.uint8]) -> None:
        with pytest.raises(OptionError, match="XCF"):
            encode_photo(colors, a_photo(colors), format="XCF")

    @pytest.mark.parametrize(
        ("file_format", "width"), [("JPEG", 65_501), ("PNG", 1_000_001), ("WEBP", 16_384)]
    )
    def test_image_too_long_for_the_format_is_rejected(self, file_format: str, width: int) -> None:
        rgb = np.zeros((2, width, 3), np.uint8)
        with pytest.raises(
            OptionError, match=f"{width} x 2 pixels are too large for {file_format}"
        ):
            encode_photo(rgb, a_photo(rgb), format=file_format)

    def test_tiff_above_4_gb_is_rejected(self) -> None:
        rgb = np.broadcast_to(np.uint8(0), (40_000, 40_000, 3))
        photo = Photo(gray=np.broadcast_to(np.uint8(0), (40_000, 40_000)), format="TIFF")
        with pytest.raises(OptionError, match="4 GB"):
            write_photo(BytesIO(), rgb, photo)


@pytest.mark.skipif(not HAS_HEIF, reason="pillow-heif is not installed")
class TestHeif:
    def test_heif_round_trips_with_its_metadata(self, colors: NDArray[np.uint8]) -> None:
        photo = a_photo(colors, metadata=Metadata(exif=an_exif_block(), icc=GRAY_18))
        data = encode_photo(colors, photo, format="HEIF", quality=95)
        again = read_photo(data)
        assert again.format == "HEIF"
        assert np.abs(again.gray.astype(int) - photo.gray).mean() < 4
        assert LABEL in (again.metadata.xmp or b"")
        assert again.metadata.icc == Profile(GRAY_18).output_profile
        assert b"Jane Doe" in (again.metadata.exif or b"")
        assert encode_photo(colors, again)[4:8] == b"ftyp"
