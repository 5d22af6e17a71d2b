"""WebDataset shards (plain tar files) with random access.

A shard holds `KEY.webp` (or .jpg, .png) for each image, optionally `KEY.json` with its metadata and
`KEY.cls` with the number of its class. A plain tar file keeps its members contiguous and
uncompressed, so an index of offsets suffices for random access: it takes some forty bytes of memory
per image, and any order can be reproduced.

Damage is an error that names shard and key; nothing is skipped silently.
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

from rechroma.datasets.tar_index import IMAGE, LABEL, METADATA, scan
from rechroma.errors import DataError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray


MAX_CLASS = 999_999
"""Largest number of a class."""

_KEY_SPELLINGS = {"licence": "license"}  # British keys in shards made by other tools
_MIN_SIDE = 2  # of a crop
_HINT = "'rechroma data inspect' lists all damaged images."


class Shards:
    """A sequence of sRGB images (H, W, 3) uint8 stored in tar files.

    Args:
        paths: Shards, folders of them, or patterns in the file name, in sorted order. A shard named
            several times occurs as often, and takes memory once.

    Raises:
        DataError: There is no shard, or one is not a complete tar file; later, an image does not
            decode or its metadata is invalid.
    """

    def __init__(self, paths: Iterable[Path | str]) -> None:
        self._shards = shard_paths(paths)
        indexes = {shard: scan(shard) for shard in dict.fromkeys(self._shards)}
        self._indexes = [indexes[shard] for shard in self._shards]
        self._ends = list(accumulate(map(len, self._indexes)))
        if not len(self):
            raise DataError("the shards contain no images", hint="Name shards with images in them.")

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        data = np.frombuffer(self._read(number, IMAGE) or b"", np.uint8)
        try:
            image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
        except cv2.error:  # an empty file, or absurd side lengths
            image = None
        if image is None:
            raise self._damaged(number, "does not decode")
        if min(image.shape[:2]) < _MIN_SIDE:
            raise self._damaged(number, "is too small for a crop")
        return np.asarray(image, np.uint8)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[number] for number in range(len(self)))

    def key(self, number: int) -> str:
        """Return the name of an image within its shard."""
        part, within = self._find(number)
        return self._indexes[part].key(within)

    def shard(self, number: int) -> Path:
        """Return the tar file of an image."""
        return self._shards[self._find(number)[0]]

    def digest(self) -> str:
        """Hash the names and sizes of all images in order; the folder does not matter."""
        digest = hashlib.sha256()
        parts = [part for part in zip(self._shards, self._indexes, strict=True) if len(part[1])]
        for number, (shard, index) in enumerate(parts):
            digest.update(b"\n" if number else b"")
            names = "\n".join(f"{shard.name}:{key}:{size}" for key, size in index.names())
            digest.update(names.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def metadata(self, number: int) -> dict[str, Any]:
        """Read the metadata of an image (source, license, ...); empty when there is none.

        Raises:
            DataError: It is not a JSON object.
        """
        text = self._read(number, METADATA)
        if text is None:
            return {}
        try:
            metadata = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged(number, f"its metadata is not JSON: {error}") from error
        if not isinstance(metadata, dict):
            raise self._damaged(number, "its metadata is not a JSON object")
        return {_KEY_SPELLINGS.get(str(key), str(key)): value for key, value in metadata.items()}

    def label(self, number: int) -> int:
        """Read the class of an image; -1 for none.

        Raises:
            DataError: It is not a number up to 999999.
        """
        content = self._read(number, LABEL)
        if content is None:
            return -1
        text = content.strip()
        if not text.isdigit() or len(text) > len(str(MAX_CLASS)):
            problem = f"its class {text[:20]!r} is not a number up to {MAX_CLASS}"
            raise self._damaged(number, problem)
        return int(text)

    def _find(self, number: int) -> tuple[int, int]:
        """Find the shard of an image, and its number within the shard."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"no image {number}: there are {len(self)}")
        number %= len(self)
        part = bisect_right(self._ends, number)
        return part, number - self._ends[part] + len(self._indexes[part])

    def _read(self, number: int, kind: int) -> bytes | None:
        part, within = self._find(number)
        place = self._indexes[part].place(within, kind)
        if place is None:
            return None
        shard = self._shards[part]
        try:
            with shard.open("rb") as file:
                file.seek(place.offset)
                data = file.read(place.size)
        except OSError as error:
            raise DataError(f"{shard}: cannot be read: {error.strerror}", hint=_HINT) from error
        if len(data) < place.size:
            raise DataError(f"{shard}: ends early; it has changed since it was opened", hint=_HINT)
        return data

    def _damaged(self, number: int, what: str) -> DataError:
        return DataError(f"{self.shard(number)}:{self.key(number)}: {what}", hint=_HINT)


def shard_paths(paths: Iterable[Path | str]) -> list[Path]:
    """Expand files, folders and patterns in the file name to tar files.

    Raises:
        SourceError: One of them does not exist.
        DataError: One of them is a folder without shards.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        matches = path.glob("*.tar") if path.is_dir() else path.parent.glob(path.name)
        shards = sorted(matches)
        if not shards:
            error = DataError if path.is_dir() else SourceError
            raise error(f"{path}: no shards found", hint="Name .tar files or a folder of them.")
        found += shards
    return found


def evenly_spaced(count: int, limit: int | None) -> list[int]:
    """Choose at most `limit` evenly spaced numbers below `count`; all without a limit."""
    chosen = min(count, limit or count)
    return [number * count // chosen for number in range(chosen)]
