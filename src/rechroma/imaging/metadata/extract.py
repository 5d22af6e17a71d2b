"""Metadata extraction from decoded images, into one representation for all formats.

Metadata must never cost a photograph: a part that cannot be read is left out, and so is one of
which Pillow warns when warnings are errors.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import TYPE_CHECKING, Any, TypeVar

from rechroma.imaging.metadata import exif, xmp
from rechroma.imaging.photo import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from PIL.Image import Image

_Part = TypeVar("_Part")

_ORIENTATION_TAG = 0x0112
_IPTC_RESOURCE = 0x0404  # among Photoshop's image resources in a JPEG
_NO_DPI = 1  # Pillow's number for a TIFF without a resolution
_MAX_DPI = 1e5  # far above any scanner; more is damage, and does not fit every format
_PNG_XMP = "XML:com.adobe.xmp"
_NOT_TEXT = (_PNG_XMP, "Raw profile type ")  # keywords of PNG text that holds something else
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
_ANCILLARY = 0x20  # bit of a chunk's first letter: not needed to decode the pixels
_CRC_BYTES = 4

_JPEG = b"\xff\xd8"
_JPEG_METADATA = {0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE}  # neither JFIF, ICC profile nor Adobe
_JPEG_REST = (0xDA, 0xFF)  # start of the pixels, or padding on which readers disagree


def read_orientation(image: Image) -> int:
    """Read EXIF's orientation, 1 (upright) to 8; 1 if it is missing or invalid."""
    value = _try(lambda: int(image.getexif().get(_ORIENTATION_TAG, 1))) or 1
    return value if value in range(1, 9) else 1


def read_metadata(image: Image, size: tuple[int, int], *, swapped: bool = False) -> Metadata:
    """Read the metadata that the result keeps.

    Args:
        image: A decoded image; some metadata comes after the pixels.
        size: Width and height of the upright image.
        swapped: Whether turning the image upright swaps its axes.
    """
    info = image.info
    tags, resources = getattr(image, "tag_v2", {}), info.get("photoshop", {})
    block = info.get("exif") or _try(lambda: exif.pack_block(image.getexif()))
    packet = _as_bytes(info.get("xmp") or info.get(_PNG_XMP))
    return Metadata(
        exif=_try(lambda: exif.set_upright(block, size)) if block else None,
        icc=_as_bytes(info.get("icc_profile")),
        xmp=xmp.reset_orientation(packet) if packet else None,
        iptc=_try(lambda: _as_bytes(tags.get(exif.IPTC_TAG) or resources.get(_IPTC_RESOURCE))),
        dpi=_try(lambda: _dpi(info, swapped)),
        text=_try(lambda: _text(image)) or {},
        compressed=info.get("compression") != "raw",
    )


def _try(read: Callable[[], _Part]) -> _Part | None:
    try:
        return read()
    except Exception:  # broken metadata makes Pillow's parsers raise nearly anything
        return None


def _dpi(info: Mapping[Any, Any], swapped: bool) -> tuple[float, float] | None:
    across, down = (float(value) for value in info["dpi"])
    if not all(math.isfinite(value) and _NO_DPI < value < _MAX_DPI for value in (across, down)):
        return None
    return (down, across) if swapped else (across, down)


def _text(image: Image) -> dict[str, str]:
    found: dict[str, Any] = dict(getattr(image, "text", {}))
    if "comment" in image.info:
        found["Comment"] = image.info["comment"]
    texts = {}
    for key, value in found.items():
        if not key.startswith(_NOT_TEXT):
            try:
                texts[key] = value.decode() if isinstance(value, bytes) else str(value)
            except UnicodeDecodeError:
                texts[key] = value.decode("latin-1")
    return texts


def _as_bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) and value else None


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
