"""Deterministic writer of shards: the bytes depend on the images alone; and a parallel map."""

from __future__ import annotations

import io
import tarfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from rechroma.fs import file_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from pathlib import Path


_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class ShardWriter:
    """Writes one shard after the other: `train-00000.tar`, `train-00001.tar`, ...

    Args:
        folder: Folder of the shards.
        name: Beginning of their names.
        size: Maximum number of images in each.

    Attributes:
        images: Number of images added.
        shards: File, images, bytes and SHA-256 of each finished shard.
    """

    def __init__(self, folder: Path, name: str, size: int) -> None:
        self._folder, self._name, self._size = folder, name, size
        self._archive: tarfile.TarFile | None = None
        self._in_shard = 0
        self.images = 0
        self.shards: list[dict[str, Any]] = []

    def add(self, key: str, parts: Mapping[str, bytes]) -> None:
        """Add an image.

        Args:
            key: Its name in the shard.
            parts: Contents of its members by suffix.
        """
        if self._archive is None or self._in_shard == self._size:
            self.close()
            self._in_shard = 0
            self._archive = tarfile.open(self._path(), "x")  # noqa: SIM115 - closed with the writer
        for suffix, content in parts.items():
            member = tarfile.TarInfo(key + suffix)
            member.size = len(content)
            self._archive.addfile(member, io.BytesIO(content))
        self._in_shard += 1
        self.images += 1

    def close(self) -> None:
        """Finish the last shard."""
        if self._archive is not None:
            self._archive.close()
            path = self._path()
            digest = file_sha256(path)
            self.shards.append(
                {
                    "file": path.name,
                    "images": self._in_shard,
                    "bytes": path.stat().st_size,
                    "sha256": digest,
                }
            )
            self._archive = None

    def _path(self) -> Path:
        return self._folder / f"{self._name}-{len(self.shards):05}.tar"


def map_ordered(
    function: Callable[[_Item], _Result], items: Iterable[_Item], jobs: int
) -> Generator[_Result]:
    """Apply a function to each item in threads and yield the results in order.

    At most about twice `jobs` results are in memory at a time. Closing the generator stops after
    the items in progress.
    """
    pool = ThreadPoolExecutor(jobs)
    running: deque[Future[_Result]] = deque()
    try:
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) > 2 * jobs:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
