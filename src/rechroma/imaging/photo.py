"""A photograph in memory: its gray pixels and everything that has to survive coloring."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

UIntImage = NDArray[np.uint8] | NDArray[np.uint16]
"""Pixels of 8 or 16 bits, over the full range of their dtype."""


class Damage(StrEnum):
    """Damage of a file that was read nevertheless."""

    END_MISSING = "end_missing"
    """The end of a JPEG is missing, but none of its pixels."""
    TRUNCATED = "truncated"
    """Pixels of a JPEG are missing; the place of most is of one level."""


@dataclass(frozen=True)
class Metadata:
    """Everything except pixels that is copied from the source to the result.

    Attributes:
        exif: The EXIF block from its byte-order mark on, true of an upright result in sRGB.
        icc: The ICC profile of the source's colors, embedded or otherwise stated.
        xmp: The XMP packet, true of an upright result in sRGB.
        iptc: The IPTC-IIM record (captions, credits).
        dpi: Horizontal and vertical resolution in pixels per inch.
        text: PNG text by keyword.
        comments: Comments of a JPEG, GIF or JPEG 2000, as stored.
        compressed: Whether a TIFF's pixels were compressed.
        lossless: Whether a WebP's pixels were compressed without loss.
        unreadable: The kinds of metadata that the source has, but that cannot be read: "EXIF",
            "XMP", "IPTC", "ICC profile", "text" or "comment".
    """

    exif: bytes | None = field(default=None, repr=False)
    icc: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    iptc: bytes | None = field(default=None, repr=False)
    dpi: tuple[float, float] | None = None
    text: Mapping[str, str] = field(default_factory=dict, repr=False)
    comments: tuple[bytes, ...] = field(default=(), repr=False)
    compressed: bool = True
    lossless: bool = False
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photograph, in gray.

    Attributes:
        gray: (H, W) uint8 or uint16, sRGB-encoded gray with the CIE luminance of the source,
            upright.
        alpha: (H, W) alpha of the same dtype, or None if the source had none.
        format: Pillow's name of the source's format, such as ``JPEG``.
        was_color: Whether the source was in color or toned (sepia) and was converted to gray.
        metadata: The metadata to keep.
        pages: The number of pages or frames in the file.
        damage: Damage of the file, or None.
    """

    gray: UIntImage
    alpha: UIntImage | None = None
    format: str = "PNG"
    was_color: bool = False
    metadata: Metadata = field(default_factory=Metadata)
    pages: int = 1
    damage: Damage | None = None

    def __repr__(self) -> str:
        height, width = self.gray.shape
        return f"Photo({width} x {height}, {self.gray.dtype}, {self.format})"
