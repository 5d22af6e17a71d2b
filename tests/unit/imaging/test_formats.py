from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rechroma.errors import MissingExtraError, OptionError, install_hint
from rechroma.imaging import (
    FORMATS,
    SUFFIXES,
    default_target,
    encode_photo,
    output_format,
    parse_format,
    photo_of_array,
    read_photo,
    resolve_format,
)


def test_suffixes_name_their_formats() -> None:
    assert {SUFFIXES[suffix] for suffix in SUFFIXES} == set(FORMATS)
    assert (SUFFIXES[".jpg"], SUFFIXES[".jpeg"], SUFFIXES[".heic"]) == ("JPEG", "JPEG", "HEIF")


@pytest.mark.parametrize(
    ("source", "result"), [("JPEG", "JPEG"), ("png", "PNG"), ("GIF", "PNG"), ("BMP", "BMP")]
)
def test_results_keep_the_format_but_for_gif(source: str, result: str) -> None:
    assert output_format(source) == result


def test_an_unknown_format_is_told() -> None:
    with pytest.raises(OptionError, match="not written as 'XCF'"):
        output_format("XCF")


@pytest.mark.parametrize("name", ["JPEG", "jpeg", "jpg", ".JPG", "Jpg"])
def test_a_format_is_asked_for_by_its_name_or_suffix_in_any_case(name: str) -> None:
    assert parse_format(name) == "JPEG"


@pytest.mark.parametrize("name", ["gif", ".gif", "pdf", "", "."])
def test_a_format_that_is_not_written_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="not written as") as caught:
        parse_format(name)
    assert "jpg, jpeg, png" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("source", "format", "target"),
    [
        ("a/photo.jpg", None, "a/photo.color.jpg"),
        ("PHOTO.JPEG", None, "PHOTO.color.JPEG"),
        ("photo.tiff", "TIFF", "photo.color.tiff"),
        ("photo.jpg", "png", "photo.color.png"),
        ("photo.gif", None, "photo.color.png"),
        ("photo", None, "photo.color"),
        ("my.old.photo.png", None, "my.old.photo.color.png"),
        ("nowhere", None, "nowhere.color"),
        ("nowhere", "png", "nowhere.color.png"),
    ],
)
def test_the_target_beside_a_photo(source: str, format: str | None, target: str) -> None:  # noqa: A002
    assert default_target(Path(source), format) == Path(target)


@pytest.mark.parametrize(
    ("target", "format", "source", "written"),
    [
        ("a.jpg", None, None, "JPEG"),
        ("a.JPG", "jpeg", None, "JPEG"),
        ("a", None, None, None),
        ("a", "png", None, "PNG"),
        ("a.scan", None, "b.scan", None),
        ("a.scan", "tif", "b.SCAN", "TIFF"),
    ],
)
def test_the_format_that_a_target_says(
    target: str,
    format: str | None,  # noqa: A002
    source: str | None,
    written: str | None,
) -> None:
    photograph = None if source is None else Path(source)
    assert resolve_format(Path(target), format, source=photograph) == written


@pytest.mark.parametrize(
    ("target", "format", "said"),
    [
        ("a.scan", None, r"^a\.scan: results are not written as '\.scan'"),
        ("a.gif", None, r"^a\.gif: results are not written as '\.gif'"),
        ("a.png", "jpeg", r"^a\.png: the name says PNG, but the format asked for is JPEG"),
        ("a", "gif", "not written as 'gif'"),
    ],
)
def test_a_target_that_says_another_format(target: str, format: str | None, said: str) -> None:  # noqa: A002
    with pytest.raises(OptionError, match=said):
        resolve_format(Path(target), format, source=Path("photo.jpg"))


class TestWithoutPillowHeif:
    @pytest.fixture(autouse=True)
    def _hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pillow_heif", None)

    def test_reading_says_what_to_install(self) -> None:
        with pytest.raises(MissingExtraError) as caught:
            read_photo(b"\0\0\0\x18ftypheic" + bytes(100))
        assert caught.value.hint == install_hint("heif")

    def test_writing_says_what_to_install(self) -> None:
        import numpy as np

        photo = photo_of_array(np.zeros((4, 4), np.uint8))
        with pytest.raises(MissingExtraError):
            encode_photo(np.zeros((4, 4, 3), np.uint8), photo, format="HEIF")
