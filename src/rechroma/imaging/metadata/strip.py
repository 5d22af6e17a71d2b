"""A second attempt at a damaged file: without the metadata, which may be all that is damaged.

Pillow reads metadata on the way to the pixels and gives up at the first fault: a wrong checksum in
a comment, a text that unpacks to megabytes. The picture itself is often whole.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
_ANCILLARY = 0x20  # the bit of a chunk's first letter that says: the pixels do without it
_CHECKSUM = 4  # bytes

_JPEG = b"\xff\xd8"
_JPEG_METADATA = {0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE}  # neither JFIF, ICC profile nor Adobe
_JPEG_REST = (0xDA, 0xFF)  # the pixels begin, or padding that no reader agrees on


def without_metadata(data: bytes) -> bytes | None:
    """A PNG or JPEG with its pixels, its profile and no texts, EXIF or XMP.

    Args:
        data: The file's content.

    Returns:
        The content of a smaller file, or None where nothing could be left out.
    """
    bare = b""
    if data.startswith(_PNG):
        bare = _PNG + b"".join(_chunks(data))
    elif data.startswith(_JPEG):
        bare = _JPEG + b"".join(_segments(data))
    return bare if 0 < len(bare) < len(data) else None


def _chunks(png: bytes) -> Iterator[bytes]:
    at = len(_PNG)
    while at + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        chunk = png[at : at + 8 + length + _CHECKSUM]
        at += len(chunk)
        if kind not in _PNG_TEXT and (not kind[0] & _ANCILLARY or _is_whole(chunk)):
            yield chunk


def _is_whole(chunk: bytes) -> bool:
    return zlib.crc32(chunk[4:-_CHECKSUM]).to_bytes(4) == chunk[-_CHECKSUM:]


def _segments(jpeg: bytes) -> Iterator[bytes]:
    at = len(_JPEG)
    while at + 4 <= len(jpeg):
        mark, kind, length = struct.unpack_from(">BBH", jpeg, at)
        if mark != 0xFF or kind in _JPEG_REST:
            break
        if kind not in _JPEG_METADATA:
            yield jpeg[at : at + 2 + length]
        at += 2 + length
    yield jpeg[at:]
