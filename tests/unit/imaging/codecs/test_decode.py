from __future__ import annotations

import os
import struct
import sys
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin

from rechroma.color import lightness
from rechroma.color.lab import to_float, to_linear
from rechroma.errors import (
    BrokenImageError,
    EmptyImageError,
    ImageTooLargeError,
    ImageTooSmallError,
    InputError,
    NotAnImageError,
    SourceError,
    UnsupportedImageError,
)
from rechroma.imaging import photo_of_array, read_photo, read_rgb_thumbnail
from tests.support.icc_profiles import GRAY_18, SRGB_COLORANTS, a_profile
from tests.support.xmp_packets import XMP

Encode = Callable[..., bytes]
_XMP_ON_ITS_SIDE = b'<x tiff:Orientation="6"/>'
LOSSLESS = ["PNG", "TIFF", "BMP", "GIF"]


def a_png(rows: NDArray[Any], color_type: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Write a 16-bit PNG, for the color types that no library here writes."""
    height, width = rows.shape[:2]
    header = struct.pack(">2I5B", width, height, 16, color_type, 0, 0, 0)
    data = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def a_tiff(array: NDArray[Any], **options: Any) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


class TestSources:
    def test_path_bytes_stream_and_image_give_the_same(
        self, tmp_path: Path, encode: Encode, gray: NDArray[np.uint8]
    ) -> None:
        data = encode(gray, "PNG")
        path = tmp_path / "a.png"
        path.write_bytes(data)
        for source in (path, data, BytesIO(data), Image.open(path)):
            photo = read_photo(source)
            np.testing.assert_array_equal(photo.gray, gray)
            assert photo.format == "PNG"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
    def test_pipe_is_read(self, tmp_path: Path, encode: Encode, colors: NDArray[Any]) -> None:
        path, data = tmp_path / "pipe", encode(colors, "TIFF")
        os.mkfifo(path)
        writer = threading.Thread(target=path.write_bytes, args=(data,))
        writer.start()
        photo = read_photo(path)
        writer.join()
        np.testing.assert_array_equal(photo.gray, read_photo(data).gray)
        reading, writing = os.pipe()
        with open(writing, "wb") as end:  # noqa: PTH123 - no path, but a descriptor
            end.write(data[: len(data)])
        with open(reading, "rb") as stream:  # noqa: PTH123
            np.testing.assert_array_equal(read_photo(stream).gray, photo.gray)

    def test_image_made_in_memory_counts_as_png(self) -> None:
        assert read_photo(Image.new("L", (4, 4))).format == "PNG"

    def test_format_comes_from_the_content_not_the_name(
        self, tmp_path: Path, encode: Encode, gray: NDArray[np.uint8]
    ) -> None:
        path = tmp_path / "a.jpg"
        path.write_bytes(encode(gray, "PNG"))
        assert read_photo(path).format == "PNG"

    def test_errors_name_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        path.write_text("Dear diary, this is no image.")
        with pytest.raises(NotAnImageError, match=r"a\.jpg: this is a text file") as caught:
            read_photo(path)
        assert caught.value.hint
        with pytest.raises(NotAnImageError, match=r"^upload: "):
            read_photo(path, name="upload")


class TestModes:
    @pytest.mark.parametrize("file_format", LOSSLESS)
    def test_gray_comes_back_exactly(
        self, encode: Encode, gray: NDArray[np.uint8], file_format: str
    ) -> None:
        photo = read_photo(encode(gray, file_format))
        np.testing.assert_array_equal(photo.gray, gray)
        assert (photo.format, photo.was_color, photo.alpha) == (file_format, False, None)

    @pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
    def test_gray_comes_back_closely(
        self, encode: Encode, gray: NDArray[np.uint8], file_format: str
    ) -> None:
        photo = read_photo(encode(gray, file_format, quality=95))
        assert np.abs(photo.gray.astype(int) - gray).max() <= 6
        assert (photo.format, photo.was_color) == (file_format, False)

    @pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
    def test_neutral_rgb_is_its_gray(
        self, encode: Encode, gray: NDArray[np.uint8], file_format: str
    ) -> None:
        photo = read_photo(encode(np.dstack([gray] * 3), file_format))
        np.testing.assert_array_equal(photo.gray, gray)
        assert not photo.was_color

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "YCbCr", "LAB", "P", "HSV"])
    def test_color_becomes_gray_of_the_same_lightness(
        self, colors: NDArray[np.uint8], mode: str
    ) -> None:
        image = Image.fromarray(colors)
        if mode == "LAB":
            srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
            image = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB") or image
        else:
            image = image.convert(mode)
        seen = np.asarray(image.convert("RGB")) if mode != "LAB" else colors
        photo = read_photo(image)
        difference = lightness(photo.gray) - lightness(seen)
        assert photo.was_color
        assert np.abs(difference).mean() < (1 if mode == "LAB" else 0.3)

    @pytest.mark.parametrize(("tint", "was_color"), [((0, 0, 0), False), ((18, 4, -14), True)])
    def test_threads_convert_a_large_color_jpeg(
        self,
        encode: Encode,
        gray: NDArray[np.uint8],
        tint: tuple[int, int, int],
        *,
        was_color: bool,
    ) -> None:
        large = np.tile(gray, (8, 8)).astype(np.int16)
        toned = np.clip(large[..., None] + np.array(tint), 0, 255).astype(np.uint8)
        content = encode(toned, "JPEG", quality=95)
        photo = read_photo(content, threads=3)
        assert photo.was_color is was_color
        np.testing.assert_array_equal(photo.gray, read_photo(content).gray)
        seen = np.asarray(Image.open(BytesIO(content)))
        assert np.abs(lightness(photo.gray) - lightness(to_float(seen))).max() < 0.3

    def test_bilevel_images_are_read(self, gray: NDArray[np.uint8], encode: Encode) -> None:
        photo = read_photo(encode(Image.fromarray(gray > 100), "PNG"))
        np.testing.assert_array_equal(photo.gray, np.where(gray > 100, 255, 0))

    @pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
    def test_alpha_is_separated(self, gray: NDArray[np.uint8], mode: str) -> None:
        image = Image.fromarray(gray).convert(mode)
        image.putalpha(Image.fromarray(gray[::-1].copy()))
        photo = read_photo(image)
        np.testing.assert_array_equal(photo.gray, gray)
        np.testing.assert_array_equal(photo.alpha, gray[::-1])

    @pytest.mark.parametrize("mode", ["L", "P", "RGB"])
    def test_transparent_color_becomes_alpha(self, encode: Encode, mode: str) -> None:
        image = Image.new("L", (4, 4), 200)
        image.putpixel((1, 2), 30)
        image = image.convert(mode)
        key = image.getpixel((1, 2))
        photo = read_photo(encode(image, "PNG", transparency=key))
        assert photo.alpha is not None
        assert photo.gray[0, 0] == 200
        assert (photo.alpha == 0).sum() == 1
        assert photo.alpha[2, 1] == 0

    def test_callers_image_is_not_changed(self, encode: Encode, gray: NDArray[np.uint8]) -> None:
        image = Image.open(BytesIO(encode(gray, "JPEG", exif=_exif(6), xmp=_XMP_ON_ITS_SIDE)))
        info = dict(image.info)
        first, second = read_photo(image), read_photo(image)
        np.testing.assert_array_equal(first.gray, second.gray)
        assert image.info == info
        assert image.getexif()[ExifTags.Base.Orientation] == 6

    def test_floats_are_read_at_16_bits(self, encode: Encode) -> None:
        photo = read_photo(encode(np.array([[0, 0.5], [1, 0.25]], np.float32), "TIFF"))
        np.testing.assert_array_equal(photo.gray, [[0, 32768], [65535, 16384]])

    @pytest.mark.parametrize("value", [-1.0, 1.5, 255.0, float("nan")])
    def test_floats_out_of_range_are_rejected(self, encode: Encode, value: float) -> None:
        with pytest.raises(UnsupportedImageError, match=r"outside 0\.\.1"):
            read_photo(encode(np.full((4, 4), value, np.float32), "TIFF"))

    def test_integers_beyond_16_bits_are_rejected(self, encode: Encode) -> None:
        with pytest.raises(UnsupportedImageError, match=r"outside 0\.\.65535"):
            read_photo(encode(np.full((4, 4), 70_000, np.int32), "TIFF"))

    def test_only_the_first_frame_of_an_animation_is_read(
        self, encode: Encode, gray: NDArray[np.uint8]
    ) -> None:
        more = [Image.fromarray(255 - gray)]
        data = encode(gray, "GIF", save_all=True, append_images=more)
        np.testing.assert_array_equal(read_photo(data).gray, gray)

    def test_mpo_is_a_jpeg(self, encode: Encode, gray: NDArray[np.uint8]) -> None:
        data = encode(gray, "MPO", save_all=True, append_images=[Image.fromarray(gray)])
        assert read_photo(data).format == "JPEG"


class TestSixteenBits:
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_gray_tiff_is_read_exactly(self, gray_16: NDArray[np.uint16], order: str) -> None:
        photo = read_photo(a_tiff(gray_16, byteorder=order, photometric="minisblack"))
        np.testing.assert_array_equal(photo.gray, gray_16)
        assert photo.gray.dtype == np.uint16

    def test_white_is_zero_tiff_is_inverted(self, gray_16: NDArray[np.uint16]) -> None:
        photo = read_photo(a_tiff(gray_16, photometric="miniswhite"))
        np.testing.assert_array_equal(photo.gray, 65535 - gray_16)

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("compression", [None, "zlib"])
    def test_neutral_rgb_tiff_is_its_gray(
        self, gray_16: NDArray[np.uint16], order: str, compression: str | None
    ) -> None:
        rgb = np.dstack([gray_16] * 3)
        data = a_tiff(rgb, byteorder=order, compression=compression, photometric="rgb")
        photo = read_photo(data)
        np.testing.assert_array_equal(photo.gray, gray_16)
        assert photo.metadata.compressed == (compression is not None)

    def test_rgba_tiff_keeps_alpha(self, gray_16: NDArray[np.uint16]) -> None:
        rgba = np.dstack([gray_16, gray_16, gray_16, gray_16[::-1]])
        photo = read_photo(a_tiff(rgba, photometric="rgb", extrasamples=["unassalpha"]))
        np.testing.assert_array_equal(photo.gray, gray_16)
        np.testing.assert_array_equal(photo.alpha, gray_16[::-1])

    def test_rgb_tiff_with_separate_planes_is_its_gray(self, gray_16: NDArray[np.uint16]) -> None:
        data = a_tiff(np.stack([gray_16] * 3), photometric="rgb", planarconfig="separate")
        np.testing.assert_array_equal(read_photo(data).gray, gray_16)

    def test_premultiplied_tiff_is_divided_by_alpha(self, gray_16: NDArray[np.uint16]) -> None:
        data = a_tiff(np.dstack([gray_16] * 4), photometric="rgb", extrasamples=["assocalpha"])
        photo = read_photo(data)
        np.testing.assert_array_equal(photo.gray, 65535)  # as bright as it is opaque
        np.testing.assert_array_equal(photo.alpha, gray_16)

    def test_gray_and_alpha_tiff_is_read(self, gray_16: NDArray[np.uint16]) -> None:
        array = np.dstack([gray_16, gray_16[::-1]])
        photo = read_photo(a_tiff(array, photometric="minisblack", extrasamples=["unassalpha"]))
        np.testing.assert_array_equal(photo.gray, gray_16)
        np.testing.assert_array_equal(photo.alpha, gray_16[::-1])

    @pytest.mark.parametrize(("color_type", "channels"), [(0, 1), (4, 2), (2, 3), (6, 4)])
    def test_every_kind_of_png_is_read_exactly(
        self, gray_16: NDArray[np.uint16], color_type: int, channels: int
    ) -> None:
        planes = [
            gray_16[::-1] if channels in (2, 4) and i == channels - 1 else gray_16
            for i in range(channels)
        ]
        photo = read_photo(a_png(np.dstack(planes), color_type))
        np.testing.assert_array_equal(photo.gray, gray_16)
        if channels in (2, 4):
            np.testing.assert_array_equal(photo.alpha, gray_16[::-1])
        else:
            assert photo.alpha is None

    def test_color_png_has_the_lightness_of_its_colors(self, colors: NDArray[np.uint8]) -> None:
        deep = colors.astype(np.uint16) * 257
        photo = read_photo(cv2.imencode(".png", deep[..., ::-1])[1].tobytes())
        assert photo.was_color
        np.testing.assert_allclose(lightness(photo.gray), lightness(deep), atol=0.01)

    @pytest.mark.parametrize(("color_type", "channels"), [(0, 1), (2, 3)])
    def test_transparent_color_of_a_png_becomes_alpha(
        self, gray_16: NDArray[np.uint16], color_type: int, channels: int
    ) -> None:
        rows = np.dstack([gray_16] * channels)
        rows[3, 5] = clear = np.arange(300, 300 + channels)
        rows[3, 6] = clear ^ 1  # the same in 8 bits
        tag = (b"tRNS", clear.astype(">u2").tobytes())
        photo = read_photo(a_png(rows, color_type, tag))
        assert photo.alpha is not None
        assert photo.alpha.dtype == np.uint16
        assert np.argwhere(photo.alpha != 65535).tolist() == [[3, 5]]
        assert photo.alpha[3, 5] == 0

    def test_text_after_the_pixels_is_read(self, gray_16: NDArray[np.uint16]) -> None:
        data = a_png(np.dstack([gray_16] * 3), 2)
        text = b"tEXtTitle\0A photo"
        chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
        photo = read_photo(data[:-12] + chunk + data[-12:])
        assert photo.metadata.text == {"Title": "A photo"}

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_color_tiffs_are_turned_upright(
        self, gray_16: NDArray[np.uint16], orientation: int
    ) -> None:
        turned = _as_the_camera_stores(gray_16, orientation)
        tag = [(274, "H", 1, orientation, True)]
        data = a_tiff(np.dstack([turned] * 3), photometric="rgb", extratags=tag)
        np.testing.assert_array_equal(read_photo(data).gray, gray_16)

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_color_pngs_are_turned_upright(
        self, gray_16: NDArray[np.uint16], orientation: int
    ) -> None:
        turned = np.dstack([_as_the_camera_stores(gray_16, orientation)] * 3)
        exif = _exif(orientation).removeprefix(b"Exif\0\0")
        photo = read_photo(a_png(turned, 2, (b"eXIf", exif)))
        np.testing.assert_array_equal(photo.gray, gray_16)


def _exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    return tags.tobytes()


def _as_the_camera_stores(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Rotate `upright` as a camera with this orientation tag stores it."""
    for candidate in (upright, upright[:, ::-1], upright[::-1, ::-1], upright[::-1]):
        for stored in (candidate, candidate.T):
            small = Image.fromarray(
                (stored >> 8 if stored.dtype == np.uint16 else stored).astype(np.uint8)
            )
            small.getexif()[ExifTags.Base.Orientation] = orientation
            expected = (upright >> 8 if upright.dtype == np.uint16 else upright).astype(np.uint8)
            if np.array_equal(np.asarray(ImageOps.exif_transpose(small)), expected):
                return np.ascontiguousarray(stored)
    raise AssertionError("no such orientation")


class TestOrientation:
    @pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_images_are_turned_upright(
        self, encode: Encode, gray: NDArray[np.uint8], orientation: int, file_format: str
    ) -> None:
        stored = _as_the_camera_stores(gray, orientation)
        photo = read_photo(encode(stored, file_format, exif=_exif(orientation)))
        np.testing.assert_array_equal(photo.gray, gray)

    @pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
    def test_orientation_tag_is_reset_and_resolution_swapped(
        self, encode: Encode, gray: NDArray[np.uint8], file_format: str
    ) -> None:
        options = {"exif": _exif(6), "dpi": (300, 150)}
        photo = read_photo(encode(gray, file_format, **options))
        tags = Image.Exif()
        tags.load(b"Exif\0\0" + (photo.metadata.exif or b""))
        assert photo.gray.shape == gray.shape[::-1]
        assert tags[ExifTags.Base.Orientation] == 1
        assert photo.metadata.dpi == ((150, 300) if file_format == "JPEG" else None)

    def test_alpha_is_turned_too(self, encode: Encode, gray: NDArray[np.uint8]) -> None:
        image = Image.fromarray(gray).convert("LA")
        image.putalpha(Image.fromarray(gray))
        photo = read_photo(encode(image, "PNG", exif=_exif(8)))
        np.testing.assert_array_equal(photo.alpha, photo.gray)

    @pytest.mark.parametrize("warnings", ["ignore", "error"])
    @pytest.mark.parametrize(
        "broken", [b"Exif\0\0rubbish", b"Exif\0\0", b"Exif\0\0II*\0\xff\0\0\0"]
    )
    def test_broken_exif_does_not_lose_the_image(
        self, encode: Encode, gray: NDArray[np.uint8], broken: bytes, warnings: Any
    ) -> None:
        data = encode(gray, "JPEG", exif=broken)
        with catch_warnings(action=warnings):
            photo = read_photo(data)
        assert photo.gray.shape == gray.shape
        assert photo.metadata.exif is None


class TestDamagedMetadata:
    BAD_TEXTS = {  # noqa: RUF012
        "checksum": lambda: _chunk(b"tEXt", b"Title\0A photo", wrong=True),
        "profile": lambda: _chunk(b"iCCP", b"p\0\0" + zlib.compress(b"x"), wrong=True),
        "bomb": lambda: _chunk(b"zTXt", b"Title\0\0" + zlib.compress(bytes(2 << 20))),
        "keyword": lambda: _chunk(b"zTXt", b"Title\0\x09rubbish"),
    }

    @pytest.mark.parametrize("behind", [False, True])
    @pytest.mark.parametrize("kind", BAD_TEXTS)
    def test_damaged_png_text_does_not_lose_the_image(
        self, gray_16: NDArray[np.uint16], kind: str, *, behind: bool
    ) -> None:
        whole = a_png(np.dstack([gray_16] * 3), 2)
        at = len(whole) - 12 if behind else 33
        photo = read_photo(whole[:at] + self.BAD_TEXTS[kind]() + whole[at:])
        np.testing.assert_array_equal(photo.gray, gray_16)

    def test_intact_metadata_is_kept(self, encode: Encode, gray: NDArray[np.uint8]) -> None:
        whole = encode(gray, "PNG", icc_profile=GRAY_18, transparency=7)
        photo = read_photo(whole[:33] + self.BAD_TEXTS["checksum"]() + whole[33:])
        assert photo.metadata.icc == GRAY_18
        np.testing.assert_array_equal(photo.alpha, np.where(gray == 7, 0, 255))

    def test_wrong_header_checksum_is_an_error(self, encode: Encode) -> None:
        whole = bytearray(encode(Image.new("L", (40, 40)), "PNG"))
        whole[30] ^= 1
        with pytest.raises(BrokenImageError):
            read_photo(bytes(whole))

    def test_jpeg_keeps_its_profile_and_its_colors(
        self, encode: Encode, colors: NDArray[np.uint8]
    ) -> None:
        image = Image.fromarray(colors).convert("CMYK")  # with Adobe's mark, that it is inverted
        broken = {"exif": b"Exif\0\0II*\0\xff\0\0\0", "comment": b"hello"}
        data = encode(image, "JPEG", icc_profile=GRAY_18, **broken)
        with catch_warnings(action="error"):
            photo = read_photo(data)
        with catch_warnings(action="ignore"):
            np.testing.assert_array_equal(photo.gray, read_photo(data).gray)
        assert photo.metadata.icc == GRAY_18
        assert photo.metadata.comments == (b"hello",)


def _chunk(kind: bytes, body: bytes, *, wrong: bool = False) -> bytes:
    checksum = zlib.crc32(kind + body) ^ wrong
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


class TestBadInput:
    @pytest.mark.parametrize("empty", [b"", BytesIO()])
    def test_no_bytes_are_rejected(self, empty: bytes | BytesIO) -> None:
        with pytest.raises(EmptyImageError, match="the file is empty"):
            read_photo(empty)

    def test_missing_file_is_rejected(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"gone\.jpg: No such file"):
            read_photo(tmp_path / "gone.jpg")

    def test_impossible_file_name_is_rejected(self) -> None:
        with pytest.raises(SourceError, match="null byte"):
            read_photo(Path("a\0.jpg"))

    def test_running_out_of_memory_is_an_image_too_large(
        self, encode: Encode, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def exhausted(*_: object) -> None:
            raise MemoryError

        data = encode(Image.new("L", (40, 40)), "PNG")
        monkeypatch.setattr(Image.Image, "load", exhausted)
        monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", exhausted)
        with pytest.raises(ImageTooLargeError, match=r"^a\.png: .*memory"):
            read_photo(data, name="a.png")

    def test_folder_is_rejected(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=tmp_path.name):
            read_photo(tmp_path)

    @pytest.mark.skipif(
        sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may read everything"
    )
    def test_unreadable_file_is_rejected(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        path.touch(mode=0)
        with pytest.raises(SourceError, match="denied"):
            read_photo(path)

    @pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
    def test_one_pixel_wide_images_are_rejected(self, size: tuple[int, int]) -> None:
        with pytest.raises(ImageTooSmallError, match=f"{size[0]} x {size[1]}"):
            read_photo(Image.new("L", size))

    def test_image_without_pixels_is_rejected(self) -> None:
        with pytest.raises(EmptyImageError):
            read_photo(Image.new("L", (0, 5)))

    def test_too_many_pixels_are_rejected(self, encode: Encode) -> None:
        data = encode(Image.new("L", (100, 101)), "PNG")
        with pytest.raises(ImageTooLargeError, match="100 x 101"):
            read_photo(data, max_pixels=10_000)
        assert read_photo(data, max_pixels=10_100).gray.shape == (101, 100)

    def test_thumbnail_counts_the_pixels_of_the_file_not_of_the_draft(self, encode: Encode) -> None:
        data = encode(Image.new("L", (400, 400)), "JPEG")
        with pytest.raises(ImageTooLargeError, match="400 x 400"):
            read_rgb_thumbnail(data, 16, max_pixels=10_000)
        assert read_rgb_thumbnail(data, 16, max_pixels=160_000).shape == (16, 16, 3)

    def test_decompression_bomb_is_rejected_by_its_header(self) -> None:
        header = struct.pack(">2I5B", 60_000, 60_000, 8, 0, 0, 0, 0)
        chunk = (
            struct.pack(">I", 13)
            + b"IHDR"
            + header
            + struct.pack(">I", zlib.crc32(b"IHDR" + header))
        )
        with pytest.raises(ImageTooLargeError, match="60000 x 60000"):
            read_photo(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I4sI", 0, b"IDAT", 0x35AF061E))

    @pytest.mark.parametrize("file_format", ["TIFF", "PNG", "WEBP", "GIF"])
    def test_only_our_pixel_limit_applies(
        self, encode: Encode, monkeypatch: pytest.MonkeyPatch, file_format: str
    ) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        assert read_photo(encode(Image.new("L", (40, 40)), file_format)).gray.shape == (40, 40)
        assert Image.MAX_IMAGE_PIXELS == 100

    def test_pillows_limit_is_restored_after_threads(self, encode: Encode) -> None:
        usual, data = Image.MAX_IMAGE_PIXELS, encode(Image.new("L", (200, 200)), "PNG")
        threads = [threading.Thread(target=read_photo, args=(data,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert usual == Image.MAX_IMAGE_PIXELS

    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF"])
    def test_truncated_file_is_rejected(self, encode: Encode, file_format: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        data = encode(noise, file_format)
        with pytest.raises(BrokenImageError, match="damaged or truncated"):
            read_photo(data[: len(data) // 2], strict=True)

    @pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, on broken metadata
    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_any_damage_raises_one_of_our_errors(
        self,
        encode: Encode,
        gray_16: NDArray[np.uint16],
        colors: NDArray[np.uint8],
        data: st.DataObject,
    ) -> None:
        exif = {"exif": _exif(6)}
        whole = data.draw(
            st.sampled_from(
                [
                    *(encode(colors, name, **exif) for name in ("JPEG", "PNG", "TIFF", "WEBP")),
                    *(encode(colors, name) for name in ("BMP", "GIF")),
                    encode(colors, "TIFF", compression="tiff_lzw"),
                    a_tiff(gray_16),
                    a_png(np.dstack([gray_16] * 3), 2),
                ]
            )
        )
        damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
        for position in data.draw(st.lists(st.integers(0, max(0, len(damaged) - 1)), max_size=4)):
            damaged[position : position + 1] = data.draw(st.binary(min_size=1, max_size=1))
        with suppress(InputError):
            assert read_photo(bytes(damaged), max_pixels=1_000_000).gray.size > 1

    @given(st.binary(max_size=200))
    def test_random_bytes_are_rejected(self, rubbish: bytes) -> None:
        with pytest.raises(InputError):
            read_photo(rubbish)


class TestMetadata:
    def test_jpeg_keeps_its_metadata(self, encode: Encode, gray: NDArray[np.uint8]) -> None:
        photo = read_photo(encode(gray, "JPEG", dpi=(300, 300), comment="From the attic", xmp=XMP))
        assert photo.metadata.dpi == (300, 300)
        assert photo.metadata.comments == (b"From the attic",)
        assert b"<dc:source>Attic</dc:source>" in (photo.metadata.xmp or b"")

    def test_tiff_keeps_its_tags(self, encode: Encode, gray: NDArray[np.uint8]) -> None:
        tags = {271: "Maker", 315: "Jane", 33432: "Doe", 306: "1950:01:01 00:00:00"}
        photo = read_photo(encode(gray, "TIFF", tiffinfo=tags, dpi=(600, 600)))
        seen = Image.Exif()
        seen.load(b"Exif\0\0" + (photo.metadata.exif or b""))
        assert dict(seen) == tags
        assert photo.metadata.dpi == (600, 600)

    @pytest.mark.parametrize("mode", ["L", "RGB"])
    def test_gray_follows_the_profile(
        self, encode: Encode, gray: NDArray[np.uint8], mode: str
    ) -> None:
        image = Image.fromarray(gray).convert(mode)
        icc = GRAY_18 if mode == "L" else a_profile(b"RGB ", 1.8, SRGB_COLORANTS)
        photo = read_photo(encode(image, "PNG", icc_profile=icc))
        light = to_linear(to_float(photo.gray))
        np.testing.assert_allclose(light, (gray / 255) ** 1.8, atol=0.006)
        assert photo.metadata.icc == icc

    def test_16_bit_gray_follows_the_profile(self, gray_16: NDArray[np.uint16]) -> None:
        icc = a_profile(b"RGB ", 1.8, SRGB_COLORANTS)
        data = a_tiff(np.dstack([gray_16] * 3), photometric="rgb", iccprofile=icc)
        light = to_linear(to_float(read_photo(data).gray))
        np.testing.assert_allclose(light, (gray_16 / 65535) ** 1.8, atol=0.001)

    def test_broken_profile_does_not_lose_the_image(
        self, encode: Encode, gray: NDArray[np.uint8]
    ) -> None:
        photo = read_photo(encode(gray, "PNG", icc_profile=b"rubbish" * 30))
        np.testing.assert_array_equal(photo.gray, gray)


class TestArrays:
    @pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
    def test_every_shape_is_taken(self, gray: NDArray[np.uint8], channels: int) -> None:
        array = np.dstack([gray] * channels) if channels else gray
        photo = photo_of_array(array)
        np.testing.assert_array_equal(photo.gray, gray)
        assert (photo.alpha is not None) == (channels in (2, 4))
        assert not photo.was_color

    def test_every_dtype_is_taken(self) -> None:
        assert photo_of_array(np.full((2, 2), 7, np.uint8)).gray.dtype == np.uint8
        assert photo_of_array(np.full((2, 2), 7, ">u2")).gray[0, 0] == 7
        assert photo_of_array(np.full((2, 2), 0.5, np.float64)).gray[0, 0] == 32768
        assert photo_of_array(np.full((2, 2), 1, np.float16)).gray[0, 0] == 65535

    def test_color_is_detected(self, colors: NDArray[np.uint8]) -> None:
        assert photo_of_array(colors).was_color

    @pytest.mark.parametrize(
        "array",
        [
            np.zeros((4, 4), np.int32),
            np.zeros((4, 4), bool),
            np.zeros((4, 4), complex),
            np.zeros(4, np.uint8),
            np.zeros((4, 4, 5), np.uint8),
            np.zeros((1, 4, 4, 3), np.uint8),
            np.full((4, 4), np.nan),
            np.full((4, 4), 1.01),
        ],
    )
    def test_arrays_that_are_not_images_are_rejected(self, array: NDArray[Any]) -> None:
        with pytest.raises(UnsupportedImageError):
            photo_of_array(array)

    @pytest.mark.parametrize(
        ("shape", "error"), [((0, 4), EmptyImageError), ((1, 4, 3), ImageTooSmallError)]
    )
    def test_arrays_with_too_few_pixels_are_rejected(
        self, shape: tuple[int, ...], error: type[InputError]
    ) -> None:
        with pytest.raises(error, match=r"^the array: "):
            photo_of_array(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 40}])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_decodes_to_the_levels_that_pillow_finds(mode: str, options: dict[str, Any]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (45, 83, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(cv2.GaussianBlur(noise, (0, 0), 2)).convert(mode).save(file, "JPEG", **options)
    with Image.open(BytesIO(file.getvalue())) as image:
        expected = read_photo(image.copy()).gray  # decoded by Pillow
    np.testing.assert_array_equal(read_photo(file.getvalue()).gray, expected)
