"""The table of docs/formats.md agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from rechroma.errors import MissingExtraError, OptionError
from rechroma.imaging import FORMATS, Photo, encode_photo, output_format, parse_format, read_photo

PAGE = Path(__file__).parents[4] / "docs" / "formats.md"


class Row(NamedTuple):
    format: str
    suffixes: str
    bits_read: str
    bits_written: str
    alpha: str
    largest_side: str
    result: str


def rows() -> list[Row]:
    text = PAGE.read_text("utf-8")
    lines = text[text.index("| format |") :].split("\n\n")[0].splitlines()
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines[2:]]


WRITTEN = [row for row in rows() if row.bits_written != "none"]


def deep_photo() -> Photo:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    return Photo(gray=ramp, alpha=ramp)


def written(row: Row) -> Photo:
    photo = deep_photo()
    colors: Any = np.dstack([photo.gray] * 3)
    try:
        content = encode_photo(colors, photo, format=row.format)
    except MissingExtraError as error:
        pytest.skip(error.message)
    return read_photo(content)


def test_all_formats_and_suffixes_are_listed() -> None:
    listed = {row.format: tuple(f".{each}" for each in row.suffixes.split(", ")) for row in rows()}
    assert listed == dict(FORMATS)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.format)
def test_format_of_the_result(row: Row) -> None:
    assert output_format(row.format) == (row.format if row.result == "the same" else row.result)


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row.format)
def test_bits_and_alpha_written(row: Row) -> None:
    photo = written(row)
    assert photo.format == row.format
    assert photo.gray.dtype == (np.uint16 if row.bits_written == "8, 16" else np.uint8)
    assert (photo.alpha is not None) == (row.alpha == "yes")
    if "16" in row.bits_written:
        assert row.bits_read.find("16") > 0


def test_what_is_not_written() -> None:
    (row,) = (row for row in rows() if row.bits_written == "none")
    with pytest.raises(OptionError, match="cannot write"):
        parse_format(row.format)


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row.format)
def test_largest_side_written(row: Row) -> None:
    if row.largest_side == "any":
        return
    gray = np.zeros((2, int(row.largest_side.replace(",", "")) + 1), np.uint8)
    with pytest.raises(OptionError, match="too large"):
        encode_photo(np.dstack([gray] * 3), Photo(gray=gray), format=row.format)


def test_smallest_side_of_jpeg_2000() -> None:
    smallest = re.search(r"from (\d+) pixels on each side", PAGE.read_text("utf-8"))
    assert smallest
    gray = np.zeros((int(smallest[1]), 64), np.uint8)
    assert encode_photo(np.dstack([gray] * 3), Photo(gray=gray), format="jp2")
    with pytest.raises(OptionError, match="too small"):
        encode_photo(np.dstack([gray[1:]] * 3), Photo(gray=gray[1:]), format="jp2")
