from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image
from skimage.color import deltaE_ciede2000

from rechroma.color import lightness, srgb_to_lab
from rechroma.color.render import render_srgb
from rechroma.color.ycbcr import Planes
from rechroma.errors import OptionError
from rechroma.imaging import (
    ChromaUpsampler,
    Metadata,
    Photo,
    can_write_subsampled,
    encode_photo,
    write_subsampled,
)
from rechroma.imaging.codecs.jpeg_parts import read_parts
from rechroma.imaging.codecs.jpeg_strips import encode_strip, join_strips, strip_rows
from tests.support.exif_blocks import canon_block

SIZES = [(700, 2001), (2, 2), (2, 40), (40, 3), (17, 31), (33, 2001), (400, 2001), (16, 5000)]


def _noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return cv2.GaussianBlur(coarse, (0, 0), 2).reshape(shape)


def _planes(shape: tuple[int, int]) -> Planes:
    small = (-(-shape[0] // 2), -(-shape[1] // 2))
    return Planes(_noise(shape), _noise(small, 1), _noise(small, 2))


def _rows(planes: Planes, top: int, step: int) -> Planes:
    half = slice(top // 2, (top + step) // 2)
    return Planes(planes.luma[top : top + step], planes.blue[half], planes.red[half])


def _decoded(jpeg: bytes) -> np.ndarray:
    with Image.open(BytesIO(jpeg)) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def _written(photo: Photo, chroma: np.ndarray, quality: int = 92, *, threads: int = 2) -> bytes:
    file = BytesIO()
    write_subsampled(file, photo, chroma, quality=quality, threads=threads)
    return file.getvalue()


@pytest.mark.parametrize("shape", SIZES)
def test_joined_strips_decode_like_the_whole_picture(shape: tuple[int, int]) -> None:
    planes = _planes(shape)
    step = strip_rows(shape[1])
    strips = (encode_strip(_rows(planes, top, step), 90) for top in range(0, shape[0], step))
    joined = b"".join(join_strips(strips, shape, []))
    whole = _decoded(encode_strip(planes, 90))[: shape[0], : shape[1]]
    np.testing.assert_array_equal(_decoded(joined), whole)
    other = simplejpeg.decode_jpeg(joined)  # strict: warnings are errors
    assert other.shape == (*shape, 3)


def test_a_picture_of_many_strips_has_restart_markers() -> None:
    assert -(-1100 // strip_rows(2001)) > 8  # their numbers start again after the eighth
    jpeg = _written(Photo(_noise((1100, 2001)), format="JPEG"), np.zeros((3, 4, 2), np.float32))
    assert all(bytes([0xFF, 0xD0 + number]) in jpeg for number in range(8))


def test_metadata_is_what_pillow_writes() -> None:
    metadata = Metadata(
        exif=canon_block(),
        xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        dpi=(300, 300),
        comments=(b"by the sea",),
        text={"Title": "Boats"},
    )
    gray = _noise((40, 60))
    photo = Photo(gray, format="JPEG", metadata=metadata)
    exact = encode_photo(np.dstack([gray] * 3), photo)
    found = _written(photo, np.zeros((3, 4, 2), np.float32))
    assert read_parts(exact).metadata
    assert read_parts(found).metadata == read_parts(exact).metadata


@pytest.mark.parametrize("quality", [1, 50, 92, 100])
def test_tables_and_size_are_those_of_pillow(quality: int) -> None:
    gray = _noise((300, 400))
    photo = Photo(gray, format="JPEG")
    chroma = np.full((3, 4, 2), 20, np.float32)
    exact = encode_photo(_exact(gray, chroma), photo, quality=quality)
    found = _written(photo, chroma, quality)
    with Image.open(BytesIO(found)) as ours, Image.open(BytesIO(exact)) as theirs:
        assert ours.quantization == theirs.quantization  # type: ignore[attr-defined]
        assert ours.layer == theirs.layer  # type: ignore[attr-defined]
    assert abs(len(found) - len(exact)) < 0.03 * len(exact) + 100


def _exact(gray: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    return render_srgb(gray, ChromaUpsampler(chroma, gray.shape).strip(slice(0, len(gray))))


@pytest.mark.parametrize("shape", [(17, 31), (301, 403), (90, 4001), (2, 200), (200, 2)])
def test_colors_are_those_of_the_exact_way(shape: tuple[int, int]) -> None:
    gray = _noise(shape)
    chroma = np.random.default_rng(3).normal(0, 15, (1, 1, 2)).astype(np.float32)
    if min(shape) > 10:
        chroma = np.random.default_rng(3).normal(0, 15, (3, 4, 2)).astype(np.float32)
    photo = Photo(gray, format="JPEG")
    assert can_write_subsampled(photo, chroma, "JPEG")
    found = _decoded(_written(photo, chroma, 100))
    wanted = _decoded(encode_photo(_exact(gray, chroma), photo, quality=100))
    lab = [srgb_to_lab(rgb).astype(np.float64) for rgb in (found, wanted)]
    off = deltaE_ciede2000(*lab)
    assert off.mean() < 1
    assert np.percentile(off, 99) < 3.2  # two files, each with the rounding of its coefficients
    assert np.abs(lightness(found) - lightness(gray)).mean() < 0.5


def test_threads_make_no_difference() -> None:
    photo = Photo(_noise((900, 900)), format="JPEG")
    chroma = np.random.default_rng(4).normal(0, 30, (5, 9, 2)).astype(np.float32)
    assert _written(photo, chroma, threads=1) == _written(photo, chroma, threads=3)


def test_what_is_written_the_exact_way() -> None:
    gray = _noise((40, 60))
    chroma = np.zeros((3, 4, 2), np.float32)
    photo = Photo(gray, format="JPEG")
    assert can_write_subsampled(photo, chroma, "JPEG")
    assert not can_write_subsampled(photo, chroma, "PNG")
    assert not can_write_subsampled(photo, chroma, "JPEG", badge=True)
    assert not can_write_subsampled(photo, np.zeros((30, 31, 2), np.float32), "JPEG")
    assert not can_write_subsampled(Photo(gray, alpha=gray), chroma, "JPEG")
    assert not can_write_subsampled(Photo(gray.astype(np.uint16)), chroma, "JPEG")


def test_a_picture_too_large_for_a_jpeg_is_rejected() -> None:
    photo = Photo(np.zeros((2, 65501), np.uint8), format="JPEG")
    with pytest.raises(OptionError, match="too large for JPEG"):
        _written(photo, np.zeros((1, 1, 2), np.float32))
