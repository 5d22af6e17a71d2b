"""Writes shards whose bytes depend on the pictures alone."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class ShardWriter:
    """Fills one shard after the other: `train-00000.tar`, `train-00001.tar`, ...

    Args:
        folder: Where they go.
        name: What they are called.
        size: The most pictures in each.

    Attributes:
        pictures: How many were added.
        shards: Of each shard that is whole its file, pictures, bytes and SHA-256.
    """

    def __init__(self, folder: Path, name: str, size: int) -> None:
        self._folder, self._name, self._size = folder, name, size
        self._archive: tarfile.TarFile | None = None
        self._in_shard = 0
        self.pictures = 0
        self.shards: list[dict[str, Any]] = []

    def add(self, key: str, parts: Mapping[str, bytes]) -> None:
        """Add a picture.

        Args:
            key: Its name in the shard.
            parts: What there is of it, by suffix.
        """
        if self._archive is None or self._in_shard == self._size:
            self._archive = self._next()
        for suffix, content in parts.items():
            member = tarfile.TarInfo(key + suffix)
            member.size = len(content)
            self._archive.addfile(member, io.BytesIO(content))
        self._in_shard += 1
        self.pictures += 1

    def close(self) -> None:
        """Finish the last shard."""
        if self._archive is not None:
            self._archive.close()
            self._note(self._path())
            self._archive = None

    def _next(self) -> tarfile.TarFile:
        self.close()
        self._in_shard = 0
        return tarfile.open(self._path(), "x")

    def _path(self) -> Path:
        return self._folder / f"{self._name}-{len(self.shards):05}.tar"

    def _note(self, path: Path) -> None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        facts = {"file": path.name, "pictures": self._in_shard, "bytes": size, "sha256": digest}
        self.shards.append(facts)
