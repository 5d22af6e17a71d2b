"""TIFF of 8 and 16 bit with metadata, written strip by strip.

Pillow packs the directory; it has no 16-bit color, so the pixels are put in here. Nothing is held
in memory beside the picture and one strip.
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

_LARGEST = 2**32 - 2**26  # offsets have 32 bits; something is left for metadata and bad compression
_STRIP_BYTES = 1 << 22
_OFFSETS, _COUNTS = 273, 279
_RAW, _DEFLATE = 1, 8
_LEVEL = 4  # of 9


def write_tiff(file: BinaryIO, pixels: UIntImage, metadata: Metadata) -> None:
    """Write a TIFF, deflated without loss unless the source's pixels were stored raw.

    Args:
        file: Where to, at its start; it has to be seekable.
        pixels: (H, W, 3 or 4) uint8 or uint16, RGB or RGBA.
        metadata: What to embed.

    Raises:
        OptionError: The pixels take 4 GB and more.
    """
    if pixels.nbytes > _LARGEST:
        raise OptionError(
            f"{pixels.nbytes / 1e9:.1f} GB of pixels do not go into a TIFF, which ends at 4 GB",
            hint="Choose another format, such as PNG.",
        )
    rows = max(1, _STRIP_BYTES // pixels[0].nbytes)
    tops = range(0, len(pixels), rows)
    directory = _directory(pixels, metadata, rows)
    _place(directory, [0] * len(tops))
    directory.save(file)  # takes the room that the directory with the true numbers will need
    counts = [
        file.write(_packed(pixels[top : top + rows], compressed=metadata.compressed))
        for top in tops
    ]
    _place(directory, counts)
    file.seek(0)
    directory.save(file)


def _place(directory: ImageFileDirectory_v2, counts: list[int]) -> None:
    """Enter where the strips are, counted from the directory's end, and how long they are."""
    directory[_OFFSETS] = tuple(np.cumsum([0, *counts[:-1]]).tolist())
    directory[_COUNTS] = tuple(counts)
    directory.tagtype[_OFFSETS] = directory.tagtype[_COUNTS] = TiffTags.LONG


def _packed(strip: UIntImage, *, compressed: bool) -> bytes:
    little = strip.astype(strip.dtype.newbyteorder("<"), copy=False)
    if not compressed:
        return little.tobytes()
    differences = little.copy()
    np.subtract(little[:, 1:], little[:, :-1], out=differences[:, 1:])  # predictor 2: wraps around
    return zlib.compress(differences.data, _LEVEL)


def _directory(pixels: UIntImage, metadata: Metadata, rows: int) -> ImageFileDirectory_v2:
    height, width, channels = pixels.shape
    directory = exif.directory(_tags_of(metadata))
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
        317: 2 if metadata.compressed else None,  # differences along the rows
        338: 2 if channels == 4 else None,  # the fourth is opacity, not multiplied in
        exif.XMP_TAG: metadata.xmp,
        exif.IPTC_TAG: metadata.iptc,
        exif.ICC_TAG: metadata.icc,
    }
    for tag, value in storage.items():
        if value is not None:
            directory[tag] = value
    return directory


def _tags_of(metadata: Metadata) -> Image.Exif:
    tags = Image.Exif()
    if metadata.exif:
        tags.load(exif.PREFIX + metadata.exif)
    return tags
