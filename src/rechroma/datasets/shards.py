"""WebDataset shards (plain tar files) read at random.

A shard holds `KEY.webp` (or .jpg, .png) for each picture, maybe `KEY.json` with facts about it and
`KEY.cls` with the number of its class. A plain tar file keeps its members whole and uncompressed,
so an index of offsets is all that random access needs: a few bytes a picture stay in memory, and
any order of pictures can be gone through again.

What is damaged is an error that names shard and key; nothing is passed over in silence.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from rechroma.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

LARGEST_CLASS = 999_999
"""The largest number that a class may have."""

_PICTURES = {".webp", ".jpg", ".jpeg", ".png"}
_SMALLEST_SIDE = 2  # of which there is a crop
_HINT = "'rechroma data inspect' finds all that is damaged."


@dataclass(frozen=True)
class _Member:
    shard: Path
    offset: int
    size: int

    def read(self) -> bytes:
        try:
            with self.shard.open("rb") as file:
                file.seek(self.offset)
                data = file.read(self.size)
        except OSError as error:
            raise DataError(f"{self.shard}: cannot be read: {error.strerror}") from error
        if len(data) < self.size:
            raise DataError(f"{self.shard}: ends early; it has changed since it was opened")
        return data


@dataclass(frozen=True)
class _Entry:
    key: str
    picture: _Member
    facts: _Member | None
    label: _Member | None

    def damaged(self, what: str) -> DataError:
        return DataError(f"{self.picture.shard}:{self.key}: {what}", hint=_HINT)


class Shards:
    """A sequence of sRGB pictures (H, W, 3) uint8 that lie in tar files.

    Args:
        paths: Shards, or folders of them, or patterns in the file name; read in sorted order.

    Raises:
        DataError: No shard is there, or one is not a whole tar file; later, a picture does not
            decode or what is said of it makes no sense.
    """

    def __init__(self, paths: Iterable[Path | str]) -> None:
        self._entries = [entry for shard in shard_paths(paths) for entry in _index(shard)]
        if not self._entries:
            raise DataError("the shards hold no picture")

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        entry = self._entries[number]
        picture = _decoded(entry.picture.read())
        if picture is None:
            raise entry.damaged("does not decode")
        if min(picture.shape[:2]) < _SMALLEST_SIDE:
            raise entry.damaged("is too small to show anything")
        return picture

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[number] for number in range(len(self)))

    def key(self, number: int) -> str:
        """The picture's name within its shard."""
        return self._entries[number].key

    def shard(self, number: int) -> Path:
        """The tar file that a picture lies in."""
        return self._entries[number].picture.shard

    def digest(self) -> str:
        """A text that is the same for the same pictures in the same order, wherever they lie."""
        names = "\n".join(f"{e.picture.shard.name}:{e.key}:{e.picture.size}" for e in self._entries)
        return hashlib.sha256(names.encode()).hexdigest()

    def facts(self, number: int) -> dict[str, Any]:
        """What the shard says of the picture (source, licence), empty when it says nothing."""
        entry = self._entries[number]
        if entry.facts is None:
            return {}
        try:
            facts = json.loads(entry.facts.read())
        except (ValueError, RecursionError) as error:
            raise entry.damaged(f"its facts are no JSON: {error}") from error
        if not isinstance(facts, dict):
            raise entry.damaged("its facts are no JSON object")
        return facts

    def label(self, number: int) -> int:
        """The number of the picture's class, -1 when the shard says none."""
        entry = self._entries[number]
        if entry.label is None:
            return -1
        text = entry.label.read().strip()
        if not text.isdigit() or len(text) > len(str(LARGEST_CLASS)):
            raise entry.damaged(f"its class {text[:20]!r} is no number up to {LARGEST_CLASS}")
        return int(text)


def shard_paths(paths: Iterable[Path | str]) -> list[Path]:
    """The tar files that are meant by files, folders and patterns in the file name.

    Raises:
        DataError: One of them means none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        matches = path.glob("*.tar") if path.is_dir() else path.parent.glob(path.name)
        shards = sorted(matches)
        if not shards:
            raise DataError(f"{path}: no shard here", hint="name .tar files or a folder of them")
        found += shards
    return found


def spread(count: int, limit: int | None) -> range:
    """At most `limit` of the numbers below `count`, evenly spread; without a limit, all."""
    return range(0, count, max(1, count // (limit or count)))[: limit or count]


def _index(shard: Path) -> list[_Entry]:
    try:
        with tarfile.open(shard, "r:") as archive:
            members = [member for member in archive if member.isfile()]
            end = archive.offset
        whole = _ends_at(shard, end)
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{shard}: not a readable tar file: {error}") from error
    if not whole:
        last = f", after {members[-1].name}" if members else ""
        raise DataError(f"{shard}: is cut off or damaged at byte {end}{last}")
    places = {Path(m.name): _Member(shard, m.offset_data, m.size) for m in members}
    return [
        _Entry(
            str(path.with_suffix("")),
            place,
            places.get(path.with_suffix(".json")),
            places.get(path.with_suffix(".cls")),
        )
        for path, place in places.items()
        if path.suffix.lower() in _PICTURES
    ]


def _ends_at(shard: Path, end: int) -> bool:
    """Whether the archive's end is marked there: tarfile takes a damaged header for an end."""
    with shard.open("rb") as file:
        file.seek(end)
        return file.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)


def _decoded(data: bytes) -> NDArray[np.uint8] | None:
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # nothing at all, or sides beyond all reason
        return None
    return None if picture is None else np.asarray(picture, np.uint8)
