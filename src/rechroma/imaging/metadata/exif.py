"""EXIF blocks, patched in place for an upright, colored result.

A block is patched and not rewritten: maker notes point into it by byte offsets, and everything
untouched stays as the camera wrote it. Only the tags of a TIFF, which are spread over the file, are
copied into a new block, byte for byte.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from PIL import TiffImagePlugin

from rechroma.imaging.metadata.orientation import turn_point
from rechroma.imaging.metadata.tiff_directory import LONG, SHORT, TiffReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from PIL.Image import Exif

    from rechroma.imaging.metadata.tiff_directory import Directory, Entry

PREFIX = b"Exif\0\0"
"""Precedes the block in a JPEG."""

PHOTOSHOP_TAG = 34377
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
        *((PHOTOSHOP_TAG, PHOTOSHOP_TAG), (ICC_TAG, ICC_TAG)),
        (37724, 37724),  # Photoshop's, with gray layers
    )
    for tag in range(first, last + 1)
)
_PATCHED = {256, 257, 274, 282, 283, 296, 529, 530, 531, 532}  # size, resolution, YCbCr
_EXIF_IFD, _GPS_IFD, _INTEROP_IFD = 0x8769, 0x8825, 0xA005
_BELOW_MAIN, _BELOW = (_EXIF_IFD, _GPS_IFD), {_EXIF_IFD: (_INTEROP_IFD,)}
_GROUPS = {*_BELOW_MAIN, _INTEROP_IFD}
_ORIENTATION, _COLOR_SPACE, _INTEROP_INDEX = 0x0112, 0xA001, 1
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_SUBJECTS = (0x9214, 0xA214)  # center, and diameter or width and height, of the main subject
_RESOLUTIONS = {0x011A: 0x011B, 0xA20E: 0xA20F}  # across and down; of the focal plane
_SRGB, _ADOBE_RGB, _UNCALIBRATED = 1, 2, 65535
_SRGB_FILE, _ADOBE_RGB_FILE = b"R98\0", b"R03\0"  # what DCF calls files in these color spaces
_LONG8S = {16, 18}
_MAX_BLOCK = 1 << 24  # bytes of a TIFF's tags that are copied


def set_upright(
    exif: bytes, size: tuple[int, int], orientation: int = 1, *, as_stored: bool = False
) -> bytes | None:
    """Make an EXIF block true of an upright result in sRGB.

    Orientation, size, color space, and what is said across and down are set. The thumbnail is
    unlinked because it shows the gray image; tags of how the source stored its pixels are removed.

    Args:
        exif: The block, with or without `PREFIX`.
        size: Width and height of the upright image.
        orientation: EXIF's orientation of the source, 1 to 8.
        as_stored: Whether the result is not turned, so that the block's orientation stays; pass
            the stored size, and no other orientation.

    Returns:
        The block without `PREFIX`, or None if it cannot be parsed: a viewer that can parse it
        after all might turn the image a second time.
    """
    data = bytearray(exif.removeprefix(PREFIX))
    try:
        block = _Block(data)
        for directory in block.directories():
            block.patch(directory, size, orientation, as_stored=as_stored)
        block.remove_storage()
    except (struct.error, ValueError):
        return None
    return bytes(data)


def is_adobe_rgb(exif: bytes) -> bool:
    """Return whether a block says that the colors are Adobe RGB, as cameras do without a profile.

    Raises:
        ValueError: It cannot be parsed.
    """
    block = _Block(bytearray(exif.removeprefix(PREFIX)))
    found = {entry.tag: entry for each in block.directories() for entry in each.entries}
    space, index = found.get(_COLOR_SPACE), found.get(_INTEROP_INDEX)
    number = block.reader.integers(space) if space else ()
    if number == (_UNCALIBRATED,):
        return index is not None and index.field == _ADOBE_RGB_FILE
    return number == (_ADOBE_RGB,)


def main_entries(block: bytes) -> dict[int, bytes]:
    """Return the entries of a block's main directory for a TIFF that starts with the block.

    Args:
        block: A block without `PREFIX`.

    Returns:
        By tag, the 12 bytes of each entry, except those of how pixels are stored.
    """
    reader = TiffReader(BytesIO(block))
    return {
        entry.tag: block[entry.at - 8 : entry.at + 4]
        for entry in reader.directory(reader.first).entries
        if entry.tag not in _STORAGE_TAGS and _is_sound(reader, entry, len(block))
    }


def move_block(block: bytes, at: int) -> tuple[bytes, dict[int, bytes]]:
    """Pack the values of a block for another place in a TIFF of the same byte order.

    Args:
        block: A block without `PREFIX`.
        at: The place, an even number of bytes from the start of the file.

    Returns:
        What to write there, and the entries as :func:`main_entries` returns them.
    """
    reader = TiffReader(BytesIO(block))
    group = _read_group(reader, reader.first, [_MAX_BLOCK])
    kept = {tag: value for tag, value in group.items() if tag not in _STORAGE_TAGS}
    packed = _pack(reader.order, kept, at)
    entries = {tag: packed[2 + 12 * n : 14 + 12 * n] for n, tag in enumerate(sorted(kept))}
    return packed, entries


def copy_block(reader: TiffReader, offset: int) -> bytes | None:
    """Copy the tags that describe an image, but not its storage, from a TIFF into an EXIF block.

    Tags that are damaged are left out.

    Args:
        reader: The TIFF.
        offset: Position of the image's directory.

    Returns:
        The block without `PREFIX`; None if there are no such tags.
    """
    budget = [_MAX_BLOCK]
    group = _read_group(reader, offset, budget)
    kept = {tag: value for tag, value in group.items() if tag not in _STORAGE_TAGS}
    if not kept:
        return None
    magic = b"II*\0" if reader.order == "<" else b"MM\0*"
    return magic + struct.pack(reader.order + "I", 8) + _pack(reader.order, kept, 8)


def pack_block(exif: Exif) -> bytes | None:
    """Pack the tags of an image in memory into an EXIF block; None if there are none.

    Tags that cannot be packed, because a program set them wrongly, are left out.

    Args:
        exif: The tags as Pillow holds them.
    """
    packed = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in set(exif) - _STORAGE_TAGS:
        value = exif[tag]
        if tag in _GROUPS:
            group = exif.get_ifd(tag)
            group.pop(_INTEROP_IFD, None)  # how a camera names its JPEG files
            value = {key: _text_as_bytes(item) for key, item in group.items()}
            value = {key: item for key, item in value.items() if _is_packable(key, item)}
        value = _text_as_bytes(value)
        if _is_packable(tag, value):
            packed[tag] = value
    return b"II*\0\x08\0\0\0" + packed.tobytes(8) if packed else None


def _text_as_bytes(value: Any) -> Any:  # noqa: ANN401 - of any tag
    """Return the bytes that Pillow read as Latin-1, and would write as ASCII."""
    if not isinstance(value, str):
        return value
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:  # set by a program
        return value.encode()


def _is_packable(tag: int, value: object) -> bool:
    probe = TiffImagePlugin.ImageFileDirectory_v2()
    try:
        probe[tag] = value
        return bool(probe.tobytes())
    except Exception:  # Pillow passes on anything that its packers raise
        return False


def _is_sound(reader: TiffReader, entry: Entry, end: int) -> bool:
    if entry.tag in _GROUPS:
        return 8 <= max(reader.integers(entry), default=0) < end - 2
    size = reader.size(entry)
    return size > 0 and reader.place(entry) + size <= end


class _Value(NamedTuple):
    kind: int
    length: int
    data: bytes


def _read_group(
    reader: TiffReader, offset: int, budget: list[int], below: tuple[int, ...] = _BELOW_MAIN
) -> dict[int, Any]:
    """Read a directory and those below it.

    Args:
        reader: The TIFF.
        offset: Position of the directory.
        budget: The number of bytes that may follow; reduced.
        below: The tags of the directories below it.
    """
    group: dict[int, Any] = {}
    for entry in reader.directory(offset).entries:
        budget[0] -= 12 + reader.size(entry)
        if entry.tag in group or budget[0] < 0:
            continue
        with suppress(ValueError, struct.error):
            if entry.tag in below:
                place, next_below = max(reader.integers(entry)), _BELOW.get(entry.tag, ())
                inner = _read_group(reader, place, budget, next_below)
                group |= {entry.tag: inner} if inner else {}
            elif entry.tag not in _GROUPS:
                group[entry.tag] = _read_value(reader, entry)
    return group


def _read_value(reader: TiffReader, entry: Entry) -> _Value:
    if entry.kind in _LONG8S:  # of a BigTIFF
        numbers = reader.integers(entry)
        packed = struct.pack(f"{reader.order}{len(numbers)}I", *numbers)
        return _Value(LONG, entry.length, packed)
    return _Value(entry.kind, entry.length, reader.values(entry))


def _pack(order: str, group: Mapping[int, Any], at: int) -> bytes:
    """Pack a directory that starts at a position, with its values and directories behind it."""
    behind_at = at + 2 + 12 * len(group) + 4
    table, behind = struct.pack(order + "H", len(group)), b""
    for tag, value in sorted(group.items()):
        place = behind_at + len(behind)
        if isinstance(value, _Value):
            kind, count, data = value
        else:
            kind, count, data = LONG, 1, _pack(order, value, place)
        field = data
        if len(data) > 4:
            field = struct.pack(order + "I", place)
            behind += data + b"\0" * (len(data) % 2)
        table += struct.pack(order + "HHI", tag, kind, count) + field.ljust(4, b"\0")
    return table + bytes(4) + behind


class _Block:
    """A block that is edited in place.

    Args:
        data: Its bytes, without `PREFIX`.

    Raises:
        ValueError: It cannot be parsed.
    """

    def __init__(self, data: bytearray) -> None:
        self._data = data
        self.reader = TiffReader(BytesIO(bytes(data)))
        self._main = self.reader.directory(self.reader.first)
        if self.reader.is_big or len(data) < self._main.link_at:
            raise ValueError("not an EXIF block")

    def directories(self) -> Iterator[Directory]:
        """Yield the main directory, and those of EXIF and of interoperability."""
        directory: Directory | None = self._main
        for tag in (_EXIF_IFD, _INTEROP_IFD, None):
            if directory is None:
                return
            yield directory
            place = next((e for e in directory.entries if e.tag == tag), None)
            below = self.reader.integers(place) if place else ()
            directory = self.reader.directory(below[0]) if below else None

    def patch(
        self, directory: Directory, size: tuple[int, int], orientation: int, *, as_stored: bool
    ) -> None:
        """Set what depends on the pixels."""
        values = {
            **({} if as_stored else {_ORIENTATION: 1}),
            _COLOR_SPACE: _SRGB,
            **dict.fromkeys(_WIDTHS, size[0]),
            **dict.fromkeys(_HEIGHTS, size[1]),
        }
        entries = {entry.tag: entry for entry in directory.entries}
        for entry in directory.entries:
            if entry.tag in values and entry.kind in (SHORT, LONG):
                code = "H" if entry.kind == SHORT else "I"
                self._write(entry.at, code, values[entry.tag])
            elif entry.tag in _SUBJECTS:
                self._turn_subject(entry, size, orientation)
            elif entry.tag == _INTEROP_INDEX and entry.field == _ADOBE_RGB_FILE:
                self._data[entry.at : entry.at + 4] = _SRGB_FILE
        for across, down in _RESOLUTIONS.items():
            if orientation > 4 and across in entries and down in entries:
                self._swap(entries[across], entries[down])

    def remove_storage(self) -> None:
        """Remove the thumbnail, and tags of how the source stored its pixels."""
        kept = [e for e in self._main.entries if e.tag not in _STORAGE_TAGS - _PATCHED]
        table = b"".join(bytes(self._data[e.at - 8 : e.at + 4]) for e in kept)
        start = self.reader.first + 2
        self._write(self.reader.first, "H", len(kept))
        link_at = self._main.link_at
        self._data[start:link_at] = table.ljust(link_at - start, b"\0")
        self._write(start + len(table), "I", 0)
        if link_at + 4 <= len(self._data):
            self._write(link_at, "I", 0)

    def _turn_subject(self, entry: Entry, size: tuple[int, int], orientation: int) -> None:
        numbers = self.reader.integers(entry)
        if entry.kind != SHORT or not 2 <= len(numbers) <= 4:
            return
        stored = size[::-1] if orientation > 4 else size
        x, y = (number / side for number, side in zip(numbers, stored, strict=False))
        center = turn_point((x, y), orientation)
        turned = [min(round(c * side), 65535) for c, side in zip(center, size, strict=True)]
        extent = numbers[2:][::-1] if orientation > 4 else numbers[2:]
        for index, number in enumerate((*turned, *extent)):
            self._write(self.reader.place(entry) + 2 * index, "H", number)

    def _swap(self, one: Entry, other: Entry) -> None:
        first, second = (slice(entry.at - 6, entry.at + 4) for entry in (one, other))
        self._data[first], self._data[second] = self._data[second], self._data[first]

    def _write(self, at: int, code: str, value: int) -> None:
        struct.pack_into(self.reader.order + code, self._data, at, value)
