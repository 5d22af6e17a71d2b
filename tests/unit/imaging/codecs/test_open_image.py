"""Files with several images: the first is read, the others are counted."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from rechroma.colorizer import Colorizer
from rechroma.imaging import read_photo
from tests.support.fake_engine import FakeEngine


def pages(count: int) -> list[Image.Image]:
    ramp = np.linspace(40, 220, 32 * 48).reshape(32, 48).astype(np.uint8)
    return [Image.fromarray(np.roll(ramp, 8 * number, axis=1)) for number in range(count)]


def content(file_format: str, count: int, **options: Any) -> bytes:
    file = BytesIO()
    first, *others = pages(count)
    first.save(file, file_format, save_all=True, append_images=others, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("GIF", {}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_first_page_is_read_and_all_are_counted(file_format: str, options: dict[str, Any]) -> None:
    photo = read_photo(content(file_format, 3, **options))
    assert photo.pages == 3
    np.testing.assert_array_equal(photo.gray, np.asarray(pages(1)[0]))
    assert read_photo(content(file_format, 1, **options)).pages == 1


def test_reduced_copies_in_a_tiff_do_not_count() -> None:
    file = BytesIO()
    first, page, copy = pages(3)
    kinds = TiffImagePlugin.ImageFileDirectory_v2()
    kinds[254] = 1
    copy.encoderinfo = {"tiffinfo": kinds}
    first.save(file, "TIFF", save_all=True, append_images=[copy])
    assert read_photo(file.getvalue()).pages == 1
    file = BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=[copy, page])
    assert read_photo(file.getvalue()).pages == 2


def test_images_appended_to_a_jpeg_do_not_count() -> None:
    assert read_photo(content("MPO", 2)).pages == 1


@pytest.mark.parametrize("file_format", ["TIFF", "GIF"])
def test_damage_after_the_first_page_does_not_lose_it(file_format: str) -> None:
    whole, one = content(file_format, 3), content(file_format, 1)
    photo = read_photo(whole[: len(one) + 40])
    np.testing.assert_array_equal(photo.gray, np.asarray(pages(1)[0]))


def test_colorize_file_reports_the_page_count(tmp_path: Path) -> None:
    (tmp_path / "box.tif").write_bytes(content("TIFF", 4))
    assert Colorizer(engine=FakeEngine()).colorize_file(tmp_path / "box.tif").pages == 4
