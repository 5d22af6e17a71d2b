from __future__ import annotations

import sys

import numpy as np
import pytest

from rechroma.errors import MissingExtraError, OptionError, install_hint
from rechroma.imaging import (
    FORMATS,
    SUFFIXES,
    encode_photo,
    output_format,
    parse_format,
    photo_of_array,
    read_photo,
)


def test_suffixes_cover_every_format() -> None:
    assert {SUFFIXES[suffix] for suffix in SUFFIXES} == set(FORMATS)
    assert (SUFFIXES[".jpg"], SUFFIXES[".jpeg"], SUFFIXES[".heic"]) == ("JPEG", "JPEG", "HEIF")


@pytest.mark.parametrize(
    ("source", "result"), [("JPEG", "JPEG"), ("png", "PNG"), ("GIF", "PNG"), ("BMP", "BMP")]
)
def test_output_format_keeps_all_but_gif(source: str, result: str) -> None:
    assert output_format(source) == result


def test_output_format_rejects_an_unknown_format() -> None:
    with pytest.raises(OptionError, match="cannot write the format 'XCF'"):
        output_format("XCF")


@pytest.mark.parametrize("name", ["JPEG", "jpeg", "jpg", ".JPG", "Jpg"])
def test_parse_format_takes_names_and_suffixes_in_any_case(name: str) -> None:
    assert parse_format(name) == "JPEG"


@pytest.mark.parametrize("name", ["gif", ".gif", "pdf", "", "."])
def test_parse_format_rejects_formats_that_cannot_be_written(name: str) -> None:
    with pytest.raises(OptionError, match="cannot write the format") as caught:
        parse_format(name)
    assert "jpg, jpeg, jpe, jfif, png" in str(caught.value.hint)


class TestWithoutPillowHeif:
    @pytest.fixture(autouse=True)
    def _hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pillow_heif", None)

    def test_read_photo_names_the_extra_to_install(self) -> None:
        with pytest.raises(MissingExtraError) as caught:
            read_photo(b"\0\0\0\x18ftypheic" + bytes(100))
        assert caught.value.hint == install_hint("heif")

    def test_write_photo_names_the_extra_to_install(self) -> None:
        photo = photo_of_array(np.zeros((4, 4), np.uint8))
        with pytest.raises(MissingExtraError):
            encode_photo(np.zeros((4, 4, 3), np.uint8), photo, format="HEIF")
