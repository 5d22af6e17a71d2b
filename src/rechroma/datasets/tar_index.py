"""Compact index of the members of a tar file, about forty bytes per image.

Python objects would take half a kilobyte per image, which for a million images is half a gigabyte
in every data loading process. So an index consists of a few arrays of the narrowest sufficient
integers. The headers of a plain archive are parsed without tarfile, which takes several times as
long; anything unusual is left to tarfile.
"""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rechroma.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Unsigned = NDArray[np.unsignedinteger]

IMAGE, METADATA, LABEL = range(3)
"""The kinds of members, as rows of an index."""

_IMAGE_SUFFIXES = {"webp", "jpg", "jpeg", "png"}
_HIDDEN = ("", os.sep)  # before the dot of a name that is no suffix
_OTHER_SUFFIXES = (".json", ".cls")  # of the kinds after the first
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(_BLOCK)


class Place(NamedTuple):
    """Position of a member's content in its shard, in bytes."""

    offset: int
    size: int


_NOWHERE = Place(0, 0)


class _Member(NamedTuple):
    name: str
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Index of one shard.

    Attributes:
        blocks: (3, images) start of each kind of member, in blocks; 0, the position of the first
            header, for a missing one.
        sizes: Bytes of each member, one array per kind, as their ranges differ much.
        keys: All keys, concatenated.
        ends: (images,) end of each key.
    """

    blocks: Unsigned
    sizes: tuple[Unsigned, ...]
    keys: bytes
    ends: Unsigned

    def __len__(self) -> int:
        return len(self.ends)

    def key(self, number: int) -> str:
        """Return the name of an image."""
        start = int(self.ends[number - 1]) if number else 0
        return _text(self.keys[start : int(self.ends[number])])

    def place(self, number: int, kind: int) -> Place | None:
        """Return the position of a member; None if the image has none of that kind."""
        block = int(self.blocks[kind, number])
        return Place(block * _BLOCK, int(self.sizes[kind][number])) if block else None

    def names(self) -> Iterator[tuple[str, int]]:
        """Iterate over the keys of images and their sizes in bytes."""
        starts = [0, *self.ends.tolist()]
        keys = (self.keys[start:end] for start, end in pairwise(starts))
        return zip(map(_text, keys), self.sizes[IMAGE].tolist(), strict=True)


def scan(shard: Path) -> Index:
    """Index a shard by reading its headers alone.

    Raises:
        DataError: It is not a complete tar file.
    """
    try:
        members = _plain_members(shard) or _members(shard)
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{shard}: not a readable tar file: {error}") from error
    # Without detours, such as the `./` that tar puts before all that is in `.`.
    return _indexed({str(PurePath(m.name)) if "/" in m.name else m.name: m.place for m in members})


def _indexed(places: dict[str, Place]) -> Index:
    keys: list[bytes] = []
    numbers: list[int] = []
    for path, place in places.items():
        stem, _, suffix = path.rpartition(".")
        if suffix.lower() in _IMAGE_SUFFIXES and stem[-1:] not in _HIDDEN:
            keys.append(stem.encode("utf-8", "surrogatepass"))
            others = (places.get(stem + suffix, _NOWHERE) for suffix in _OTHER_SUFFIXES)
            numbers.extend(chain(place, *others))
    table = np.array(numbers, np.uint64).reshape(-1, 1 + len(_OTHER_SUFFIXES), 2).T
    return Index(
        _narrow(table[0] // _BLOCK),
        tuple(map(_narrow, table[1])),
        b"".join(keys),
        _narrow(np.cumsum([len(key) for key in keys], dtype=np.uint64)),
    )


def _narrow(array: NDArray[np.uint64]) -> Unsigned:
    kind = np.min_scalar_type(int(array.max(initial=0)))
    return np.ascontiguousarray(array, kind)


def _text(key: bytes) -> str:
    # Names in tar files are bytes, and tarfile keeps those that are not text as lone surrogates.
    return key.decode("utf-8", "surrogatepass")


def _members(shard: Path) -> list[_Member]:
    with tarfile.open(shard, "r:") as archive:
        files = (member for member in archive if member.isfile())
        members = [_Member(file.name, Place(file.offset_data, file.size)) for file in files]
        end = archive.offset
    with shard.open("rb") as content:  # tarfile mistakes a damaged header for the end
        content.seek(end)
        if content.read(_BLOCK) != _END:
            last = f", after {members[-1].name}" if members else ""
            raise DataError(f"{shard}: is truncated or damaged at byte {end}{last}")
    return members


def _plain_members(shard: Path) -> list[_Member] | None:
    """List the members of an archive of plain files with short names; None for other archives."""
    headers, members = [], []
    try:
        for offset, header in _headers(shard):
            headers.append(header)
            name = header[:100].partition(b"\0")[0].decode("ascii")
            members.append(_Member(name, Place(offset + _BLOCK, _size(header))))
        # Verify the checksums of all headers at once, as sums in Python are slow.
        table = np.frombuffer(b"".join(headers), np.uint8).reshape(-1, _BLOCK)
        fields = table[:, 148:156]
        blank = 8 * ord(" ")  # value of the checksum field itself in the sum
        sums = table.sum(axis=1, dtype=np.int64) - fields.sum(axis=1, dtype=np.int64) + blank
        stated = [int(field.tobytes().partition(b"\0")[0], 8) for field in fields]
        return members if np.array_equal(sums, stated) else None
    except ValueError:
        return None


def _headers(shard: Path) -> Iterator[tuple[int, bytes]]:
    offset = 0
    with shard.open("rb", buffering=0) as file:  # a buffer would read images, too
        while (header := file.read(_BLOCK)) != _END:
            if len(header) < _BLOCK:
                raise ValueError("cut off")
            yield offset, header
            offset += _BLOCK + -(-_size(header) // _BLOCK) * _BLOCK
            file.seek(offset)


def _size(header: bytes) -> int:
    """Parse the size of a plain file from its header."""
    is_plain = header[156:157] == tarfile.REGTYPE and not header[345]
    size = int(header[124:136].partition(b"\0")[0], 8) if is_plain else -1
    if size < 0:
        raise ValueError("not a plain file")
    return size
