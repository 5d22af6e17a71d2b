"""EXIF: what a turned and colored picture makes untrue is put right, the rest is kept.

A block is patched in place and not written anew: makers' notes point into it by byte offsets, and
all that is not touched stays as the camera wrote it. Only a TIFF has its tags spread over the file
and has to be packed anew.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import ExifTags, TiffImagePlugin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Exif

PREFIX = b"Exif\0\0"
"""Stands before the block in a JPEG."""

IPTC_TAG = 33723
XMP_TAG = 700
ICC_TAG = 34675

# The tags of a TIFF that say how its pixels are stored or shown, and those with metadata that
# rechroma.imaging.photo.Metadata keeps apart.
_STORAGE_TAGS = frozenset(
    tag
    for first, last in (
        *((254, 259), (262, 262), (266, 266), (273, 274), (277, 284), (288, 293), (296, 297)),
        *((301, 301), (317, 347), (512, 532), (XMP_TAG, XMP_TAG), (IPTC_TAG, IPTC_TAG)),
        *((34377, 34377), (ICC_TAG, ICC_TAG), (37724, 37724)),  # Photoshop's; with gray layers
    )
    for tag in range(first, last + 1)
)
_GROUPS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_ORIENTATION, _EXIF_IFD = 0x0112, 0x8769
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_SHORT, _LONG = 3, 4


def upright(exif: bytes, size: tuple[int, int]) -> bytes | None:
    """Say in an EXIF block that the picture stands upright, has this size and no thumbnail.

    The thumbnail is unhooked because it shows the gray picture.

    Args:
        exif: The block, with or without the ``Exif`` mark in front.
        size: Width and height of the upright picture.

    Returns:
        The block without the mark, or None when it cannot be read: left as it is, a viewer that
        reads it after all might turn the picture once more.
    """
    data = bytearray(exif.removeprefix(PREFIX))
    values = {
        _ORIENTATION: 1,
        **dict.fromkeys(_WIDTHS, size[0]),
        **dict.fromkeys(_HEIGHTS, size[1]),
    }
    try:
        _patch(data, values)
    except (struct.error, KeyError):
        return None
    return bytes(data)


def directory(exif: Exif) -> TiffImagePlugin.ImageFileDirectory_v2:
    """Pack the tags that describe a picture, but not its storage, for a TIFF.

    Tags that cannot be packed, because a program wrote them wrongly, are left out.

    Args:
        exif: The tags as Pillow read them.
    """
    packed = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in set(exif) - _STORAGE_TAGS:
        value = _group(exif, tag) if tag in _GROUPS else exif[tag]
        if _packs(tag, value):
            packed[tag] = value
    return packed


def block(exif: Exif) -> bytes | None:
    """The tags that describe a picture as an EXIF block, or None if there are none."""
    packed = directory(exif)
    return b"II*\0\x08\0\0\0" + packed.tobytes(8) if packed else None


def _group(exif: Exif, tag: int) -> dict[int, Any]:
    values = exif.get_ifd(tag)
    nested = ExifTags.IFD.Interop  # says how a JPEG camera names its files
    return {key: value for key, value in values.items() if key != nested and _packs(key, value)}


def _packs(tag: int, value: object) -> bool:
    probe = TiffImagePlugin.ImageFileDirectory_v2()
    try:
        probe[tag] = value
        return bool(probe.tobytes())
    except Exception:  # Pillow lets anything pass that its packers raise
        return False


def _patch(data: bytearray, values: Mapping[int, int]) -> None:
    order = {b"II": "<", b"MM": ">"}[bytes(data[:2])]
    (first,) = struct.unpack_from(order + "I", data, 4)
    main = _Directory(data, order, first)
    main.patch(values)
    main.unhook_next()
    details = main.value(_EXIF_IFD)
    if details is not None:
        _Directory(data, order, details).patch(values)


@dataclass(frozen=True)
class _Directory:
    """An image file directory in place: a count, entries of 12 bytes, the next one's offset."""

    data: bytearray
    order: str
    offset: int

    def patch(self, values: Mapping[int, int]) -> None:
        for position, tag, kind in self._entries():
            if tag in values and kind in (_SHORT, _LONG):
                code = "H" if kind == _SHORT else "I"
                struct.pack_into(self.order + code, self.data, position + 8, values[tag])

    def value(self, tag: int) -> int | None:
        for position, found, _ in self._entries():
            if found == tag:
                return self._number("I", position + 8)
        return None

    def unhook_next(self) -> None:
        struct.pack_into(self.order + "I", self.data, self.offset + 2 + 12 * self._count, 0)

    @property
    def _count(self) -> int:
        return self._number("H", self.offset)

    def _entries(self) -> list[tuple[int, int, int]]:
        positions = [self.offset + 2 + 12 * index for index in range(self._count)]
        return [(at, self._number("H", at), self._number("H", at + 2)) for at in positions]

    def _number(self, code: str, offset: int) -> int:
        (number,) = struct.unpack_from(self.order + code, self.data, offset)
        return int(number)
