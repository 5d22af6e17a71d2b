"""JPEG 2000 encoding at 8 and 16 bits, without loss, with metadata.

OpenCV encodes the pixels, since Pillow has no 16-bit color. EXIF, XMP and IPTC follow in boxes of
their own, as the XMP specification (part 3) and common tools have them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import cv2

from rechroma.errors import InternalError
from rechroma.imaging.metadata.embedded import JP2_EXIF, JP2_IPTC, JP2_XMP

if TYPE_CHECKING:
    from typing import BinaryIO

    from rechroma.imaging.photo import Metadata, UIntImage

_WITHOUT_LOSS = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]


def write_jp2(file: BinaryIO, pixels: UIntImage, metadata: Metadata) -> None:
    """Write a JPEG 2000 in sRGB.

    Args:
        file: The target.
        pixels: (H, W, 3 or 4) uint8 or uint16, RGB or RGBA.
        metadata: What to embed: EXIF, XMP and IPTC.
    """
    code = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    written, encoded = cv2.imencode(".jp2", cv2.cvtColor(pixels, code), _WITHOUT_LOSS)
    if not written:
        raise InternalError("the JPEG 2000 encoder failed")
    file.write(encoded.ravel().data)
    boxes = ((JP2_EXIF, metadata.exif), (JP2_XMP, metadata.xmp), (JP2_IPTC, metadata.iptc))
    for kind, content in boxes:
        if content:
            file.write(struct.pack(">I4s", 8 + len(kind) + len(content), b"uuid") + kind + content)
