"""Metadata stripping, to recover the pixels of a file whose metadata is damaged.

Pillow reads metadata on the way to the pixels and gives up at the first fault: a wrong checksum in
a comment, a text that expands to megabytes. The pixels are often intact.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
_ANCILLARY = 0x20  # bit of a chunk's first letter: not needed to decode the pixels
_CRC_BYTES = 4

_JPEG = b"\xff\xd8"
_JPEG_METADATA = {0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE}  # neither JFIF, ICC profile nor Adobe
_JPEG_REST = (0xDA, 0xFF)  # start of the pixels, or padding on which readers disagree


def strip_metadata(data: bytes) -> bytes | None:
    """Remove text, EXIF and XMP from a PNG or JPEG; the pixels and the ICC profile stay.

    Args:
        data: The file's content.

    Returns:
        The content of a smaller file, or None if nothing could be removed.
    """
    stripped = b""
    if data.startswith(_PNG):
        stripped = _PNG + b"".join(_chunks(data))
    elif data.startswith(_JPEG):
        stripped = _JPEG + b"".join(_segments(data))
    return stripped if 0 < len(stripped) < len(data) else None


def _chunks(png: bytes) -> Iterator[bytes]:
    at = len(_PNG)
    while at + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        chunk = png[at : at + 8 + length + _CRC_BYTES]
        at += len(chunk)
        valid = zlib.crc32(chunk[4:-_CRC_BYTES]).to_bytes(4) == chunk[-_CRC_BYTES:]
        if kind not in _PNG_TEXT and (not kind[0] & _ANCILLARY or valid):
            yield chunk


def _segments(jpeg: bytes) -> Iterator[bytes]:
    at = len(_JPEG)
    while at + 4 <= len(jpeg):
        marker, kind, length = struct.unpack_from(">BBH", jpeg, at)
        if marker != 0xFF or kind in _JPEG_REST:
            break
        if kind not in _JPEG_METADATA:
            yield jpeg[at : at + 2 + length]
        at += 2 + length
    yield jpeg[at:]
