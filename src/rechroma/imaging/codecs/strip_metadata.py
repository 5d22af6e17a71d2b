"""Removal of the metadata from files that do not decode, perhaps because of it."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from rechroma.imaging.codecs.jpeg_parts import APP1, APP13, APPLICATION, COMMENT, SCAN, START
from rechroma.imaging.metadata import exif
from rechroma.imaging.metadata.embedded import raw_profile_kind
from rechroma.imaging.metadata.extract import PNG_XMP

if TYPE_CHECKING:
    from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
_ANCILLARY = 0x20  # bit of a chunk's first letter: not needed to decode the pixels
_CRC_BYTES = 4

_NEEDED = (0, 2, 14)  # numbers of the application segments of JFIF, an ICC profile and Adobe
_METADATA = {*APPLICATION, COMMENT} - {APPLICATION[number] for number in _NEEDED}
_REST = (SCAN, 0xFF)  # start of the pixels, or padding on which readers disagree


class Stripped(NamedTuple):
    """A file without its metadata.

    Attributes:
        content: The content of the smaller file.
        removed: The kinds of metadata that it had, as in `Metadata.unreadable`.
    """

    content: bytes
    removed: tuple[str, ...]


def strip_metadata(data: bytes) -> Stripped | None:
    """Remove text, EXIF and XMP from a PNG or JPEG; the pixels and the ICC profile stay.

    Args:
        data: The file's content.

    Returns:
        The smaller file, or None if nothing could be removed.
    """
    parts: list[tuple[bytes, str | None]] = []
    if data.startswith(_PNG):
        parts = [(_PNG, None), *_chunks(data)]
    elif data.startswith(START):
        parts = [(START, None), *_segments(data)]
    content = b"".join(part for part, kind in parts if kind is None)
    if not 0 < len(content) < len(data):
        return None
    return Stripped(content, tuple(dict.fromkeys(kind for _, kind in parts if kind)))


def _chunks(png: bytes) -> Iterator[tuple[bytes, str | None]]:
    """Yield the chunks of a PNG, each with the kind of its metadata; None for one to keep."""
    at = len(_PNG)
    while at + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        chunk = png[at : at + 8 + length + _CRC_BYTES]
        at += len(chunk)
        valid = zlib.crc32(chunk[4:-_CRC_BYTES]).to_bytes(4) == chunk[-_CRC_BYTES:]
        is_kept = kind not in _PNG_TEXT and (not kind[0] & _ANCILLARY or valid)
        yield chunk, None if is_kept else _kind_of_chunk(kind, chunk[8:])


def _kind_of_chunk(kind: bytes, content: bytes) -> str:
    if kind not in (b"tEXt", b"zTXt", b"iTXt"):
        return {b"eXIf": "EXIF", b"iCCP": "ICC profile"}.get(kind, "")
    keyword = content.partition(b"\0")[0].decode("latin-1")
    return "XMP" if keyword == PNG_XMP else raw_profile_kind(keyword) or "text"


def _segments(jpeg: bytes) -> Iterator[tuple[bytes, str | None]]:
    """Yield the segments of a JPEG likewise, and its pixels."""
    at = len(START)
    while at + 4 <= len(jpeg):
        marker, kind, length = struct.unpack_from(">BBH", jpeg, at)
        if marker != 0xFF or kind in _REST:
            break
        segment = jpeg[at : at + 2 + length]
        yield segment, _kind_of_segment(kind, segment[4:]) if kind in _METADATA else None
        at += 2 + length
    yield jpeg[at:], None


def _kind_of_segment(marker: int, content: bytes) -> str:
    if marker == APP1:
        return "EXIF" if content.startswith(exif.PREFIX) else "XMP"
    return {APP13: "IPTC", COMMENT: "comment"}.get(marker, "")
