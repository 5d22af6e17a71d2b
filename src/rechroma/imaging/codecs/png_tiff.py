"""PNG and TIFF encoding at 8 and 16 bits, with metadata: Pillow has no 16-bit color.

OpenCV encodes the pixels of a PNG (in a sixth of Pillow's time, for the same size), and its
metadata chunks are inserted here. A TIFF is written strip by strip, so that memory holds only the
image and one strip.
"""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.errors import InternalError, OptionError
from rechroma.imaging.metadata import exif, iptc
from rechroma.imaging.metadata.embedded import raw_profile
from rechroma.imaging.metadata.tiff_directory import BYTE, LONG, RATIONAL, SHORT, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO, Literal

    from rechroma.imaging.photo import Metadata, UIntImage

_PNG_HEADER = 8 + 25  # bytes of the signature and the IHDR chunk
_PNG_COMPRESSION = 1  # of 9: with OpenCV's filters, 2 takes twice the time for 5 % of the size
_METERS_PER_INCH = 0.0254
_MAX_KEYWORD = 79
_MAX_TIFF_BYTES = 2**32 - 2**26  # 32-bit offsets, less room for metadata and bad compression
_STRIP_BYTES = 1 << 22
_OFFSETS, _COUNTS = 273, 279
_RAW, _DEFLATE = 1, 8
_TIFF_COMPRESSION = 4  # of 9
_EMPTY_BLOCK = b"II*\0\x08\0\0\0" + bytes(6)
_MAX_DENOMINATOR = 10_000


def write_png(file: BinaryIO, pixels: UIntImage, metadata: Metadata) -> None:
    """Write a PNG.

    Args:
        file: The target.
        pixels: (H, W, 3 or 4) uint8 or uint16, RGB or RGBA.
        metadata: What to embed.
    """
    code = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    options = [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION]
    written, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, code), options)
    if not written:
        raise InternalError("the PNG encoder failed")
    png = encoded.ravel().data
    file.write(png[:_PNG_HEADER])
    for kind, data in _chunks(metadata):
        file.write(struct.pack(">I", len(data)) + kind + data)
        file.write(struct.pack(">I", zlib.crc32(kind + data)))
    file.write(png[_PNG_HEADER:])


def _chunks(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    if metadata.icc:
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)
    if metadata.dpi:
        across, down = (round(value / _METERS_PER_INCH) for value in metadata.dpi)
        yield b"pHYs", struct.pack(">IIB", across, down, 1)
    if metadata.exif:
        yield b"eXIf", metadata.exif
    if metadata.xmp:
        yield b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp
    if metadata.iptc:
        keyword, text = raw_profile("iptc", iptc.resources_with(metadata.iptc))
        yield b"zTXt", keyword.encode() + b"\0\0" + zlib.compress(text.encode())
    comments = (("Comment", _decode(each)) for each in metadata.comments)
    for keyword, text in (*metadata.text.items(), *comments):
        name = keyword.encode("latin-1", "replace")[:_MAX_KEYWORD]
        yield b"iTXt", name + b"\0\0\0\0\0" + text.encode()


def _decode(comment: bytes) -> str:
    try:
        return comment.decode().rstrip("\0")
    except UnicodeDecodeError:
        return comment.decode("latin-1").rstrip("\0")


def write_tiff(file: BinaryIO, pixels: UIntImage, metadata: Metadata) -> None:
    """Write a TIFF, compressed with deflate unless the source was uncompressed.

    Args:
        file: The target, at its start; it must be seekable.
        pixels: (H, W, 3 or 4) uint8 or uint16, RGB or RGBA.
        metadata: What to embed.

    Raises:
        OptionError: The pixels do not fit into the 4 GB of a TIFF.
    """
    if pixels.nbytes > _MAX_TIFF_BYTES:
        raise OptionError(
            f"{pixels.nbytes / 1e9:.1f} GB of pixels do not fit into a TIFF, which ends at 4 GB",
            hint="Choose another format, such as PNG.",
        )
    block = metadata.exif or _EMPTY_BLOCK
    order: Literal["<", ">"] = "<" if block.startswith(b"II") else ">"
    rows = max(1, _STRIP_BYTES // pixels[0].nbytes)
    # The file starts with the EXIF block: its tags, and what maker notes point to, stay in place.
    offset = file.write(_padded(block))
    offsets, counts = [], []
    for top in range(0, len(pixels), rows):
        strip = _encode_strip(pixels[top : top + rows], order, compressed=metadata.compressed)
        offsets.append(offset)
        counts.append(len(strip))
        offset += file.write(_padded(strip))
    tags = {**_storage_tags(pixels, metadata, rows), _OFFSETS: offsets, _COUNTS: counts}
    entries = exif.main_entries(block)
    for tag, value in tags.items():
        kind, count, data = _pack_value(tag, value, order)
        field = data if len(data) <= 4 else struct.pack(order + "I", offset)
        entries[tag] = struct.pack(order + "HHI", tag, kind, count) + field.ljust(4, b"\0")
        offset += file.write(_padded(data)) if len(data) > 4 else 0
    file.write(struct.pack(order + "H", len(entries)))
    file.write(b"".join(entries[tag] for tag in sorted(entries)) + bytes(4))
    file.seek(4)
    file.write(struct.pack(order + "I", offset))


def _padded(data: bytes) -> bytes:
    """Pad data to whole words, at which a TIFF's values start."""
    return data + bytes(len(data) % 2)


def _encode_strip(strip: UIntImage, order: Literal["<", ">"], *, compressed: bool) -> bytes:
    ordered = strip.astype(strip.dtype.newbyteorder(order), copy=False)
    if not compressed:
        return ordered.tobytes()
    differences = ordered.copy()
    np.subtract(ordered[:, 1:], ordered[:, :-1], out=differences[:, 1:])  # predictor 2: wraps
    return zlib.compress(differences.data, _TIFF_COMPRESSION)


def _pack_value(
    tag: int, value: Sequence[int] | Fraction | bytes, order: str
) -> tuple[int, int, bytes]:
    """Return type, count and bytes of a tag's value."""
    if isinstance(value, bytes):
        return BYTE if tag == exif.XMP_TAG else UNDEFINED, len(value), value
    if isinstance(value, Fraction):
        return RATIONAL, 1, struct.pack(order + "II", *value.as_integer_ratio())
    kind, code = (SHORT, "H") if max(value) < 1 << 16 else (LONG, "I")
    return kind, len(value), struct.pack(f"{order}{len(value)}{code}", *value)


def _storage_tags(
    pixels: UIntImage, metadata: Metadata, rows: int
) -> dict[int, Sequence[int] | Fraction | bytes]:
    height, width, channels = pixels.shape
    tags: dict[int, Sequence[int] | Fraction | bytes | None] = {
        256: (width,),
        257: (height,),
        258: (8 * pixels.itemsize,) * channels,
        259: (_DEFLATE if metadata.compressed else _RAW,),
        262: (2,),  # RGB
        274: (1,),  # upright
        277: (channels,),
        278: (rows,),
        284: (1,),  # channels interleaved
        317: (2,) if metadata.compressed else None,  # horizontal differencing
        338: (2,) if channels == 4 else None,  # straight (not premultiplied) alpha
        exif.XMP_TAG: metadata.xmp,
        exif.IPTC_TAG: metadata.iptc,
        exif.ICC_TAG: metadata.icc,
    }
    if metadata.dpi:
        across, down = (
            Fraction(value).limit_denominator(_MAX_DENOMINATOR) for value in metadata.dpi
        )
        tags |= {282: across, 283: down, 296: (2,)}  # per inch
    return {tag: value for tag, value in tags.items() if value is not None}
