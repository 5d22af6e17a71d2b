"""TIFF encoding at 8 and 16 bits, with metadata, strip by strip.

Pillow packs the directory; it has no 16-bit color, so the pixels are written here. Memory holds
only the image and one strip.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, TiffTags

from rechroma.errors import OptionError
from rechroma.imaging.metadata import exif

if TYPE_CHECKING:
    from typing import BinaryIO

    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    from rechroma.imaging.photo import Metadata, UIntImage

_MAX_BYTES = 2**32 - 2**26  # 32-bit offsets, less room for metadata and bad compression
_STRIP_BYTES = 1 << 22
_OFFSETS, _COUNTS = 273, 279
_RAW, _DEFLATE = 1, 8
_COMPRESSION = 4  # of 9


def write_tiff(file: BinaryIO, pixels: UIntImage, metadata: Metadata) -> None:
    """Write a TIFF, compressed with deflate unless the source was uncompressed.

    Args:
        file: The target, at its start; it must be seekable.
        pixels: (H, W, 3 or 4) uint8 or uint16, RGB or RGBA.
        metadata: What to embed.

    Raises:
        OptionError: The pixels do not fit into the 4 GB of a TIFF.
    """
    if pixels.nbytes > _MAX_BYTES:
        raise OptionError(
            f"{pixels.nbytes / 1e9:.1f} GB of pixels do not fit into a TIFF, which ends at 4 GB",
            hint="Choose another format, such as PNG.",
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
    file.seek(0)
    directory.save(file)


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
    return zlib.compress(differences.data, _COMPRESSION)


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
