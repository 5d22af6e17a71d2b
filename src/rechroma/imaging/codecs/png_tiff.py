"""PNG and TIFF encoding at 8 and 16 bits, with metadata: Pillow has no 16-bit color.

OpenCV encodes the pixels of a PNG (in a sixth of Pillow's time, for the same size), and its
metadata chunks are inserted here. Pillow packs the directory of a TIFF; its pixels are written here
strip by strip, so that memory holds only the image and one strip.
"""

from __future__ import annotations

import struct
import zlib
from io import SEEK_END
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, TiffTags

from rechroma.errors import InternalError, OptionError
from rechroma.imaging.metadata import exif

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from PIL.TiffImagePlugin import ImageFileDirectory_v2

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
    for keyword, text in metadata.text.items():
        name = keyword.encode("latin-1", "replace")[:_MAX_KEYWORD]
        yield b"iTXt", name + b"\0\0\0\0\0" + text.encode()


def write_tiff(file: BinaryIO, pixels: UIntImage, metadata: Metadata) -> None:
    """Write a TIFF, or another page of it, with deflate unless the source was uncompressed.

    Args:
        file: The target, at its start, or a TIFF written here; it must be seekable, and readable
            in the second case.
        pixels: (H, W, 3 or 4) uint8 or uint16, RGB or RGBA.
        metadata: What to embed.

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
    rows = max(1, _STRIP_BYTES // pixels[0].nbytes)
    tops = range(0, len(pixels), rows)
    directory = _build_directory(pixels, metadata, rows)
    _set_strips(directory, [0] * len(tops))
    directory.save(file)  # reserves the space that the directory with the true numbers needs
    counts = [
        file.write(_encode_strip(pixels[top : top + rows], compressed=metadata.compressed))
        for top in tops
    ]
    _set_strips(directory, counts)
    file.seek(start)
    directory.save(file)
    if start:
        file.seek(_last_link(file))
        file.write(struct.pack("<I", start))


def _align_end(file: BinaryIO) -> int:
    """Go to the end of a file, and make it even: directories start at words."""
    end = file.seek(0, SEEK_END)
    return end + file.write(b"\0" * (end % 2))


def _last_link(file: BinaryIO) -> int:
    """Find the place of the last directory's link to the next one, which is 0 so far."""
    link, offset = 4, 8
    while offset:
        file.seek(offset)
        (count,) = struct.unpack("<H", file.read(2))
        link = offset + 2 + 12 * count
        file.seek(link)
        (offset,) = struct.unpack("<I", file.read(4))
    return link


def _set_strips(directory: ImageFileDirectory_v2, counts: list[int]) -> None:
    """Set the strips' byte counts and their offsets, which start at the directory's end."""
    directory[_OFFSETS] = tuple(np.cumsum([0, *counts[:-1]]).tolist())
    directory[_COUNTS] = tuple(counts)
    directory.tagtype[_OFFSETS] = directory.tagtype[_COUNTS] = TiffTags.LONG


def _encode_strip(strip: UIntImage, *, compressed: bool) -> bytes:
    little = strip.astype(strip.dtype.newbyteorder("<"), copy=False)
    if not compressed:
        return little.tobytes()
    differences = little.copy()
    np.subtract(little[:, 1:], little[:, :-1], out=differences[:, 1:])  # predictor 2: wraps around
    return zlib.compress(differences.data, _TIFF_COMPRESSION)


def _build_directory(pixels: UIntImage, metadata: Metadata, rows: int) -> ImageFileDirectory_v2:
    height, width, channels = pixels.shape
    tags = Image.Exif()
    if metadata.exif:
        tags.load(exif.PREFIX + metadata.exif)
    directory = exif.pack_tags(tags)
    storage: dict[int, int | float | tuple[int, ...] | bytes | None] = {
        256: width,
        257: height,
        258: (8 * pixels.itemsize,) * channels,
        259: _DEFLATE if metadata.compressed else _RAW,
        262: 2,  # RGB
        274: 1,  # upright
        277: channels,
        278: rows,
        282: metadata.dpi and metadata.dpi[0],
        283: metadata.dpi and metadata.dpi[1],
        284: 1,  # channels interleaved
        296: metadata.dpi and 2,  # per inch
        317: 2 if metadata.compressed else None,  # horizontal differencing
        338: 2 if channels == 4 else None,  # straight (not premultiplied) alpha
        exif.XMP_TAG: metadata.xmp,
        exif.IPTC_TAG: metadata.iptc,
        exif.ICC_TAG: metadata.icc,
    }
    for tag, value in storage.items():
        if value is not None:
            directory[tag] = value
    return directory
