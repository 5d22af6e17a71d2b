"""Pages of TIFFs: one file in, one file out, page by page."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from rechroma.colorizer import Colorizer
from rechroma.errors import OptionError, RechromaError, UnsupportedImageError
from rechroma.imaging import read_photo
from tests.support.fake_engine import FakeEngine
from tests.support.images import gray_ramp, write_image

if TYPE_CHECKING:
    from pathlib import Path

GRAYS = (gray_ramp(60, 80), gray_ramp(50, 70, np.uint16), gray_ramp(64, 40)[::-1])
NAMES = ("front", "back", "note")


@pytest.fixture
def colorizer() -> Colorizer:
    return Colorizer(engine=FakeEngine(), threads=1)


def write_scan(path: Path, *, copies: bool = False, **options: Any) -> Path:
    """Write three pages of different kinds, each with its own tags; optionally reduced copies."""
    kinds: tuple[dict[str, Any], ...] = ({}, {"compression": "zlib", "predictor": True}, {})
    with tifffile.TiffWriter(path, **options) as file:
        for gray, name, kind in zip(GRAYS, NAMES, kinds, strict=True):
            if copies:
                copy = np.ascontiguousarray(gray[::4, ::4])
                file.write(copy, photometric="minisblack", subfiletype=1, metadata=None)
            number = NAMES.index(name)
            file.write(
                gray,
                photometric="minisblack",
                description=name,
                resolution=(100 + number, 100 + number),
                resolutionunit=2,
                extratags=[(297, "H", 2, (number, 3), True), (285, "s", 0, f"p{number}", True)],
                metadata=None,
                **kind,
            )
    return path


def assert_page_of(page: Any, number: int) -> None:
    gray, pixels = GRAYS[number], page.asarray()
    assert pixels.shape == (*gray.shape, 3)
    assert pixels.dtype == gray.dtype
    assert page.tags["ImageDescription"].value == NAMES[number]
    assert page.tags["PageName"].value == f"p{number}"
    assert page.tags["PageNumber"].value == (number, 3)
    assert page.tags["XResolution"].value[0] / page.tags["XResolution"].value[1] == 100 + number
    assert b"DigitalSourceType" in page.tags["XMP"].value
    full = np.iinfo(gray.dtype).max
    lightness = pixels @ np.array([0.2126, 0.7152, 0.0722]) / full
    assert np.abs(lightness - gray / full).max() < 0.1
    assert np.abs(pixels[..., 0].astype(int) - pixels[..., 2]).mean() > 0.02 * full


@pytest.mark.parametrize(
    "options", [{}, {"byteorder": ">"}, {"bigtiff": True}, {"copies": True}], ids=str
)
def test_all_pages_become_one_tiff(
    colorizer: Colorizer, tmp_path: Path, options: dict[str, Any]
) -> None:
    source = write_scan(tmp_path / "scan.tif", **options)
    result = colorizer.colorize_file(source, pages="all")
    assert (result.pages, result.width, result.height) == (3, 80, 60)
    with tifffile.TiffFile(result.target) as made:
        assert len(made.pages) == 3
        for number in range(3):
            assert_page_of(made.pages[number], number)
    with Image.open(result.target) as made_again:
        assert getattr(made_again, "n_frames", 1) == 3
        made_again.seek(2)
        made_again.load()


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize(("pages", "numbers"), [("2", [1]), ("2-3", [1, 2]), ("1-1", [0])])
def test_chosen_pages_are_colored(
    colorizer: Colorizer, tmp_path: Path, pages: str, numbers: list[int], *, copies: bool
) -> None:
    source = write_scan(tmp_path / "scan.tif", copies=copies)
    encoded = colorizer.colorize_bytes(source.read_bytes(), pages=pages)
    assert encoded.pages == 3
    (tmp_path / "made.tif").write_bytes(encoded.content)
    with tifffile.TiffFile(tmp_path / "made.tif") as made:
        assert len(made.pages) == len(numbers)
        for page, number in zip(made.pages, numbers, strict=True):
            assert_page_of(page, number)


def test_read_photo_reads_a_page(tmp_path: Path) -> None:
    for copies in (False, True):
        source = write_scan(tmp_path / "scan.tif", copies=copies)
        for number, gray in enumerate(GRAYS):
            for data in (source, source.read_bytes()):
                photo = read_photo(data, page=number + 1)
                np.testing.assert_array_equal(photo.gray, gray)
                assert photo.pages == 3


def test_one_page_can_have_any_format(colorizer: Colorizer, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "scan.tif")
    result = colorizer.colorize_file(source, tmp_path / "note.jpg", pages="3")
    with Image.open(result.target) as made:
        assert (made.format, made.size) == ("JPEG", (40, 64))


@pytest.mark.parametrize("pages", ["all", "1"])
def test_photograph_without_pages_is_colored(
    colorizer: Colorizer, tmp_path: Path, pages: str
) -> None:
    for name in ("a.jpg", "a.png", "a.tif"):
        made = colorizer.colorize_file(write_image(tmp_path / name), pages=pages).target
        with Image.open(made) as image:
            assert image.size == (120, 90)


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("scan.tif", {"pages": "all", "format": "png"}, OptionError, "3 pages need a TIFF"),
        ("scan.tif", {"pages": "4"}, OptionError, "no page 4: the last is 3"),
        ("scan.tif", {"pages": "2-4"}, OptionError, "no page 4: the last is 3"),
        ("a.jpg", {"pages": "2"}, OptionError, "no page 2: only a TIFF has several"),
        ("a.jpg", {"pages": "1-2"}, OptionError, "no page 2: the last is 1"),
        ("a.gif", {"pages": "all"}, UnsupportedImageError, "frames of an animation"),
        ("a.webp", {"pages": "all"}, UnsupportedImageError, "frames of an animation"),
    ],
)
def test_impossible_pages_are_errors(
    colorizer: Colorizer,
    tmp_path: Path,
    name: str,
    options: Any,
    error: type[RechromaError],
    message: str,
) -> None:
    write_scan(tmp_path / "scan.tif")
    write_image(tmp_path / "a.jpg")
    for animation in ("a.gif", "a.webp"):
        frames = [Image.fromarray(gray_ramp() // part) for part in (1, 2)]
        frames[0].save(tmp_path / animation, save_all=True, append_images=frames[1:])
    before = set(tmp_path.iterdir())
    with pytest.raises(error, match=message) as caught:
        colorizer.colorize_file(tmp_path / name, **options)
    assert name in caught.value.message
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("pages", ["", "0", "3-1", "-2", "2-", "1,3", "ALL", "x", 3.5, "²"])
def test_invalid_ranges_are_rejected(colorizer: Colorizer, tmp_path: Path, pages: Any) -> None:
    with pytest.raises(OptionError, match="pages must be all, or such as 3 or 1-4"):
        colorizer.colorize_file(write_scan(tmp_path / "scan.tif"), pages=pages)


def test_damaged_page_leaves_no_result(colorizer: Colorizer, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "scan.tif")
    with tifffile.TiffFile(source) as file:
        offset = file.pages[1].dataoffsets[0]
    data = bytearray(source.read_bytes())
    data[offset : offset + 500] = bytes(500)
    source.write_bytes(data)
    with pytest.raises(RechromaError):
        colorizer.colorize_file(source, pages="all")
    assert list(tmp_path.iterdir()) == [source]


def test_memory_does_not_grow_with_the_pages(colorizer: Colorizer, tmp_path: Path) -> None:
    peaks = []
    for count in (1, 12):
        source = tmp_path / f"{count}.tif"
        with tifffile.TiffWriter(source) as file:
            for _ in range(count):
                file.write(gray_ramp(900, 700), photometric="minisblack", subfiletype=2)
        tracemalloc.start()
        colorizer.colorize_file(source, pages="all")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]
