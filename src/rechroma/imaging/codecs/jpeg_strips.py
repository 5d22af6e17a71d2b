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
from rechroma.imaging.codecs.jpeg_parts import (
    END,
    QUANTIZATION,
    RESTART,
    SCAN,
    START,
    Segment,
    pack_segments,
    read_parts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rechroma.color.ycbcr import Planes
    from rechroma.imaging.codecs.jpeg_parts import JpegParts

_UNIT = 16  # side of the smallest coded unit: a block of 8 x 8 samples of chroma at half size
# Smaller ones would fit the cache, but threads would wait for the GIL at every step.
_STRIP_PIXELS = 256_000
_FIRST_RESTART, _RESTARTS = 0xD0, 8  # the markers between strips take turns


def strip_rows(width: int) -> int:
    """Return the number of rows of each strip, except the last, of a picture of some width."""
    return max(_STRIP_PIXELS // (width * _UNIT), 1) * _UNIT


def encode_strip(planes: Planes, quality: int) -> bytes:
    """Encode planes with chroma of half the size as a JPEG with even sides; releases the GIL."""
    # The encoder infers the sampling from the sides, which are ambiguous for a single row.
    luma = pad_to_even(planes.luma)
    jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(luma, planes.blue, planes.red, quality)
    return jpeg


def join_strips(
    strips: Iterable[bytes], size: tuple[int, int], metadata: Iterable[Segment]
) -> Iterator[bytes]:
    """Join the strips of a picture to a JPEG.

    Args:
        strips: Results of :func:`encode_strip` of the same quality, from the top on, for
            :func:`strip_rows` rows each; consumed lazily.
        size: Height and width of the picture in pixels.
        metadata: The application segments and comments.

    Returns:
        The parts of the file.
    """
    yield START
    for number, strip in enumerate(strips):
        parts = read_parts(strip)
        if number == 0:
            yield pack_segments([*metadata, *_headers(parts, size)])
        else:
            yield bytes([0xFF, _FIRST_RESTART + (number - 1) % _RESTARTS])
        yield parts.entropy_coded(parts.scans[0])
    yield END


def _headers(strip: JpegParts, size: tuple[int, int]) -> Iterator[Segment]:
    """Yield the tables and headers of a strip, changed to those of the whole picture."""
    height, width = size
    for table in strip.quantization.values():
        yield Segment(QUANTIZATION, table)
    frame = strip.frame[:1] + struct.pack(">HH", height, width) + strip.frame[5:]
    yield Segment(strip.process, frame)
    scan = strip.scans[0]
    yield from scan.tables
    units = strip_rows(width) // _UNIT * -(-width // _UNIT)
    yield Segment(RESTART, struct.pack(">H", units))
    yield Segment(SCAN, scan.header)
