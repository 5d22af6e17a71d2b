"""JPEG files that do not decode as they are: truncated ones, and kinds that are not supported."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from PIL import JpegImagePlugin

from rechroma.errors import COPY_AGAIN, BrokenImageError, UnsupportedImageError
from rechroma.imaging.codecs.jpeg_parts import END, FRAMES, SCAN, START
from rechroma.imaging.codecs.open_image import check_size
from rechroma.imaging.photo import Damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

NOISE = bytes(range(250, 1, -1)) * 8
"""Entropy-coded data that decodes to rubbish; no markers."""

_BLOCK = 8  # rows of a block
_PROCESSES = {
    **dict.fromkeys((0xC3, 0xCB), "lossless"),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
    0xF7: "JPEG-LS",
}
_PRECISION = 8


def is_jpeg(data: bytes) -> bool:
    """Return whether a file's content starts like a JPEG."""
    return data.startswith(START)


def reject_unsupported(data: bytes) -> None:
    """Reject a JPEG of a kind that does not decode, by name.

    Raises:
        UnsupportedImageError: The frame header says that it is lossless, hierarchical or JPEG-LS,
            or has more than 8 bits.
    """
    for kind, at in _segments(data):
        if kind in FRAMES:
            precision = data[at + 4]
            bits = f"{precision}-bit" if precision != _PRECISION else None
            if name := _PROCESSES.get(kind, bits):
                raise UnsupportedImageError(
                    f"a JPEG of this kind ({name}) is not supported",
                    hint="Save it as a JPEG with 8 bits per channel, a PNG or a TIFF.",
                    kind="jpeg",
                )
            return


def is_complete(data: bytes) -> bool:
    """Return whether the end marker follows the pixels of a JPEG, in which it cannot occur."""
    return any(kind == SCAN and data.find(END, at) > 0 for kind, at in _segments(data))


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the kind and the position of each segment up to the first scan."""
    at = len(START)
    while at + 5 <= len(data) and data[at] == 0xFF:
        kind, length = struct.unpack_from(">xBH", data, at)
        if kind != 0xFF:
            yield kind, at
        if kind == SCAN:
            return
        at += 2 + length if kind != 0xFF else 1  # a marker can be padded


def complete(data: bytes, max_pixels: int) -> tuple[bytes, Damage]:
    """Complete a truncated JPEG, so that the part that is there decodes.

    The decoder fills the rest with gray. If noise behind the data changes a pixel, then the data
    of that pixel is missing.

    Returns:
        The content of the completed file, and whether pixels are missing or only the end marker.

    Raises:
        BrokenImageError: Not even the first row of blocks is there.
        ImageTooLargeError: There are more than `max_pixels` pixels.
    """
    data = data.rstrip(b"\xff")  # the first half of a marker
    completed = data + END
    rows = _checksums(completed, max_pixels)
    differs = rows != _checksums(data + NOISE + END, max_pixels)
    if not differs.any():
        return completed, Damage.END_MISSING
    scan = max((at for kind, at in _segments(data) if kind == SCAN), default=0)
    if differs.argmax() < _BLOCK and data.find(bytes([0xFF, SCAN]), scan + 2) < 0:
        raise BrokenImageError(
            "the JPEG is truncated before its first pixels",
            hint=COPY_AGAIN,
        )
    return completed, Damage.TRUNCATED


def _checksums(data: bytes, max_pixels: int) -> NDArray[np.int64]:
    """Decode an image and return a checksum of each row."""
    with JpegImagePlugin.JpegImageFile(BytesIO(data)) as image:
        check_size(image.size, max_pixels)
        return np.array([crc32(row.tobytes()) for row in np.asarray(image)], np.int64)
