"""WebDataset shards (plain tar files) read at random.

A shard holds `KEY.webp` (or .jpg, .png) for each picture, maybe `KEY.json` with facts about it and
`KEY.cls` with the number of its class. A plain tar file keeps its members whole and uncompressed,
so an index of offsets is all that random access needs: a few bytes a picture stay in memory, and
any order of pictures can be gone through again.
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

_PICTURES = {".webp", ".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class _Member:
    shard: Path
    offset: int
    size: int

    def read(self) -> bytes:
        with self.shard.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass(frozen=True)
class _Entry:
    key: str
    picture: _Member
    facts: _Member | None
    label: _Member | None


class Shards:
    """A sequence of sRGB pictures (H, W, 3) uint8 that lie in tar files.

    Args:
        paths: Shards, or folders of them, or patterns in the file name; read in sorted order.

    Raises:
        DataError: No shard is there, or one is not a tar file.
    """

    def __init__(self, paths: Iterable[Path | str]) -> None:
        self._entries = [entry for shard in _expand(paths) for entry in _index(shard)]
        if not self._entries:
            raise DataError("the shards hold no picture")

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        entry = self._entries[number]
        return _decode(entry.picture.read(), f"{entry.picture.shard}:{entry.key}")

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[number] for number in range(len(self)))

    def key(self, number: int) -> str:
        """The picture's name within its shard."""
        return self._entries[number].key

    def digest(self) -> str:
        """A text that is the same for the same pictures in the same order, wherever they lie."""
        names = "\n".join(f"{e.picture.shard.name}:{e.key}:{e.picture.size}" for e in self._entries)
        return hashlib.sha256(names.encode()).hexdigest()

    def facts(self, number: int) -> dict[str, Any]:
        """What the shard says of the picture (source, licence), empty when it says nothing."""
        facts = self._entries[number].facts
        return {} if facts is None else dict(json.loads(facts.read()))

    def label(self, number: int) -> int:
        """The number of the picture's class, -1 when the shard says none."""
        label = self._entries[number].label
        return -1 if label is None else int(label.read())


def _expand(paths: Iterable[Path | str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        matches = path.glob("*.tar") if path.is_dir() else path.parent.glob(path.name)
        shards = sorted(matches)
        if not shards:
            raise DataError(f"{path}: no shard here", hint="name .tar files or a folder of them")
        found += shards
    return found


def _index(shard: Path) -> list[_Entry]:
    try:
        with tarfile.open(shard, "r:") as archive:
            members = [member for member in archive if member.isfile()]
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{shard}: not a readable tar file: {error}") from error
    places = {Path(m.name): _Member(shard, m.offset_data, m.size) for m in members}
    return [
        _Entry(
            str(path.with_suffix("")),
            place,
            places.get(path.with_suffix(".json")),
            places.get(path.with_suffix(".cls")),
        )
        for path, place in places.items()
        if path.suffix in _PICTURES
    ]


def _decode(data: bytes, name: str) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise DataError(f"{name}: does not decode")
    return np.asarray(picture, np.uint8)
