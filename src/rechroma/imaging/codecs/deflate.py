"""Deflate compression of PNG and TIFF, with ISA-L, and the row filter of PNG.

ISA-L takes a tenth of zlib's time, for photographs of 16 bits at the same size, and at 8 bits for
3 % more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from isal import isal_zlib

if TYPE_CHECKING:
    from cv2.typing import MatLike
    from numpy.typing import NDArray

adler32 = isal_zlib.adler32

STRIP_BYTES = 1 << 20
"""Bytes of pixels that are compressed at a time."""

_LEVELS = {1: 3, 2: 1}  # of 3, by the bytes of a sample: no level gains on the noise of 16 bits
_ZLIB_BITS = 15
_BLOCK_BYTES = 1 << 16  # filtered at a time: fits into the CPU cache
_PAETH = 4  # the filter's number


def compress(data: NDArray[Any]) -> bytes:
    """Compress 8- or 16-bit samples to a zlib stream of their own."""
    return isal_zlib.compress(data.data, _LEVELS[data.itemsize])


def compress_part(data: bytes | NDArray[np.uint8], itemsize: int, *, last: bool) -> bytes:
    """Compress a part of a raw deflate stream, which refers to no other part.

    Args:
        data: What to compress.
        itemsize: Bytes of a sample.
        last: Whether the stream ends with it.
    """
    compressor = isal_zlib.compressobj(_LEVELS[itemsize], wbits=-_ZLIB_BITS)
    mode = isal_zlib.Z_FINISH if last else isal_zlib.Z_FULL_FLUSH
    return compressor.compress(data) + compressor.flush(mode)


def filter_rows(rows: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Filter the rows of a PNG by Paeth's predictor, the best one for photographs.

    Args:
        rows: (n, row bytes).
        above: (1, row bytes), the row before them; zeros at the top.
        step: Bytes of a pixel.

    Returns:
        (n, 1 + row bytes): the number of the filter in front of each row.
    """
    count, width = rows.shape
    filtered = np.empty((count, 1 + width), np.uint8)
    filtered[:, 0] = _PAETH
    framed = np.zeros((count + 1, step + width), np.uint8)
    framed[:1, step:], framed[1:, step:] = above, rows
    block = max(1, _BLOCK_BYTES // width)
    for top in range(0, count, block):
        part = framed[top : top + block + 1]
        # Contiguous copies: OpenCV treats those as one row.
        left, up, corner = (
            np.ascontiguousarray(each)
            for each in (part[1:, :-step], part[:-1, step:], part[:-1, :-step])
        )
        predicted = _paeth(left, up, corner)
        np.subtract(part[1:, step:], predicted, out=filtered[top : top + block, 1:])
    return filtered


def _paeth(
    left: NDArray[np.uint8], up: NDArray[np.uint8], corner: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Predict each byte: the neighbor that is nearest to left + up - corner, the first of equals.

    All in 8 bits: the distances to left and up are those of the other one to the corner. That to
    the corner is their sum, and so not the smallest, or their difference if the corner lies
    between the two.
    """
    to_left, to_up = cv2.absdiff(up, corner), cv2.absdiff(left, corner)
    is_between = np.bitwise_xor(_is_below(left, corner), _is_below(up, corner))
    to_corner = cv2.absdiff(to_left, to_up) | np.invert(is_between)
    use_corner = _is_below(to_corner, cv2.min(to_left, to_up))
    predicted = left ^ ((left ^ up) & _is_below(to_up, to_left))
    predicted ^= (predicted ^ corner) & use_corner
    return predicted


def _is_below(values: MatLike, others: MatLike) -> NDArray[np.uint8]:
    """Return 255 where a value is below the other one, else 0."""
    return np.asarray(cv2.compare(values, others, cv2.CMP_LT), np.uint8)
