"""The parts of a JPEG file: its segments, and the entropy-coded data of its scans.

Nothing is decoded. The syntax is that of annex B of ITU-T T.81, read as leniently as libjpeg does:
padded markers and bytes between segments are passed over.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from rechroma.errors import COPY_AGAIN, BrokenImageError

if TYPE_CHECKING:
    from collections.abc import Iterable

START, END = b"\xff\xd8", b"\xff\xd9"
HUFFMAN, QUANTIZATION, RESTART, SCAN, COMMENT = 0xC4, 0xDB, 0xDD, 0xDA, 0xFE
FRAMES = frozenset({*range(0xC0, 0xD0)} - {HUFFMAN, 0xC8, 0xCC} | {0xF7})
APPLICATION = range(0xE0, 0xF0)
APP0, APP1, APP9, APP13, APP14 = (APPLICATION[number] for number in (0, 1, 9, 13, 14))
MAX_CONTENT = 65533  # bytes of a segment

_EOI = 0xD9
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed byte nor a restart
_COEFFICIENTS = 64


class Segment(NamedTuple):
    """A segment of a JPEG: the second byte of its marker, and its content."""

    marker: int
    content: bytes


class Component(NamedTuple):
    """A component of a frame: its identifier, sampling factors (as a byte), and table."""

    identifier: int
    sampling: int
    table: int


class Scan(NamedTuple):
    """A scan of a JPEG.

    Attributes:
        tables: The Huffman tables and restart intervals between the scan before and this one.
        header: The content of its header.
        start: The position of its entropy-coded data in the file.
        end: The end of that.
    """

    tables: tuple[Segment, ...]
    header: bytes
    start: int
    end: int

    @property
    def components(self) -> bytes:
        """The identifiers of its components."""
        return self.header[1 : 1 + 2 * self.header[0] : 2] if self.header else b""


@dataclass(frozen=True)
class JpegParts:
    """The parts of a JPEG file.

    Attributes:
        data: The whole file.
        process: The second byte of the frame's marker, which tells the coding process.
        frame: The content of the frame's header.
        quantization: The content of the segment with each quantization table, by its number.
        requantized: The numbers of the tables that change after the first scan.
        metadata: The application segments and comments.
        scans: The scans.
    """

    data: bytes = field(repr=False)
    process: int
    frame: bytes
    quantization: dict[int, bytes] = field(repr=False)
    requantized: frozenset[int]
    metadata: tuple[Segment, ...] = field(repr=False)
    scans: tuple[Scan, ...] = field(repr=False)

    @property
    def precision(self) -> int:
        """Bits of a sample."""
        return self.frame[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = struct.unpack_from(">HH", self.frame, 1)
        return width, height

    @property
    def components(self) -> list[Component]:
        """The components of the frame."""
        triples = self.frame[6 : 6 + 3 * self.frame[5]]
        return [Component(*triples[at : at + 3]) for at in range(0, len(triples) - 2, 3)]

    def entropy_coded(self, scan: Scan) -> bytes:
        """Return the entropy-coded data of a scan."""
        return self.data[scan.start : scan.end]


def read_parts(data: bytes) -> JpegParts:
    """Find the parts of a JPEG up to its end marker, or to the end of the file.

    Raises:
        BrokenImageError: It is no JPEG, a segment reaches beyond the end, or there is no frame or
            scan.
    """
    reader = _Reader(data)
    at = len(START) if data.startswith(START) else len(data)
    while found := _MARKER.search(data, at):
        kind, at = data[found.end() - 1], found.end()
        if kind == _EOI:
            break
        if kind not in _ALONE:
            at = reader.read_segment(kind, at)
    return reader.finish()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._frames: list[Segment] = []
        self._quantization: dict[int, bytes] = {}
        self._requantized: set[int] = set()
        self._metadata: list[Segment] = []
        self._tables: list[Segment] = []
        self._scans: list[Scan] = []

    def read_segment(self, kind: int, at: int) -> int:
        """Read the segment whose length is at a position, and a scan's data; returns its end."""
        length = int.from_bytes(self._data[at : at + 2])
        end = at + length
        if length < 2 or end > len(self._data):
            raise damaged_jpeg()
        content = self._data[at + 2 : end]
        if kind == SCAN:
            stop = self._find_end(end)
            self._scans.append(Scan(tuple(self._tables), content, end, stop))
            self._tables = []
            return stop
        if kind == QUANTIZATION:
            self._read_quantization(content)
        elif kind in (HUFFMAN, RESTART):
            self._tables.append(Segment(kind, content))
        elif kind in FRAMES:
            self._frames.append(Segment(kind, content))
        elif kind in APPLICATION or kind == COMMENT:
            self._metadata.append(Segment(kind, content))
        return end

    def _find_end(self, at: int) -> int:
        """Find the end of the entropy-coded data at a position; padding belongs to what follows."""
        after = _AFTER_SCAN.search(self._data, at)
        if after is None:
            return len(self._data)
        end = after.start()
        while end > at and self._data[end - 1] == 0xFF:
            end -= 1
        return end

    def _read_quantization(self, content: bytes) -> None:
        while content:
            precision, number = divmod(content[0], 16)
            size = 1 + _COEFFICIENTS * (1 + min(precision, 1))
            table, content = content[:size], content[size:]
            if len(table) < size:
                raise damaged_jpeg()
            if self._scans and self._quantization.get(number) != table:
                self._requantized.add(number)
            else:
                self._quantization[number] = table

    def finish(self) -> JpegParts:
        if len(self._frames) != 1 or not self._scans:
            raise damaged_jpeg()
        ((process, frame),) = self._frames
        if len(frame) < 6 or len(frame) < 6 + 3 * frame[5]:
            raise damaged_jpeg()
        return JpegParts(
            self._data,
            process,
            frame,
            self._quantization,
            frozenset(self._requantized),
            tuple(self._metadata),
            tuple(self._scans),
        )


def pack_segments(segments: Iterable[Segment]) -> bytes:
    """Pack segments one behind the other."""
    return b"".join(
        struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
        for marker, content in segments
    )


def damaged_jpeg(effect: str = "", advice: str = "") -> BrokenImageError:
    """Return the error of a damaged JPEG.

    Args:
        effect: What follows from the damage, to add to the message.
        advice: What else the user can do than to copy the file again, a sentence.
    """
    message = f"the JPEG is damaged: {effect}" if effect else "the JPEG is damaged"
    return BrokenImageError(message, hint=f"{COPY_AGAIN} {advice}".rstrip())
