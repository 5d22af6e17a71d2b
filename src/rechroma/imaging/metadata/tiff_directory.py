"""The directories of TIFF files and EXIF blocks, read as they are stored.

Pillow decodes the values, and loses the text and the types of some; here they stay bytes.
"""

from __future__ import annotations

import struct
from typing import IO, NamedTuple

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BIG_SIZES = {16: 8, 17: 8, 18: 8}
_UNSIGNED = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MAX_TAGS = 4096
_BIG = 43  # in the header of a BigTIFF; 42 otherwise
_ORDERS = {b"II": "<", b"MM": ">"}


class Entry(NamedTuple):
    """An entry of a directory.

    Attributes:
        tag: The tag's number.
        kind: The number of its type.
        length: The number of its values.
        at: Position of `field`.
        field: The values, if they fit, or else their position.
    """

    tag: int
    kind: int
    length: int
    at: int
    field: bytes


class Directory(NamedTuple):
    """An image file directory.

    Attributes:
        entries: Its entries.
        link_at: Position of the next directory's position.
        following: The next directory's position, or 0.
    """

    entries: tuple[Entry, ...]
    link_at: int
    following: int


class TiffReader:
    """A reader of directories.

    Args:
        file: A TIFF, or an EXIF block from its byte-order mark on; seekable.

    Raises:
        ValueError: It has no byte-order mark, or ends there.
    """

    def __init__(self, file: IO[bytes]) -> None:
        file.seek(0)
        header = file.read(16)
        if header[:2] not in _ORDERS:
            raise ValueError("not a TIFF")
        self._file = file
        self.order = _ORDERS[header[:2]]
        """Byte order, as :mod:`struct` writes it."""
        self.is_big = _BIG in header[2:4]
        """Whether it is a BigTIFF, of 64-bit positions."""
        self._position = self.order + ("Q" if self.is_big else "I")
        self.first = self._unpack(self._position, header[8 if self.is_big else 4 :])
        """Position of the first directory."""

    def directory(self, at: int) -> Directory:
        """Read the directory at a position.

        Raises:
            ValueError: It is damaged or beyond the end.
        """
        counter, entry = ("Q", "HHQ8s") if self.is_big else ("H", "HHI4s")
        width = struct.calcsize(self.order + entry)
        start = at + struct.calcsize(self.order + counter)
        count = self._unpack(self.order + counter, self._read(at, start - at))
        if count > _MAX_TAGS:
            raise ValueError(f"{count} tags")
        table = self._read(start, count * width)
        link_at = start + count * width
        link = self._read(link_at, struct.calcsize(self._position))
        entries = []
        for place in range(0, len(table) - width + 1, width):
            tag, kind, length, field = struct.unpack_from(self.order + entry, table, place)
            field_at = start + place + width - len(field)
            entries.append(Entry(tag, kind, length, field_at, field))
        following = self._unpack(self._position, link) if link else 0  # some end here
        return Directory(tuple(entries), link_at, following)

    def size(self, entry: Entry) -> int:
        """Return the size of an entry's values in bytes; 0 if their type is unknown."""
        sizes = _SIZES | _BIG_SIZES if self.is_big else _SIZES
        return entry.length * sizes.get(entry.kind, 0)

    def place(self, entry: Entry) -> int:
        """Return the position of an entry's values."""
        is_inside = self.size(entry) <= len(entry.field)
        return entry.at if is_inside else self._unpack(self._position, entry.field)

    def values(self, entry: Entry) -> bytes:
        """Read the values of an entry, in the byte order of the file.

        Raises:
            ValueError: Their type is unknown, or they are beyond the end.
        """
        size = self.size(entry)
        data = self._read(self.place(entry), size)
        if not size or len(data) < size:
            raise ValueError(f"tag {entry.tag} is damaged")
        return data

    def integers(self, entry: Entry) -> tuple[int, ...]:
        """Read the values of an entry as unsigned integers; none if they are of another type.

        Raises:
            ValueError: They are beyond the end.
        """
        if entry.kind not in _UNSIGNED or not entry.length:
            return ()
        form = f"{self.order}{entry.length}{_UNSIGNED[entry.kind]}"
        return struct.unpack(form, self.values(entry))

    def _read(self, at: int, size: int) -> bytes:
        try:
            self._file.seek(at)
            return self._file.read(size)
        except OverflowError as error:
            raise ValueError(f"{at} is beyond the end") from error

    def _unpack(self, form: str, data: bytes) -> int:
        size = struct.calcsize(form)
        if len(data) < size:
            raise ValueError("the directory is truncated")
        (number,) = struct.unpack(form, data[:size])
        return int(number)
