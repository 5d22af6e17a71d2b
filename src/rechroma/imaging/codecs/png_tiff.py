"""PNG and TIFF encoding at 8 and 16 bits, with metadata: Pillow has no 16-bit color.

Both are written strip by strip, so that memory holds only the image and a few strips, which are
compressed in threads.
"""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from functools import partial
from io import SEEK_END
from typing import TYPE_CHECKING

import numpy as np

from rechroma.errors import OptionError
from rechroma.imaging.codecs import deflate
from rechroma.imaging.metadata import exif, iptc
from rechroma.imaging.metadata.embedded import raw_profile
from rechroma.imaging.metadata.tiff_directory import BYTE, LONG, RATIONAL, SHORT, UNDEFINED
from rechroma.parallel import map_in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO, Literal

    from numpy.typing import NDArray

    from rechroma.imaging.photo import Metadata, UIntImage

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ZLIB_HEADER = b"\x78\x01"  # deflate with a window of 32 kB
_METERS_PER_INCH = 0.0254
_MAX_KEYWORD = 79
_MAX_TIFF_BYTES = 2**32 - 2**26  # 32-bit offsets, less room for metadata and bad compression
_OFFSETS, _COUNTS = 273, 279
_RAW, _DEFLATE = 1, 8
_EMPTY_BLOCK = b"II*\0\x08\0\0\0" + bytes(6)
_MAX_DENOMINATOR = 10_000


def write_png(file: BinaryIO, pixels: UIntImage, metadata: Metadata, threads: int = 1) -> None:
    """Write a PNG.

    Args:
        file: The target.
        pixels: (H, W, 3 or 4) uint8 or uint16, RGB or RGBA.
        metadata: What to embed.
        threads: Number of threads to compress in.
    """
    height, width, channels = pixels.shape
    color_type = 2 if channels == 3 else 6
    header = struct.pack(">IIBB3x", width, height, 8 * pixels.itemsize, color_type)
    file.write(_PNG_SIGNATURE)
    for kind, data in ((b"IHDR", header), *_chunks(metadata), *_pixel_chunks(pixels, threads)):
        checksum = zlib.crc32(data, zlib.crc32(kind))
        file.write(struct.pack(">I", len(data)) + kind)
        file.write(data)
        file.write(struct.pack(">I", checksum))


def _pixel_chunks(pixels: UIntImage, threads: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of one zlib stream, whose parts are compressed independently."""
    height, _, channels = pixels.shape
    rows = max(1, deflate.STRIP_BYTES // pixels[0].nbytes)

    def encode(top: int) -> tuple[NDArray[np.uint8], bytes]:
        strip = pixels[max(0, top - 1) : top + rows]
        ordered = np.ascontiguousarray(strip, strip.dtype.newbyteorder(">"))
        stored = ordered.view(np.uint8).reshape(len(strip), -1)
        above = stored[:1] if top else np.zeros_like(stored[:1])
        filtered = deflate.filter_rows(
            stored[1:] if top else stored, above, channels * pixels.itemsize
        )
        is_last = top + rows >= height
        return filtered, deflate.compress_part(filtered, pixels.itemsize, last=is_last)

    checksum = 1
    start = _ZLIB_HEADER
    for filtered, part in map_in_order(encode, range(0, height, rows), threads):
        checksum = deflate.adler32(filtered, checksum)
        yield b"IDAT", start + part
        start = b""
    yield b"IDAT", struct.pack(">I", checksum)
    yield b"IEND", b""


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


def write_tiff(file: BinaryIO, pixels: UIntImage, metadata: Metadata, threads: int = 1) -> None:
    """Write a TIFF, or another page of it, with deflate unless the source was uncompressed.

    Args:
        file: The target, at its start, or a TIFF written here; it must be seekable, and readable
            in the second case.
        pixels: (H, W, 3 or 4) uint8 or uint16, RGB or RGBA.
        metadata: What to embed.
        threads: Number of threads to compress in.

    Raises:
        OptionError: The pixels do not fit into the 4 GB of a TIFF.
    """
    start = _align_end(file)
    if start + pixels.nbytes > _MAX_TIFF_BYTES:
        more = "more " if start else ""
        raise OptionError(
            f"{pixels.nbytes / 1e9:.1f} GB of {more}pixels do not fit into a TIFF, which ends at "
            "4 GB",
            hint="Color the pages in several runs." if start else "Choose a PNG, for example.",
        )
    block = metadata.exif or _EMPTY_BLOCK
    order: Literal["<", ">"] = "<" if block.startswith(b"II") else ">"
    if start:
        own_order, (order, link) = order, _last_link(file)
        # All pages of a source have the same byte order, unless the first had no tags to keep.
        data, entries = exif.move_block(block if own_order == order else _EMPTY_BLOCK, start)
        file.seek(start)
    else:
        # The file starts with the EXIF block: its tags, and what maker notes point to, stay there.
        link, data, entries = 4, block, exif.main_entries(block)
    offset = start + file.write(_padded(data))
    rows = max(1, deflate.STRIP_BYTES // pixels[0].nbytes)
    offsets, counts = [], []
    strips = (pixels[top : top + rows] for top in range(0, len(pixels), rows))
    encode = partial(_encode_strip, order=order, compressed=metadata.compressed)
    for strip in map_in_order(encode, strips, threads):
        offsets.append(offset)
        counts.append(len(strip))
        offset += file.write(_padded(strip))
    tags = {**_storage_tags(pixels, metadata, rows), _OFFSETS: offsets, _COUNTS: counts}
    for tag, value in tags.items():
        kind, count, data = _pack_value(tag, value, order)
        field = data if len(data) <= 4 else struct.pack(order + "I", offset)
        entries[tag] = struct.pack(order + "HHI", tag, kind, count) + field.ljust(4, b"\0")
        offset += file.write(_padded(data)) if len(data) > 4 else 0
    file.write(struct.pack(order + "H", len(entries)))
    file.write(b"".join(entries[tag] for tag in sorted(entries)) + bytes(4))
    file.seek(link)
    file.write(struct.pack(order + "I", offset))


def _align_end(file: BinaryIO) -> int:
    """Go to the end of a file, and make it even: directories start at words."""
    end = file.seek(0, SEEK_END)
    return end + file.write(b"\0" * (end % 2))


def _last_link(file: BinaryIO) -> tuple[Literal["<", ">"], int]:
    """Return the byte order of a TIFF, and the place of the last directory's link to the next."""
    file.seek(0)
    order: Literal["<", ">"] = "<" if file.read(2) == b"II" else ">"
    link = 4
    while True:
        file.seek(link)
        (offset,) = struct.unpack(order + "I", file.read(4))
        if not offset:
            return order, link
        file.seek(offset)
        (count,) = struct.unpack(order + "H", file.read(2))
        link = offset + 2 + 12 * count


def _padded(data: bytes) -> bytes:
    """Pad data to whole words, at which a TIFF's values start."""
    return data + bytes(len(data) % 2)


def _encode_strip(strip: UIntImage, order: Literal["<", ">"], *, compressed: bool) -> bytes:
    ordered = strip.astype(strip.dtype.newbyteorder(order), copy=False)
    if not compressed:
        return ordered.tobytes()
    differences = ordered.copy()
    np.subtract(ordered[:, 1:], ordered[:, :-1], out=differences[:, 1:])  # predictor 2: wraps
    return deflate.compress(differences)


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
