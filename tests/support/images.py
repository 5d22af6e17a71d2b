"""Gray images for tests that colorize, and chunks of PNGs."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


def gray_ramp(height: int = 90, width: int = 120, dtype: type = np.uint8) -> np.ndarray:
    """Draw a gray image with a ramp, an edge and a little noise; no black, no white."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.25, 0.75, width)[None] + rng.normal(0, 0.02, (height, width))
    ramp[height // 2 :] *= 0.8
    top = np.iinfo(dtype).max
    return (ramp.clip(0, 1) * top).round().astype(dtype)


def write_image(path: Path, gray: np.ndarray | None = None) -> Path:
    """Save a gray image, by default :func:`gray_ramp`, in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(gray_ramp() if gray is None else gray).save(path)
    return path


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """Insert a chunk before the pixels of a PNG."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]
