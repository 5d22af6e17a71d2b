"""JPEG encoding of Y'CbCr planes in strips, so that threads share the work and memory holds few.

Each strip is encoded as a JPEG of its own, by libjpeg-turbo. All of them have the same tables, so
their scans follow each other in one file, with a restart marker between: there, every decoder
starts afresh (ITU-T T.81, B.2.4.4).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import simplejpeg

from rechroma.color.ycbcr import pad_to_even
from rechroma.imaging.codecs.jpeg import segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rechroma.color.ycbcr import Planes

_UNIT = 16  # side of the smallest coded unit: a block of 8 x 8 samples of chroma at half size
_STRIP_PIXELS = 64_000  # fits the cache; from 65536 on OpenCV would start threads of its own
_START, _END = b"\xff\xd8", b"\xff\xd9"
_FRAME, _SCAN, _RESTART, _RESTART_INTERVAL = 0xC0, 0xDA, 0xD0, 0xDD
_RESTARTS = 8  # their markers have numbers in turn
_NOTES = {*range(0xE0, 0xF0), 0xFE}  # application segments and comments


def strip_rows(width: int) -> int:
    """Return the number of rows of each strip, except the last, of a picture of some width."""
    return max(_STRIP_PIXELS // (width * _UNIT), 1) * _UNIT


def encode_strip(planes: Planes, quality: int) -> bytes:
    """Encode planes with chroma of half the size as a JPEG with even sides; releases the GIL."""
    # The encoder infers the sampling from the sides, which are ambiguous for a single row.
    luma = pad_to_even(planes.luma)
    jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(luma, planes.blue, planes.red, quality)
    return jpeg


def join_strips(strips: Iterable[bytes], size: tuple[int, int], notes: bytes) -> Iterator[bytes]:
    """Join the strips of a picture to a JPEG.

    Args:
        strips: Results of :func:`encode_strip` of the same quality, from the top on, for
            :func:`strip_rows` rows each; consumed lazily.
        size: Height and width of the picture in pixels.
        notes: Segments with metadata; see :func:`notes_of`.

    Returns:
        The parts of the file.
    """
    yield _START + notes
    for number, strip in enumerate(strips):
        if number == 0:
            yield from _tables(strip, size)
        else:
            yield bytes([0xFF, _RESTART + (number - 1) % _RESTARTS])
        yield strip[_scan_at(strip) : -len(_END)]
    yield _END


def notes_of(jpeg: bytes) -> bytes:
    """Return the application segments and comments at the start of a JPEG."""
    return jpeg[len(_START) : next(at for kind, at in segments(jpeg) if kind not in _NOTES)]


def _tables(strip: bytes, size: tuple[int, int]) -> Iterator[bytes]:
    """Yield the segments of a strip up to its scan, changed to those of the whole picture."""
    height, width = size
    positions = [(kind, at) for kind, at in segments(strip) if kind not in _NOTES]
    ends = [at for _, at in positions[1:]] + [_scan_at(strip)]
    for (kind, at), end in zip(positions, ends, strict=True):
        segment = strip[at:end]
        if kind == _FRAME:
            segment = segment[:5] + struct.pack(">HH", height, width) + segment[9:]
        if kind == _SCAN:
            units = strip_rows(width) // _UNIT * -(-width // _UNIT)
            yield struct.pack(">BBHH", 0xFF, _RESTART_INTERVAL, 4, units)
        yield segment


def _scan_at(strip: bytes) -> int:
    """Return where the compressed data of a JPEG begin."""
    at = next(at for kind, at in segments(strip) if kind == _SCAN)
    return at + 2 + int.from_bytes(strip[at + 2 : at + 4])
