"""WebDataset shards (plain tar files) read at random.

A shard holds `KEY.webp` (or .jpg, .png) for each picture, maybe `KEY.json` with facts about it and
`KEY.cls` with the number of its class. A plain tar file keeps its members whole and uncompressed,
so an index of offsets is all that random access needs: some forty bytes a picture stay in memory,
and any order of pictures can be gone through again.

What is damaged is an error that names shard and key; nothing is passed over in silence.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from rechroma.datasets.tar_index import LABEL, METADATA, PICTURE, scan
from rechroma.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from rechroma.datasets.tar_index import Place

MAX_CLASS = 999_999
"""The largest number that a class may have."""

_MIN_SIDE = 2  # of which there is a crop
_HINT = "'rechroma data inspect' finds all that is damaged."


class Shards:
    """A sequence of sRGB pictures (H, W, 3) uint8 that lie in tar files.

    Args:
        paths: Shards, or folders of them, or patterns in the file name; read in sorted order. What
            is named several times is shown as often, and takes memory once.

    Raises:
        DataError: No shard is there, or one is not a whole tar file; later, a picture does not
            decode or what is said of it makes no sense.
    """

    def __init__(self, paths: Iterable[Path | str]) -> None:
        self._shards = shard_paths(paths)
        indexes = {shard: scan(shard) for shard in dict.fromkeys(self._shards)}
        self._indexes = [indexes[shard] for shard in self._shards]
        self._ends = list(accumulate(map(len, self._indexes)))
        if not len(self):
            raise DataError("the shards hold no picture")

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        picture = _decoded(self._read(number, PICTURE) or b"")
        if picture is None:
            raise self._damaged(number, "does not decode")
        if min(picture.shape[:2]) < _MIN_SIDE:
            raise self._damaged(number, "is too small to show anything")
        return picture

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[number] for number in range(len(self)))

    @property
    def nbytes(self) -> int:
        """How much memory the index of all pictures takes."""
        return sum({id(index): index.nbytes for index in self._indexes}.values())

    def key(self, number: int) -> str:
        """The picture's name within its shard."""
        part, within = self._find(number)
        return self._indexes[part].key(within)

    def shard(self, number: int) -> Path:
        """The tar file that a picture lies in."""
        return self._shards[self._find(number)[0]]

    def digest(self) -> str:
        """A text that is the same for the same pictures in the same order, wherever they lie."""
        digest = hashlib.sha256()
        parts = [part for part in zip(self._shards, self._indexes, strict=True) if len(part[1])]
        for number, (shard, index) in enumerate(parts):
            digest.update(b"\n" if number else b"")
            names = "\n".join(f"{shard.name}:{key}:{size}" for key, size in index.names())
            digest.update(names.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def metadata(self, number: int) -> dict[str, Any]:
        """What the shard says of the picture (source, license), empty when it says nothing."""
        text = self._read(number, METADATA)
        if text is None:
            return {}
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged(number, f"its facts are no JSON: {error}") from error
        if not isinstance(facts, dict):
            raise self._damaged(number, "its facts are no JSON object")
        return facts

    def label(self, number: int) -> int:
        """The number of the picture's class, -1 when the shard says none."""
        content = self._read(number, LABEL)
        if content is None:
            return -1
        text = content.strip()
        if not text.isdigit() or len(text) > len(str(MAX_CLASS)):
            problem = f"its class {text[:20]!r} is no number up to {MAX_CLASS}"
            raise self._damaged(number, problem)
        return int(text)

    def _find(self, number: int) -> tuple[int, int]:
        """The number of a picture's shard, and its own within that."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"no picture {number}: there are {len(self)}")
        number %= len(self)
        part = bisect_right(self._ends, number)
        return part, number - self._ends[part] + len(self._indexes[part])

    def _read(self, number: int, kind: int) -> bytes | None:
        part, within = self._find(number)
        place = self._indexes[part].place(within, kind)
        return None if place is None else _content(self._shards[part], place)

    def _damaged(self, number: int, what: str) -> DataError:
        return DataError(f"{self.shard(number)}:{self.key(number)}: {what}", hint=_HINT)


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


def evenly_spaced(count: int, limit: int | None) -> list[int]:
    """At most `limit` of the numbers below `count`, evenly spread; without a limit, all."""
    taken = min(count, limit or count)
    return [number * count // taken for number in range(taken)]


def _content(shard: Path, place: Place) -> bytes:
    try:
        with shard.open("rb") as file:
            file.seek(place.offset)
            data = file.read(place.size)
    except OSError as error:
        raise DataError(f"{shard}: cannot be read: {error.strerror}") from error
    if len(data) < place.size:
        raise DataError(f"{shard}: ends early; it has changed since it was opened")
    return data


def _decoded(data: bytes) -> NDArray[np.uint8] | None:
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # nothing at all, or sides beyond all reason
        return None
    return None if picture is None else np.asarray(picture, np.uint8)
