"""A photograph in memory: its gray pixels, and all that has to survive the coloring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

UIntImage = NDArray[np.uint8] | NDArray[np.uint16]
"""Pixels of 8 or 16 bit, over the full range of their type."""


@dataclass(frozen=True)
class Metadata:
    """What travels from the source to the result beside the pixels.

    Attributes:
        exif: The EXIF block from its byte-order mark on, with the orientation set to upright and
            without a thumbnail.
        icc: The source's ICC profile.
        xmp: The XMP packet, with the orientation set to upright.
        iptc: The IPTC-IIM record (captions, credits) of a JPEG or TIFF.
        dpi: Horizontal and vertical resolution in pixels per inch.
        text: PNG text by keyword; a JPEG's or GIF's comment is under ``Comment``.
        compressed: Whether a TIFF's pixels were compressed.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    compressed: bool = True


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph that was read, in gray.

    Attributes:
        gray: (H, W) uint8 or uint16, sRGB-encoded gray with the CIE luminance of the source,
            upright.
        alpha: (H, W) opacity of the same type, or None where the source had none.
        format: Pillow's name of the source's format, such as ``JPEG``.
        had_color: The source was not neutral (sepia, a color picture) and was turned to gray.
        metadata: What to keep.
        pages: How many pictures the file holds, of which this is the first.
    """

    gray: UIntImage
    alpha: UIntImage | None = None
    format: str = "PNG"
    had_color: bool = False
    metadata: Metadata = field(default_factory=Metadata)
    pages: int = 1
