"""Gray JPEGs of many encoders, and with unusual but valid syntax."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZES = ((2, 2), (3, 5), (8, 8), (9, 17), (16, 16), (33, 47), (64, 7), (100, 75), (131, 201))
PILLOW: tuple[dict[str, Any], ...] = (
    {"quality": 4},
    {"quality": 75},
    {"quality": 100},
    {"optimize": True},
    {"progressive": True},
    {"progressive": True, "quality": 30},
    {"restart_marker_blocks": 1},
    {"restart_marker_blocks": 7},
    {"restart_marker_rows": 1, "optimize": True},
    {"restart_marker_rows": 1, "progressive": True},
    {"qtables": [list(range(1, 65))]},
    {"comment": "From the attic", "dpi": (600, 300)},
)
OPENCV: tuple[list[int], ...] = (
    [cv2.IMWRITE_JPEG_QUALITY, 60],
    [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    [cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    [cv2.IMWRITE_JPEG_RST_INTERVAL, 3],
)
IMAGEMAGICK = (
    ["-quality", "35"],
    ["-interlace", "JPEG"],
    ["-sampling-factor", "2x2"],
    ["-sampling-factor", "1x2", "-interlace", "JPEG"],
)


class Segment(NamedTuple):
    """A segment in front of the first scan: the whole of it."""

    kind: int
    data: bytes


def texture(width: int, height: int) -> NDArray[np.uint8]:
    """Draw a gray image with an edge and noise."""
    rng = np.random.default_rng(width)
    ramp = np.linspace(30, 220, width)[None] + rng.normal(0, 12, (height, width))
    ramp[height // 2 :] *= 0.7
    return ramp.clip(0, 255).round().astype(np.uint8)


def encode(gray: NDArray[np.uint8], **options: Any) -> bytes:
    """Encode with Pillow."""
    file = BytesIO()
    Image.fromarray(gray).save(file, "JPEG", **options)
    return file.getvalue()


def encoded_by_all() -> Iterator[tuple[str, bytes]]:
    """Yield a name and a file of each encoder, for each of its settings and each size."""
    for size in SIZES:
        gray = texture(*size)
        for options in PILLOW:
            yield f"Pillow {size} {options}", encode(gray, **options)
        for settings in OPENCV:
            yield f"OpenCV {size} {settings}", bytes(cv2.imencode(".jpg", gray, settings)[1])
        if convert := shutil.which("convert"):
            for words in IMAGEMAGICK:
                yield f"ImageMagick {size} {words}", _convert(convert, gray, words)


def _convert(program: str, gray: NDArray[np.uint8], words: list[str]) -> bytes:
    height, width = gray.shape
    command = [program, "-size", f"{width}x{height}", "-depth", "8", "gray:-", *words, "jpeg:-"]
    return subprocess.run(command, input=gray.tobytes(), capture_output=True, check=True).stdout


def split(data: bytes) -> tuple[list[Segment], bytes]:
    """Split a file into its segments up to the first scan, and the rest."""
    segments, at = [], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        segments.append(Segment(data[at + 1], data[at:end]))
        at = end
    return segments, data[at:]


def join(segments: list[Segment], rest: bytes) -> bytes:
    """Join what :func:`split` has split."""
    return b"\xff\xd8" + b"".join(each.data for each in segments) + rest


def segment(kind: int, content: bytes) -> Segment:
    """Make a segment."""
    return Segment(kind, struct.pack(">BBH", 0xFF, kind, len(content) + 2) + content)


def patch_frame(data: bytes, at: int, value: int, process: int | None = None) -> bytes:
    """Change a byte in the content of the frame's header, and the kind of the frame."""
    segments, rest = split(data)
    for index, (kind, whole) in enumerate(segments):
        if kind in (0xC0, 0xC1, 0xC2):
            content = bytearray(whole[4:])
            content[at] = value
            segments[index] = segment(process or kind, bytes(content))
    return join(segments, rest)


def named(identifier: int) -> Callable[[bytes], bytes]:
    """Return a function that changes the identifier of the only component."""

    def change(data: bytes) -> bytes:
        patched = patch_frame(data, 6, identifier)
        scan = re.compile(rb"(\xff\xda\x00\x08\x01)\x01")
        return scan.sub(lambda found: found[1] + bytes([identifier]), patched)

    return change


def sampled(factors: int) -> Callable[[bytes], bytes]:
    """Return a function that changes the sampling factors of the only component."""
    return lambda data: patch_frame(data, 7, factors)


def extended(data: bytes) -> bytes:
    """Declare a baseline JPEG as extended sequential."""
    return patch_frame(data, 0, 8, process=0xC1)


def padded(data: bytes) -> bytes:
    """Pad every marker with two bytes."""
    segments, rest = split(data)
    rest = re.sub(rb"\xff[\xc4\xd0-\xd7\xd9\xda]", lambda found: b"\xff\xff" + found[0], rest)
    return join([Segment(kind, b"\xff\xff" + whole) for kind, whole in segments], rest)


def merged(data: bytes) -> bytes:
    """Put a second quantization table behind the first, and all Huffman tables together."""
    segments, rest = split(data)
    tables = b"".join(each.data[4:] for each in segments if each.kind == 0xC4)
    (quantization,) = (each.data[4:] for each in segments if each.kind == 0xDB)
    others = [each for each in segments if each.kind not in (0xC4, 0xDB)]
    doubled = segment(0xDB, quantization + b"\x01" + bytes([7] * 64))
    return join([segment(0xC4, tables), *others, doubled], rest)


def renumbered(data: bytes) -> bytes:
    """Give the quantization table the number 3, with 16 bits."""
    segments, rest = split(patch_frame(data, 8, 3, process=0xC1))
    (quantization,) = (each.data[5:] for each in segments if each.kind == 0xDB)
    deep = b"\x13" + b"".join(bytes((0, value)) for value in quantization)
    others = [each for each in segments if each.kind != 0xDB]
    return join([segment(0xDB, deep), *others], rest)


def adobe(data: bytes) -> bytes:
    """Replace JFIF by Adobe's segment, as Photoshop writes it into a gray JPEG."""
    segments, rest = split(data)
    others = [each for each in segments if each.kind != 0xE0]
    return join([segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"), *others], rest)


def bare(data: bytes) -> bytes:
    """Remove JFIF."""
    segments, rest = split(data)
    return join([each for each in segments if each.kind != 0xE0], rest)


def commented_late(data: bytes) -> bytes:
    """Put comments and an unknown segment in front of the scan."""
    segments, rest = split(data)
    late = [segment(0xFE, b"late"), segment(0xEF, b"unknown"), segment(0xFE, b"\xff\xd9")]
    return join([*segments, *late], rest)


SYNTAX: dict[str, Callable[[bytes], bytes]] = {
    "sampled 2x2": sampled(0x22),
    "sampled 1x2": sampled(0x12),
    "sampled 4x1": sampled(0x41),
    "named 0": named(0),
    "named 82": named(82),
    "padded": padded,
    "merged": merged,
    "adobe": adobe,
    "bare": bare,
    "commented late": commented_late,
    "trailing": lambda data: data + b"\0MotionPhoto" + encode(texture(8, 8)),
}
"""Changes of the syntax that no pixel depends on."""

BASELINE_SYNTAX: dict[str, Callable[[bytes], bytes]] = {
    "extended": extended,
    "renumbered": renumbered,
}
"""The same for baseline files."""


def all_jpegs() -> Iterator[tuple[str, bytes]]:
    """Yield every file of every encoder, and every change of some."""
    yield from encoded_by_all()
    for size in ((33, 47), (100, 75)):
        for options in ({}, {"progressive": True}, {"restart_marker_blocks": 3}):
            data = encode(texture(*size), **options)
            changes = SYNTAX if "progressive" in options else SYNTAX | BASELINE_SYNTAX
            for name, change in changes.items():
                yield f"{name} {size} {options}", change(data)
