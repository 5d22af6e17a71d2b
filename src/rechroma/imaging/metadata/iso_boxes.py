"""Boxes of the ISO base media file format, which JPEG 2000, AVIF and HEIF consist of."""

from __future__ import annotations

import struct
from io import SEEK_CUR, BytesIO
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_BOXES = 1000
_MAX_BYTES = 1 << 24  # of a box
_VERSION = 4  # bytes of version and flags, at the start of some boxes
_LARGE_INDEX = 1  # flag


class CodedSpace(NamedTuple):
    """A color space by its numbers in ITU-T H.273."""

    primaries: int
    transfer: int


def read_boxes(file: IO[bytes], *kinds: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of the boxes of some kinds, from the position of a file on.

    Boxes inside others are not searched; huge boxes are skipped.
    """
    for _ in range(_MAX_BOXES):
        header = file.read(8)
        if len(header) < 8:
            return
        size, kind = struct.unpack(">I4s", header)
        rest = size - 8
        if size == 1:
            rest = int.from_bytes(file.read(8)) - 16
        if rest < 0:  # the last box reaches to the end, and a codestream alone has none
            return
        if kind in kinds and rest <= _MAX_BYTES:
            yield kind, file.read(rest)
        else:
            file.seek(rest, SEEK_CUR)


def read_coded_space(file: IO[bytes]) -> CodedSpace | None:
    """Read the color space that the primary image of an AVIF or HEIF has by numbers (`nclx`).

    The file's position changes.

    Returns:
        None if there is none.

    Raises:
        ValueError: The boxes are damaged; likewise `struct.error` and `IndexError`.
    """
    file.seek(0)
    meta = next((content for _, content in read_boxes(file, b"meta")), b"")
    parts = dict(read_boxes(BytesIO(meta[_VERSION:]), b"pitm", b"iprp"))
    if len(parts) < 2:
        return None
    width = "H" if parts[b"pitm"][0] == 0 else "I"
    (primary,) = struct.unpack_from(f">{width}", parts[b"pitm"], _VERSION)
    properties = dict(read_boxes(BytesIO(parts[b"iprp"]), b"ipco", b"ipma"))
    numbers = _associations(properties[b"ipma"]).get(primary, ())
    for number, content in enumerate(_children(properties[b"ipco"]), 1):
        if number in numbers and content.startswith(b"colrnclx"):
            return CodedSpace(*struct.unpack_from(">HH", content, 8))
    return None


def _children(box: bytes) -> Iterator[bytes]:
    """Yield the kind and the content of all boxes inside a box, as one."""
    at = 0
    while at + 8 <= len(box):
        size = int.from_bytes(box[at : at + 4])
        if size < 8:
            raise ValueError("a box inside another is damaged")
        yield box[at + 4 : at + size]
        at += size


def _associations(box: bytes) -> dict[int, tuple[int, ...]]:
    """Return the numbers of the properties of each item."""
    item = ">IB" if box[0] else ">HB"
    index = "H" if box[_VERSION - 1] & _LARGE_INDEX else "B"
    mask = 0x7FFF if index == "H" else 0x7F  # the first bit says whether a property is essential
    (count,) = struct.unpack_from(">I", box, _VERSION)
    at, found = _VERSION + 4, {}
    for _ in range(count):
        identifier, length = struct.unpack_from(item, box, at)
        at += struct.calcsize(item)
        indices = struct.unpack_from(f">{length}{index}", box, at)
        at += struct.calcsize(f">{length}{index}")
        found[identifier] = tuple(each & mask for each in indices)
    return found
