"""TIFFs of every bit depth, written by a writer of our own, against levels worked out here."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from rechroma.errors import BrokenImageError, ImageTooLargeError, InputError, UnsupportedImageError
from rechroma.imaging import Photo, read_photo, read_rgb_thumbnail
from tests.support.tiff_writer import GRAY_FROM_BLACK, GRAY_FROM_WHITE, RGB, a_tiff

ALPHA, PREMULTIPLIED, INFRARED = 2, 1, 0
HEIGHT, WIDTH = 19, 37
RAMP = np.tile(np.linspace(0, 1, WIDTH), (HEIGHT, 1)) ** np.linspace(1, 2, HEIGHT)[:, None]


def levels(bits: int, *, invert: bool = False) -> NDArray[np.int64]:
    """The ramp at a bit depth."""
    values = np.rint(RAMP * ((1 << bits) - 1)).astype(np.int64)
    return (1 << bits) - 1 - values if invert else values


def full_range(values: NDArray[np.int64], bits: int) -> NDArray[np.float64]:
    """The same levels where white is 255, or 65535 above 8 bits."""
    full = 255 if bits <= 8 else 65535
    return np.asarray(np.rint(values * (full / ((1 << bits) - 1))), np.float64)


def colors(values: NDArray[np.int64], photometric: int) -> NDArray[np.int64]:
    return np.dstack([values] * (3 if photometric == RGB else 1))


def assert_reads(data: bytes, bits: int) -> Photo:
    """Read the ramp, and check every level of it."""
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.gray, full_range(levels(bits), bits))
    assert photo.gray.dtype == (np.uint8 if bits <= 8 else np.uint16)
    assert (photo.format, photo.was_color) == ("TIFF", False)
    return photo


@pytest.mark.parametrize("photometric", [GRAY_FROM_WHITE, GRAY_FROM_BLACK, RGB])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", range(1, 17))
class TestBitDepths:
    def test_packed_levels_are_stretched(self, bits: int, order: str, photometric: int) -> None:
        stored = colors(levels(bits, invert=photometric == GRAY_FROM_WHITE), photometric)
        assert_reads(a_tiff(stored, bits, photometric=photometric, order=order), bits)

    def test_padded_levels_are_stretched(self, bits: int, order: str, photometric: int) -> None:
        if bits == 1 and photometric != RGB:
            pytest.skip("bilevel images are always packed")
        stored = colors(levels(bits, invert=photometric == GRAY_FROM_WHITE), photometric)
        for deflate in (False, True):
            data = a_tiff(
                stored, bits, photometric=photometric, order=order, padded=True, deflate=deflate
            )
            assert_reads(data, bits)

    def test_alpha_is_kept_and_infrared_dropped(
        self, bits: int, order: str, photometric: int
    ) -> None:
        stored = colors(levels(bits, invert=photometric == GRAY_FROM_WHITE), photometric)
        alpha = levels(bits)[::-1]
        for extra, separate in (((ALPHA,), False), ((INFRARED, ALPHA), True), ((INFRARED,), False)):
            more = [alpha if kind == ALPHA else 1 - stored[..., 0] % 2 for kind in extra]
            photo = assert_reads(
                a_tiff(
                    np.dstack([stored, *more]),
                    bits,
                    photometric=photometric,
                    order=order,
                    extra=extra,
                    separate=separate,
                ),
                bits,
            )
            if ALPHA in extra:
                np.testing.assert_array_equal(photo.alpha, full_range(alpha, bits))
            else:
                assert photo.alpha is None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [4, 8, 12, 16])
@pytest.mark.parametrize(
    "options",
    [
        {"separate": True},
        {"tile": 16},
        {"tile": 48},
        {"tile": 16, "separate": True, "deflate": True},
        {"deflate": True},
        {"deflate": True, "differences": True},
        {"differences": True, "tile": 16, "padded": True},
        {"reverse_bits": True},
        {"reverse_bits": True, "deflate": True},
        {"rows": 1},
        {"rows": 1000},
    ],
)
def test_storage_does_not_change_the_levels(options: dict[str, Any], bits: int, order: str) -> None:
    for photometric in (GRAY_FROM_BLACK, RGB):
        stored = np.dstack([colors(levels(bits), photometric), levels(bits)[::-1]])
        data = a_tiff(stored, bits, photometric=photometric, extra=(ALPHA,), order=order, **options)
        photo = assert_reads(data, bits)
        np.testing.assert_array_equal(photo.alpha, full_range(levels(bits)[::-1], bits))
        assert photo.metadata.compressed == ("deflate" in options)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "options", [{"rows": 1}, {"tile": 16}, {"rows": 999}, {"rows": 2, "separate": True}]
)
@pytest.mark.parametrize("deflate", [True, False])
def test_many_segments_and_large_ones_are_read(
    options: dict[str, Any], deflate: bool, threads: int
) -> None:
    stored = np.random.default_rng(0).integers(0, 65536, (900, 700))
    data = a_tiff(colors(stored, RGB), 16, photometric=RGB, deflate=deflate, **options)
    np.testing.assert_array_equal(read_photo(data, threads=threads).gray, stored)


@pytest.mark.parametrize("photometric", [GRAY_FROM_BLACK, RGB])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_premultiplied_alpha_is_divided_out(bits: int, photometric: int) -> None:
    top = (1 << bits) - 1
    alpha = np.rint((1 + RAMP.T.reshape(RAMP.shape)) / 2 * top).astype(np.int64)
    stored = np.rint(levels(bits) * (alpha / top)).astype(np.int64)
    data = a_tiff(
        np.dstack([colors(stored, photometric), alpha]),
        bits,
        photometric=photometric,
        extra=(PREMULTIPLIED,),
    )
    photo = read_photo(data)
    difference = photo.gray - full_range(levels(bits), bits)
    assert np.abs(difference).max() <= 2 * (1 if bits == 8 else 65536 >> bits)
    np.testing.assert_array_equal(photo.alpha, full_range(alpha, bits))


def test_fully_transparent_pixels_stay_as_they_are() -> None:
    stored = np.dstack([levels(16), np.zeros_like(levels(16))])
    photo = read_photo(a_tiff(stored, 16, extra=(PREMULTIPLIED,)))
    np.testing.assert_array_equal(photo.alpha, 0)


def test_channels_of_different_depths_are_read() -> None:
    stored = np.dstack([levels(5), levels(6), levels(5)])
    photo = read_photo(a_tiff(stored, (5, 6, 5), photometric=RGB))
    assert np.abs(photo.gray - np.rint(RAMP * 255)).max() <= 5


def test_a_white_level_below_the_bit_depth_is_believed() -> None:
    stored = levels(12)[..., None]
    photo = read_photo(a_tiff(stored, 16, tags={281: (4095,)}))
    np.testing.assert_array_equal(photo.gray, full_range(levels(12), 12))
    dark = read_photo(a_tiff(stored, 16, tags={281: (4000,)}))  # the highest level that occurs
    np.testing.assert_array_equal(dark.gray, levels(12))


def test_padded_levels_beyond_their_depth_fill_the_container() -> None:
    photo = read_photo(a_tiff(levels(16)[..., None], 12, padded=True))
    np.testing.assert_array_equal(photo.gray, levels(16))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_orientation_is_followed(orientation: int) -> None:
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]
    photo = read_photo(a_tiff(levels(12)[..., None], 12, tags={274: (orientation,)}))
    np.testing.assert_array_equal(photo.gray, np.rot90(full_range(levels(12), 12), turns))
    thumbnail = read_rgb_thumbnail(
        a_tiff(levels(12)[..., None], 12, tags={274: (orientation,)}), 99
    )
    assert thumbnail.shape == (*photo.gray.shape, 3)


def test_thumbnail_has_the_levels_of_the_photograph() -> None:
    stored = np.dstack([colors(levels(12), RGB), levels(12)])
    thumbnail = read_rgb_thumbnail(a_tiff(stored, 12, photometric=RGB, extra=(INFRARED,)), 99)
    np.testing.assert_allclose(thumbnail[..., 1], RAMP * 255, atol=1)


def test_image_that_pillow_opened_is_stretched() -> None:
    image = Image.open(BytesIO(a_tiff(levels(12)[..., None], 12)))
    np.testing.assert_array_equal(read_photo(image).gray, full_range(levels(12), 12))


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"tags": {259: (34712,)}}, "JPEG 2000"),
        ({"tags": {259: (33003,)}}, "JPEG 2000"),
        ({"tags": {259: (50001,)}}, "WebP"),
        ({"tags": {259: (6,)}}, "old-style JPEG"),
        ({"tags": {259: (7,)}}, "12-bit JPEG"),
        ({"tags": {259: (50002,)}}, "JPEG XL"),
    ],
)
def test_compression_that_is_not_read_is_named(options: dict[str, Any], kind: str) -> None:
    with pytest.raises(UnsupportedImageError, match=f"{kind} compression in a TIFF") as caught:
        read_photo(a_tiff(levels(12)[..., None], 12, **options))
    assert caught.value.hint


@pytest.mark.parametrize("deflate", [False, True])
def test_truncated_samples_are_an_error(
    capfd: pytest.CaptureFixture[str], *, deflate: bool
) -> None:
    whole = a_tiff(levels(12)[..., None], 12, deflate=deflate, rows=HEIGHT, tags={279: (20,)})
    with pytest.raises(BrokenImageError):
        read_photo(
            whole if deflate else whole.replace(b"\0\1\0\0\0\x25", b"\0\1\0\0\1\x25", 1)[:300]
        )
    assert capfd.readouterr().err == ""


def test_size_limits_apply_before_the_samples_are_read() -> None:
    data = a_tiff(levels(12)[..., None], 12)
    with pytest.raises(ImageTooLargeError):
        read_photo(data, max_pixels=HEIGHT * WIDTH - 1)
    for tags in ({322: (1 << 31,)}, {322: (0,)}, {323: (0,)}):
        with pytest.raises(InputError):
            read_photo(a_tiff(levels(12)[..., None], 12, tile=16, tags=tags))


def several(*pages: dict[str, Any], **options: Any) -> bytes:
    """Write a TIFF of several images with tifffile; the ramp is in the one that has no `array`."""
    file = BytesIO()
    with tifffile.TiffWriter(file, **options) as writer:
        for page in pages:
            array = page.pop("array", full_range(levels(8), 8).astype(np.uint8))
            writer.write(array, photometric=page.pop("photometric", 1), metadata=None, **page)
    return file.getvalue()


SMALL = np.zeros((4, 6), np.uint8)
COPY: dict[str, Any] = {"array": SMALL, "subfiletype": 1}


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}])
class TestMainImage:
    def test_reduced_copy_before_it_is_passed_over(self, options: dict[str, Any]) -> None:
        photo = assert_reads(several({**COPY}, {}, **options), 8)
        assert photo.pages == 1

    def test_mask_before_it_is_passed_over(self, options: dict[str, Any]) -> None:
        assert_reads(
            several({"array": SMALL > 0, "subfiletype": 4, "photometric": 4}, {}, **options), 8
        )

    def test_subdirectory_of_a_reduced_copy_is_read(self, options: dict[str, Any]) -> None:
        data = several({**COPY, "subifds": 2}, {**COPY}, {"subfiletype": 0}, **options)
        assert_reads(data, 8)

    def test_subdirectories_of_a_whole_image_are_not(self, options: dict[str, Any]) -> None:
        photo = assert_reads(several({"subifds": 1}, {"array": SMALL}, {}, **options), 8)
        assert photo.pages == 2

    def test_reduced_copies_alone_are_read(self, options: dict[str, Any]) -> None:
        assert_reads(several({"subfiletype": 1}, {**COPY}, **options), 8)

    @pytest.mark.parametrize("photometric", [32803, 34892])
    def test_raw_file_is_rejected_by_name(self, options: dict[str, Any], photometric: int) -> None:
        linear = np.dstack([levels(16)] * 3).astype(np.uint16)
        array = linear if photometric == 34892 else linear[..., 0]
        raw = {"array": array, "photometric": photometric}
        for pages in ([{**COPY, "subifds": 1}, raw], [raw], [{}, raw]):
            with pytest.raises(UnsupportedImageError, match="raw file") as caught:
                read_photo(several(*(dict(page) for page in pages), **options))
            assert caught.value.hint

    def test_dng_is_rejected_by_its_version(self, options: dict[str, Any]) -> None:
        tag = (50706, "B", 4, bytes([1, 4, 0, 0]), True)
        with pytest.raises(UnsupportedImageError, match="raw file"):
            read_photo(several({"extratags": [tag]}, **options))


def test_loop_of_directories_ends() -> None:
    data = bytearray(several({}, {}))
    (first,) = np.frombuffer(data[4:8], "<u4")
    count = int.from_bytes(data[first : first + 2], "little")
    link = int(first) + 2 + 12 * count
    data[link : link + 4] = data[4:8]
    assert assert_reads(bytes(data), 8).pages == 1


def test_canon_raw_file_is_rejected_by_its_mark() -> None:
    data = a_tiff(levels(8)[..., None], 8)
    with pytest.raises(UnsupportedImageError, match="raw file"):
        read_photo(data[:8] + b"CR\x02\0" + data[12:])
