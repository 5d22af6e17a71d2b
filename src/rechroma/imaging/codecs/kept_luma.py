"""Color for a gray JPEG whose luma is not touched: its scans are copied, and two are added.

A scan of a single component has no notion of the other components (ITU-T T.81, A.2.2): its blocks
are those that cover the image, in rows from left to right. So the entropy-coded data of a gray JPEG
is, byte for byte, a valid scan of the luma in a color JPEG with chroma at half the size (4:2:0),
whether it is sequential or progressive. Only headers are written here. Pillow encodes each plane of
chroma as a gray JPEG, whose scans are copied in the same way.

A private segment records all of the original that is not a scan of its luma, so that the file can
be restored.
"""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, JpegImagePlugin

from rechroma.errors import UnsupportedImageError
from rechroma.imaging.codecs.encode import encode_jpeg_template, label
from rechroma.imaging.codecs.jpeg import NOISE
from rechroma.imaging.codecs.jpeg_parts import (
    APP0,
    APP9,
    APP14,
    END,
    MAX_CONTENT,
    QUANTIZATION,
    RESTART,
    SCAN,
    START,
    JpegParts,
    Scan,
    Segment,
    damaged_jpeg,
    pack_segments,
    read_parts,
)
from rechroma.imaging.codecs.open_image import check_size, decode_errors, quiet_pillow
from rechroma.imaging.metadata import xmp
from rechroma.imaging.metadata.embedded import XMP_SEGMENT
from rechroma.imaging.metadata.extract import read_before, read_metadata, read_orientation
from rechroma.imaging.metadata.icc import Profile
from rechroma.options import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rechroma.imaging.photo import Metadata

_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_KEPT = (_BASELINE, _EXTENDED, _PROGRESSIVE)
_ARITHMETIC = range(0xC9, 0xD0)
_PRECISION = 8
_HALVED, _WHOLE = 0x11, 0x22  # sampling factors of chroma and luma
_LUMA, *_CHROMA = 1, 2, 3  # identifiers, those of JFIF
_NO_RESTARTS = Segment(RESTART, b"\0\0")

_JFIF, _ADOBE = b"JFIF\0", b"Adobe"
_ADOBE_TRANSFORM = 11  # position of a byte: 0 for RGB

_SIGNATURE = b"Rechroma luma\0"
_PART = MAX_CONTENT - len(_SIGNATURE) - 4  # less its number and the number of parts
_MAX_RECORD = 1 << 28  # bytes
_WITHOUT = "Or color it without keeping its luma."


class Luma(NamedTuple):
    """The luma of a gray JPEG.

    Attributes:
        half: (ceil(H / 2), ceil(W / 2)) uint8, its levels at half the size, as stored.
        tone: (256,) uint16, the sRGB-encoded gray of each level, by the JPEG's profile.
        orientation: EXIF's orientation of the stored pixels, 1 to 8.
        metadata: The metadata of a result that is not turned upright.
    """

    half: NDArray[np.uint8]
    tone: NDArray[np.uint16]
    orientation: int
    metadata: Metadata


class KeptLuma(NamedTuple):
    """The gray JPEG in a result.

    Attributes:
        content: The file.
        exact: Whether it is the original, byte for byte, by its SHA-256; otherwise the result has
            no record of it, and the content has the luma and the metadata of the result.
    """

    content: bytes
    exact: bool


def read_gray_jpeg(data: bytes) -> JpegParts:
    """Read the parts of a JPEG whose luma can be kept.

    Raises:
        UnsupportedImageError: It is of another kind.
        BrokenImageError: It is damaged.
    """
    if not data.startswith(START):
        raise _unsupported("only a gray JPEG has luma that can be kept", "Choose gray JPEGs.")
    parts = read_parts(data)
    if parts.process in _ARITHMETIC:
        raise _unsupported(
            "the luma of an arithmetic-coded JPEG cannot be kept",
            "'jpegtran -copy all' recodes it without loss.",
        )
    if parts.process not in _KEPT or parts.precision != _PRECISION:
        raise _unsupported(
            "the luma of a JPEG of this kind (lossless, hierarchical, or not of 8 bits) cannot be "
            "kept",
            "Save it as an ordinary gray JPEG.",
        )
    if len(parts.components) != 1:
        raise _not_gray(parts)
    _check_tables(parts)
    return parts


def _not_gray(parts: JpegParts) -> UnsupportedImageError:
    if _has_own_luma(parts) and _has_record(parts):
        return _unsupported(
            "the JPEG is a result of --keep-luma already",
            "'rechroma restore' gives the gray JPEG back, to color it again.",
        )
    return _unsupported(
        f"the JPEG is not gray: it has {len(parts.components)} components",
        "'jpegtran -copy all -grayscale' makes it gray without loss."
        if _is_ycbcr(parts)
        else "Save it as an ordinary gray JPEG.",
    )


def _is_ycbcr(parts: JpegParts) -> bool:
    """Return whether a JPEG has luma and chroma, and not RGB or CMYK, by the rules of libjpeg."""
    if len(parts.components) != 3:
        return False
    if any(kind == APP0 and content.startswith(_JFIF) for kind, content in parts.metadata):
        return True
    for kind, content in parts.metadata:
        if kind == APP14 and content.startswith(_ADOBE) and len(content) > _ADOBE_TRANSFORM:
            return content[_ADOBE_TRANSFORM] != 0
    return bytes(each.identifier for each in parts.components) != b"RGB"


def _check_tables(parts: JpegParts) -> None:
    (component,) = parts.components
    if component.table in parts.requantized:
        raise _unsupported(
            "the luma of a JPEG whose quantization changes between scans cannot be kept",
            "'jpegtran -copy all' recodes it without loss.",
        )
    wrong = any(len(scan.header) < 6 or len(scan.components) != 1 for scan in parts.scans)
    if wrong or component.table not in parts.quantization or 0 in parts.size:
        raise damaged_jpeg()


def read_luma(parts: JpegParts) -> Luma:
    """Read what the chroma for a gray JPEG depends on, and the metadata of the result.

    Raises:
        BrokenImageError: It is damaged.
        UnsupportedImageError: Its levels fall where its profile says that they rise.
    """
    with decode_errors(), quiet_pillow(), _open(parts.data) as image:
        before = read_before(image)
        orientation = read_orientation(image, before)
        metadata = read_metadata(image, image.size, before, as_stored=True)
    width, height = parts.size
    tone = Profile(metadata.icc).tone(np.arange(256, dtype=np.uint16) * 257).astype(np.uint16)
    if (tone[1:] < tone[:-1]).any():
        raise _unsupported("the ICC profile of the JPEG inverts its levels", "Convert it to sRGB.")
    half = _decode_luma(parts.data, (width // 2, height // 2))
    return Luma(half, tone, orientation, metadata)


def _open(data: bytes) -> JpegImagePlugin.JpegImageFile:
    return JpegImagePlugin.JpegImageFile(BytesIO(data + END))  # the end may be missing


def _decode_luma(data: bytes, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    with decode_errors(), quiet_pillow(), _open(data) as image:
        image.draft("L", size or image.size)
        return np.asarray(image)


def write_around_luma(
    parts: JpegParts,
    metadata: Metadata,
    chroma: NDArray[np.uint8],
    *,
    quality: int,
    provenance: bool = True,
) -> bytes:
    """Write a color JPEG around the luma of a gray one.

    Args:
        parts: The gray JPEG.
        metadata: That of the result, as stored.
        chroma: (ceil(H / 2), ceil(W / 2), 2) Cb and Cr, as stored.
        quality: 1..100, of the chroma.
        provenance: Whether to note in the XMP that a model generated the colors.

    Raises:
        BrokenImageError: The gray JPEG is damaged such that the luma would come out differently.
        UnsupportedImageError: There is too much beside the luma to record it.
    """
    icc = Profile(metadata.icc).luma_profile
    metadata = label(metadata, icc, provenance=provenance)
    template = read_parts(encode_jpeg_template(metadata, quality))
    with quiet_pillow(), _open(template.data) as image:
        table = image.quantization[1]
    planes = [
        read_parts(_encode_plane(plane, table, progressive=parts.process == _PROGRESSIVE))
        for plane in np.moveaxis(chroma, 2, 0)
    ]
    content = b"".join(
        (
            START,
            pack_segments((*template.metadata, *_record(parts))),
            *_write_image(parts, planes),
            END,
        )
    )
    _check(content, parts.data)
    return content


def _encode_plane(plane: NDArray[np.uint8], table: list[int], *, progressive: bool) -> bytes:
    file = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(plane))
    image.save(file, "JPEG", qtables=[table], optimize=True, progressive=progressive)
    return file.getvalue()


def _write_image(parts: JpegParts, planes: list[JpegParts]) -> Iterator[bytes]:
    """Yield the tables, the frame and the scans of luma and chroma."""
    (gray,) = parts.components
    number = 0 if gray.table else 1
    yield pack_segments(
        (
            Segment(QUANTIZATION, parts.quantization[gray.table]),
            Segment(QUANTIZATION, bytes([number]) + planes[0].quantization[0][1:]),
            Segment(
                parts.process,
                parts.frame[:5]
                + bytes((3, _LUMA, _WHOLE, gray.table))
                + bytes(chain.from_iterable((each, _HALVED, number) for each in _CHROMA)),
            ),
        )
    )
    yield from _write_scans(parts, _LUMA)
    if any(table.marker == RESTART for scan in parts.scans for table in scan.tables):
        yield pack_segments([_NO_RESTARTS])
    for identifier, plane in zip(_CHROMA, planes, strict=True):
        yield from _write_scans(plane, identifier)


def _write_scans(parts: JpegParts, identifier: int, behind: bytes = b"") -> Iterator[bytes]:
    """Yield the scans of the first component under another identifier, and bytes behind each."""
    tables: list[Segment] = []
    for scan in parts.scans:
        tables += scan.tables
        if parts.components[0].identifier in scan.components:
            header = bytes((1, identifier)) + scan.header[2:6]
            yield pack_segments((*tables, Segment(SCAN, header)))
            yield parts.entropy_coded(scan) + behind
            tables = []


def _check(content: bytes, original: bytes) -> None:
    """Check the promise before anything is written: decoders go on in damaged files."""
    parts = read_parts(content)
    restorable = _has_own_luma(parts) and _read_original(parts) == original
    if not restorable or not _have_same_luma(content, original):
        raise damaged_jpeg("its luma would not be kept", _WITHOUT)


def _have_same_luma(*files: bytes) -> bool:
    with ThreadPoolExecutor(2) as pool:
        first, *others = pool.map(_decode_luma, files)
    return all(np.array_equal(first, other) for other in others)


def _record(parts: JpegParts) -> list[Segment]:
    """Record what of a file is not a scan of its luma, and the SHA-256 of the whole."""
    ends = [0, *(scan.end for scan in parts.scans)]
    starts = [*(scan.start for scan in parts.scans), len(parts.data)]
    pieces = [parts.data[end:start] for end, start in zip(ends, starts, strict=True)]
    record = b"".join(struct.pack(">I", len(piece)) + piece for piece in pieces)
    if len(record) > _MAX_RECORD:
        raise _unsupported("there is too much in the JPEG beside its image", "Remove it.")
    packed = sha256(parts.data).digest() + zlib.compress(record)
    contents = [packed[at : at + _PART] for at in range(0, len(packed), _PART)]
    return [
        Segment(APP9, _SIGNATURE + struct.pack(">HH", number, len(contents)) + content)
        for number, content in enumerate(contents)
    ]


def restore_luma(data: bytes) -> KeptLuma:
    """Restore the gray JPEG in the content of a result.

    Raises:
        UnsupportedImageError: The file is no JPEG, or its luma is not apart from its chroma.
        BrokenImageError: It is damaged: it does not agree with its record of the original or, if
            there is none, it ends early.
    """
    if not data.startswith(START):
        raise _not_kept()
    parts = read_parts(data)
    if not _has_own_luma(parts):
        raise _not_kept()
    if _has_record(parts):
        original = _read_original(parts)
        if original is None:
            raise damaged_jpeg("its luma, or its record of the original, has changed")
        return KeptLuma(original, exact=True)
    check_size(parts.size, MAX_PIXELS)
    content = _write_gray(parts)
    # What is behind the data of a scan changes a pixel only if the data ends before the image.
    if not _ends(parts) or not _have_same_luma(content, data, _write_gray(parts, behind=NOISE)):
        raise damaged_jpeg()
    return KeptLuma(content, exact=False)


def _ends(parts: JpegParts) -> bool:
    return parts.data.find(END, parts.scans[-1].end) >= 0


def _has_own_luma(parts: JpegParts) -> bool:
    """Return whether the luma of a color JPEG has the full size, and scans of its own."""
    if len(parts.components) != 3 or parts.process not in _KEPT:
        return False
    luma, *others = parts.components
    scans = _luma_scans(parts)
    return (
        luma.table in parts.quantization
        and all(luma.sampling >> 4 >= each.sampling >> 4 for each in others)
        and all(luma.sampling & 15 >= each.sampling & 15 for each in others)
        and len(scans) > 0
        and all(len(scan.components) == 1 and len(scan.header) >= 6 for scan in scans)
    )


def _luma_scans(parts: JpegParts) -> list[Scan]:
    luma = parts.components[0]
    return [scan for scan in parts.scans if luma.identifier in scan.components]


def _write_gray(parts: JpegParts, behind: bytes = b"") -> bytes:
    """Write the luma of a color JPEG as a gray one, with its metadata, and bytes behind scans."""
    number = parts.components[0].table
    segments = (
        *(_without_provenance(each) for each in parts.metadata if not _is_record(each)),
        Segment(QUANTIZATION, parts.quantization[number]),
        Segment(parts.process, parts.frame[:5] + bytes((1, _LUMA, _HALVED, number))),
    )
    return b"".join((START, pack_segments(segments), *_write_scans(parts, _LUMA, behind), END))


def _without_provenance(segment: Segment) -> Segment:
    if not segment.content.startswith(XMP_SEGMENT):
        return segment
    packet = XMP_SEGMENT + xmp.without_provenance(segment.content.removeprefix(XMP_SEGMENT))
    return Segment(segment.marker, packet) if len(packet) <= MAX_CONTENT else segment


def _read_original(parts: JpegParts) -> bytes | None:
    """Join the original from its record and its scans; None unless its SHA-256 is the recorded."""
    found = {}
    count = 0
    for each in parts.metadata:
        if _is_record(each):
            header = each.content[len(_SIGNATURE) :]
            number, count = struct.unpack_from(">HH", header) if len(header) >= 4 else (0, 0)
            found[number] = header[4:]
    if not count or found.keys() != set(range(count)):
        return None
    packed = b"".join(found[number] for number in range(count))
    digest, pieces = packed[:32], _unpack(packed[32:])
    scans = [parts.entropy_coded(scan) for scan in _luma_scans(parts)]
    if len(pieces) != len(scans) + 1:
        return None
    original = b"".join(chain.from_iterable(zip_longest(pieces, scans, fillvalue=b"")))
    return original if sha256(original).digest() == digest else None


def _unpack(compressed: bytes) -> list[bytes]:
    """Unpack the pieces of a record; none of one that is damaged."""
    try:
        record = zlib.decompressobj().decompress(compressed, _MAX_RECORD)
    except zlib.error:
        return []
    pieces, at = [], 0
    while at + 4 <= len(record):
        end = at + 4 + int.from_bytes(record[at : at + 4])
        pieces.append(record[at + 4 : end])
        at = end
    return pieces


def _has_record(parts: JpegParts) -> bool:
    return any(map(_is_record, parts.metadata))


def _is_record(segment: Segment) -> bool:
    return segment.marker == APP9 and segment.content.startswith(_SIGNATURE)


def _unsupported(message: str, hint: str) -> UnsupportedImageError:
    return UnsupportedImageError(message, hint=f"{hint} {_WITHOUT}")


def _not_kept() -> UnsupportedImageError:
    return UnsupportedImageError(
        "there is no kept luma in this file",
        hint="Only results of --keep-luma have it, unless another program has encoded them again.",
    )
