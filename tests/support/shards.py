"""Tiny shards of synthetic images, so that tests need no photographs on disk."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def synthetic_image(seed: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Draw a smooth colorful image (height, width, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def write_shard(
    path: Path, count: int, *, first: int = 0, source: str = "drawn", classes: int = 0
) -> Path:
    """Write a shard of `count` images with metadata and, for `classes` above 0, labels."""
    with tarfile.open(path, "w") as archive:
        for number in range(first, first + count):
            for suffix, content in _parts(number, source, classes).items():
                member = tarfile.TarInfo(f"{number:05}{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def _parts(number: int, source: str, classes: int) -> dict[str, bytes]:
    parts = {
        ".png": cv2.imencode(".png", synthetic_image(number)[..., ::-1])[1].tobytes(),
        ".json": json.dumps({"source": source, "license": "CC0-1.0"}).encode(),
    }
    return parts | ({".cls": str(number % classes).encode()} if classes else {})
