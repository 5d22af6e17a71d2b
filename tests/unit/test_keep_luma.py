"""Colorizing around the luma of a gray JPEG, and restoring it, with the library."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

import rechroma
from rechroma.colorizer import Colorizer
from rechroma.errors import (
    BrokenImageError,
    InvalidChromaError,
    OptionError,
    SourceError,
    TargetExistsError,
    UnsupportedImageError,
)
from rechroma.hints import Hint
from tests.support.fake_engine import FakeEngine
from tests.support.gray_jpegs import encode
from tests.support.images import gray_ramp, write_image


@pytest.fixture
def colorizer() -> Colorizer:
    return Colorizer(engine=FakeEngine((10.0, 25.0)), threads=2)


def pixels(data: bytes) -> np.ndarray:
    with Image.open(BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)


def stored(orientation: int, size: tuple[int, int] = (90, 121)) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(gray_ramp(*size), exif=exif, quality=95)


def test_file_is_colored_and_restored(colorizer: Colorizer, tmp_path: Path) -> None:
    source = write_image(tmp_path / "photo.jpg")
    result = colorizer.colorize_file(source, keep_luma=True)
    assert (result.target, result.was_color) == (tmp_path / "photo.color.jpg", False)
    restored = rechroma.restore_file(result.target)
    assert (restored.target, restored.exact) == (tmp_path / "photo.gray.jpg", True)
    assert restored.target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_colors_are_those_of_the_usual_result(colorizer: Colorizer, orientation: int) -> None:
    data = stored(orientation)
    options: dict[str, Any] = {"hints": [Hint(0.2, 0.3, "#4060c0")], "saturation": 1.2}
    kept = pixels(colorizer.colorize_bytes(data, keep_luma=True, **options).content)
    usual = pixels(colorizer.colorize_bytes(data, **options).content)
    assert kept.shape == usual.shape
    assert np.abs(kept - usual).mean() < 4


def test_adjustments_apply(colorizer: Colorizer) -> None:
    data = encode(gray_ramp())
    gray = pixels(colorizer.colorize_bytes(data, keep_luma=True, saturation=0.0).content)
    np.testing.assert_array_equal(gray, pixels(data))


def test_time_and_permissions_are_those_of_any_result(colorizer: Colorizer, tmp_path: Path) -> None:
    source = write_image(tmp_path / "photo.jpg")
    os.utime(source, (1000, 1000))
    result = colorizer.colorize_file(source, keep_luma=True, keep_time=True)
    assert result.target.stat().st_mtime == 1000


@pytest.mark.parametrize(
    "options", [{"badge": True}, {"format": "png"}, {"format": "TIFF"}, {"keep_luma": 1}]
)
def test_options_that_contradict_it_are_rejected(
    colorizer: Colorizer, tmp_path: Path, options: dict[str, Any]
) -> None:
    source = write_image(tmp_path / "photo.jpg")
    with pytest.raises(OptionError):
        colorizer.colorize_file(source, **({"keep_luma": True} | options))
    assert list(tmp_path.iterdir()) == [source]


def test_target_of_another_format_is_rejected(colorizer: Colorizer, tmp_path: Path) -> None:
    source = write_image(tmp_path / "photo.jpg")
    with pytest.raises(OptionError, match="PNG"):
        colorizer.colorize_file(source, tmp_path / "out.png", keep_luma=True)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("name", ["photo.png", "photo.tif", "photo.webp"])
def test_other_formats_are_refused_by_name(colorizer: Colorizer, tmp_path: Path, name: str) -> None:
    source = write_image(tmp_path / name)
    with pytest.raises(UnsupportedImageError, match=rf"{name}: only a gray JPEG"):
        colorizer.colorize_file(source, keep_luma=True)
    assert list(tmp_path.iterdir()) == [source]


def test_truncated_jpeg_is_refused(colorizer: Colorizer, tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    data = encode(gray_ramp())
    source.write_bytes(data[: len(data) // 2])
    with pytest.raises(BrokenImageError, match=r"photo\.jpg.*luma cannot be kept"):
        colorizer.colorize_file(source, keep_luma=True)
    assert list(tmp_path.iterdir()) == [source]


def test_jpeg_without_its_end_is_restored_as_it_was(colorizer: Colorizer, tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(encode(gray_ramp())[:-2])
    result = colorizer.colorize_file(source, keep_luma=True)
    assert result.damage == "end_missing"
    restored = rechroma.restore_file(result.target)
    assert restored.target.read_bytes() == source.read_bytes()


def test_chroma_that_is_not_finite_is_an_error() -> None:
    broken = Colorizer(engine=FakeEngine((float("nan"), 0.0)))
    with pytest.raises(InvalidChromaError):
        broken.colorize_bytes(encode(gray_ramp()), keep_luma=True)


def test_exif_that_stays_unread_is_not_reported_as_missing(colorizer: Colorizer) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(gray_ramp(), exif=exif.tobytes()[:-4], dpi=(72, 72))
    assert colorizer.colorize_bytes(data, keep_luma=True).unreadable_metadata == ()
    assert colorizer.colorize_bytes(data).unreadable_metadata == ("EXIF",)


def test_missing_file_is_an_error(colorizer: Colorizer, tmp_path: Path) -> None:
    for call in (
        lambda: colorizer.colorize_file(tmp_path / "none.jpg", keep_luma=True),
        lambda: rechroma.restore_file(tmp_path / "none.jpg"),
    ):
        with pytest.raises(SourceError, match=r"none\.jpg"):
            call()


class TestRestoreFile:
    @pytest.fixture
    def result(self, colorizer: Colorizer, tmp_path: Path) -> Path:
        source = write_image(tmp_path / "photo.jpg")
        return colorizer.colorize_file(source, keep_luma=True).target

    def test_existing_file_is_replaced_on_request_only(self, result: Path) -> None:
        original = result.with_name("photo.jpg")
        target = result.with_name("back.jpg")
        target.write_bytes(b"mine")
        with pytest.raises(TargetExistsError):
            rechroma.restore_file(result, target)
        assert target.read_bytes() == b"mine"
        rechroma.restore_file(result, target, overwrite=True)
        assert target.read_bytes() == original.read_bytes()

    def test_result_itself_is_never_replaced(self, result: Path) -> None:
        before = result.read_bytes()
        with pytest.raises(TargetExistsError, match="never replaced"):
            rechroma.restore_file(result, result, overwrite=True)
        assert result.read_bytes() == before

    def test_file_without_kept_luma_is_refused(self, result: Path) -> None:
        original = result.with_name("photo.jpg")
        with pytest.raises(UnsupportedImageError, match=r"photo\.jpg: there is no kept luma"):
            rechroma.restore_file(original)
        assert not original.with_name("photo.gray.jpg").exists()

    def test_no_path_is_an_error(self) -> None:
        with pytest.raises(OptionError, match="not a path"):
            rechroma.restore_file("")
