"""EXIF blocks, patched in place for an upright, colored result.

A block is patched and not rewritten: maker notes point into it by byte offsets, and everything
untouched stays as the camera wrote it. Only a TIFF, whose tags are spread over the file, has to be
repacked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import ExifTags, TiffImagePlugin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Exif

PREFIX = b"Exif\0\0"
"""Precedes the block in a JPEG."""

IPTC_TAG = 33723
XMP_TAG = 700
ICC_TAG = 34675

# TIFF tags that describe how the pixels are stored or shown, and those whose metadata
# rechroma.imaging.photo.Metadata holds separately.
_STORAGE_TAGS = frozenset(
    tag
    for first, last in (
        *((254, 259), (262, 262), (266, 266), (273, 274), (277, 284), (288, 293), (296, 296)),
        *((301, 301), (317, 347), (512, 532), (XMP_TAG, XMP_TAG), (IPTC_TAG, IPTC_TAG)),
        *((34377, 34377), (ICC_TAG, ICC_TAG), (37724, 37724)),  # Photoshop's, with gray layers
    )
    for tag in range(first, last + 1)
)
_GROUPS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_ORIENTATION, _EXIF_IFD = 0x0112, 0x8769
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_SHORT, _LONG = 3, 4


def set_upright(exif: bytes, size: tuple[int, int]) -> bytes | None:
    """Set an EXIF block's orientation to upright, set its size and remove its thumbnail.

    The thumbnail is unlinked because it shows the gray image.

    Args:
        exif: The block, with or without `PREFIX`.
        size: Width and height of the upright image.

    Returns:
        The block without `PREFIX`, or None if it cannot be parsed: a viewer that can parse it
        after all might turn the image a second time.
    """
    data = bytearray(exif.removeprefix(PREFIX))
    values = {
        _ORIENTATION: 1,
        **dict.fromkeys(_WIDTHS, size[0]),
        **dict.fromkeys(_HEIGHTS, size[1]),
    }
    try:
        order = {b"II": "<", b"MM": ">"}[bytes(data[:2])]
        (first,) = struct.unpack_from(order + "I", data, 4)
        main = _Directory(data, order, first)
        main.patch(values)
        main.unlink_next()
        details = main.value(_EXIF_IFD)
        if details is not None:
            _Directory(data, order, details).patch(values)
    except (struct.error, KeyError):
        return None
    return bytes(data)


def pack_tags(exif: Exif) -> TiffImagePlugin.ImageFileDirectory_v2:
    """Pack the tags that describe an image, but not its storage, into a TIFF directory.

    Tags that cannot be packed, because a program wrote them wrongly, are left out.

    Args:
        exif: The tags as Pillow read them.
    """
    packed = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in set(exif) - _STORAGE_TAGS:
        value = exif[tag]
        if tag in _GROUPS:
            group = exif.get_ifd(tag)
            group.pop(ExifTags.IFD.Interop, None)  # how a camera names its JPEG files
            value = {key: item for key, item in group.items() if _is_packable(key, item)}
        if _is_packable(tag, value):
            packed[tag] = value
    return packed


def pack_block(exif: Exif) -> bytes | None:
    """Pack the tags that describe an image into an EXIF block; None if there are none."""
    packed = pack_tags(exif)
    return b"II*\0\x08\0\0\0" + packed.tobytes(8) if packed else None


def _is_packable(tag: int, value: object) -> bool:
    probe = TiffImagePlugin.ImageFileDirectory_v2()
    try:
        probe[tag] = value
        return bool(probe.tobytes())
    except Exception:  # Pillow passes on anything that its packers raise
        return False


@dataclass(frozen=True)
class _Directory:
    """An image file directory, edited in place: a count, 12-byte entries, the next one's offset."""

    data: bytearray
    order: str
    offset: int

    def patch(self, values: Mapping[int, int]) -> None:
        for position, tag, type_id in self._entries():
            if tag in values and type_id in (_SHORT, _LONG):
                code = "H" if type_id == _SHORT else "I"
                struct.pack_into(self.order + code, self.data, position + 8, values[tag])

    def value(self, tag: int) -> int | None:
        for position, found, _ in self._entries():
            if found == tag:
                return self._read("I", position + 8)
        return None

    def unlink_next(self) -> None:
        struct.pack_into(self.order + "I", self.data, self.offset + 2 + 12 * self._count, 0)

    @property
    def _count(self) -> int:
        return self._read("H", self.offset)

    def _entries(self) -> list[tuple[int, int, int]]:
        positions = [self.offset + 2 + 12 * index for index in range(self._count)]
        return [(at, self._read("H", at), self._read("H", at + 2)) for at in positions]

    def _read(self, code: str, offset: int) -> int:
        (number,) = struct.unpack_from(self.order + code, self.data, offset)
        return int(number)
