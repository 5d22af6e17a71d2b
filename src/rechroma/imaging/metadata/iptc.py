"""IPTC-IIM records (captions, credits), and the Photoshop resources that hold them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE = b"8BIM"
_RECORD = 0x0404
_FIRST = b"\x1c"  # of a record
_HEADER = b"Photoshop 3.0\0"  # of a segment in a JPEG


def record_of(data: bytes) -> bytes | None:
    """Return the record in data that is one, or consists of Photoshop's resources; else None."""
    if data.startswith(_FIRST):
        return data
    return next((content for number, content in _resources(data) if number == _RECORD), None)


def record_of_segments(segments: list[bytes]) -> bytes | None:
    """Return the record in the APP13 segments of a JPEG, which continue each other."""
    parts = [each.removeprefix(_HEADER) for each in segments if each.startswith(_HEADER)]
    return record_of(b"".join(parts))


def resources_with(record: bytes) -> bytes:
    """Return Photoshop's resources with a record as the only one."""
    padding = b"\0" * (len(record) % 2)
    return _SIGNATURE + struct.pack(">HHI", _RECORD, 0, len(record)) + record + padding


def segments_with(record: bytes, limit: int) -> Iterator[bytes]:
    """Yield the content of the APP13 segments of a JPEG with a record.

    Args:
        record: The record.
        limit: The most bytes that a segment can have.
    """
    resources = resources_with(record)
    step = limit - len(_HEADER)
    for at in range(0, len(resources), step):
        yield _HEADER + resources[at : at + step]


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = data.find(_SIGNATURE)
    while at >= 0 and data[at : at + 4] == _SIGNATURE and at + 12 <= len(data):
        number, name_length = struct.unpack_from(">HB", data, at + 4)
        at += 6 + name_length + 1 + (name_length + 1) % 2
        if at + 4 > len(data):
            return
        (size,) = struct.unpack_from(">I", data, at)
        yield number, data[at + 4 : at + 4 + size]
        at += 4 + size + size % 2
