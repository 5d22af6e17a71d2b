"""EXIF blocks as cameras write them."""

from __future__ import annotations

import struct
from collections.abc import Mapping


def a_directory(
    entries: Mapping[int, tuple[int, int, bytes]], *, order: str = "<", behind: bytes = b""
) -> bytes:
    """Write an image file directory.

    Args:
        entries: Type, count and the four bytes of value or position, by tag.
        order: Byte order.
        behind: What follows.
    """
    table = b"".join(
        struct.pack(f"{order}HHI", tag, kind, count) + field.ljust(4, b"\0")
        for tag, (kind, count, field) in sorted(entries.items())
    )
    return struct.pack(f"{order}H", len(entries)) + table + bytes(4) + behind


def canon_block(note: bytes = b"IMG:a photograph\0") -> bytes:
    """Write a block with a maker note of Canon, which points to a place in the block."""

    def number(value: int) -> bytes:
        return struct.pack("<I", value)

    note_at = 8 + 30 + 6 + 18
    text_at = note_at + 18
    maker_note = a_directory({6: (2, len(note), number(text_at))}, behind=note)
    details = a_directory({0x927C: (7, len(maker_note), number(note_at))}, behind=maker_note)
    main = {0x10F: (2, 6, number(38)), 0x8769: (4, 1, number(44))}
    return b"II*\0" + number(8) + a_directory(main, behind=b"Canon\0" + details)


def adobe_rgb_block() -> bytes:
    """Write a block that says Adobe RGB as cameras do: no color space, and the name R03."""
    interop = a_directory({1: (2, 4, b"R03\0")}, order=">")
    details = {0xA001: (3, 1, b"\xff\xff"), 0xA005: (4, 1, struct.pack(">I", 56))}
    main = {0x8769: (4, 1, struct.pack(">I", 26))}
    exif = a_directory(details, order=">", behind=interop)
    return b"MM\0*" + struct.pack(">I", 8) + a_directory(main, order=">", behind=exif)
