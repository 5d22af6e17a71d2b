"""Photo encoding: colors to a file with the source's format, bit depth, metadata and alpha."""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import cv2
import numpy as np
from PIL import Image

from rechroma.errors import OptionError
from rechroma.imaging.badge import draw_badge
from rechroma.imaging.codecs.formats import enable_heif, output_format, parse_format
from rechroma.imaging.codecs.png import write_png
from rechroma.imaging.codecs.tiff import write_tiff
from rechroma.imaging.metadata import exif, xmp
from rechroma.imaging.metadata.icc import Profile
from rechroma.options import OPTIONS

if TYPE_CHECKING:
    from rechroma.imaging.photo import Metadata, Photo, UIntImage

_QUALITY = OPTIONS["quality"].default
_16_BIT_FORMATS = ("PNG", "TIFF")
_NO_ALPHA = ("JPEG", "BMP")
_MAX_SIDE = {"JPEG": 65500, "WEBP": 16383}  # limits of the encoders
_JPEG_SEGMENT = 65533 - 40  # bytes, less the markers in front of EXIF, XMP and IPTC
_SUBSAMPLING_420 = 2  # Pillow's number


def encode_photo(
    rgb: UIntImage,
    photo: Photo,
    *,
    format: str | None = None,  # noqa: A002 - Pillow's word for it
    quality: int = _QUALITY,
    provenance: bool = True,
    badge: bool = False,
) -> bytes:
    """Encode a photograph as a file's content, with the arguments of :func:`write_photo`."""
    file = BytesIO()
    write_photo(
        file, rgb, photo, format=format, quality=quality, provenance=provenance, badge=badge
    )
    return file.getvalue()


def write_photo(
    file: BinaryIO,
    rgb: UIntImage,
    photo: Photo,
    *,
    format: str | None = None,  # noqa: A002 - Pillow's word for it
    quality: int = _QUALITY,
    provenance: bool = True,
    badge: bool = False,
) -> None:
    """Write a photograph's colors with its alpha channel and metadata.

    JPEG chroma is subsampled (4:2:0): generated chroma is smooth, and the file is a seventh smaller
    and takes two thirds of the time. A format without 16 bits gets the colors rounded to 8, one
    without alpha gets them composited on white. Metadata that a format cannot hold is left out: a
    BMP keeps the resolution only, and a JPEG's segments end at 64 kB.

    Args:
        file: The target, at its start; it must be seekable.
        rgb: (H, W, 3) uint8 or uint16, sRGB.
        photo: The source photograph.
        format: What :func:`parse_format` takes; by default :func:`output_format` of the source's.
        quality: 1..100, for lossy formats.
        provenance: Whether to note in the XMP that a model generated the colors.
        badge: Whether to draw a mark into the image that says so, too.

    Raises:
        OptionError: An unknown format or one that cannot hold the image, a quality out of range,
            or colors of another size than the photograph.
        MissingExtraError: HEIF was requested, and pillow-heif is not installed.
    """
    name = parse_format(format) if format else output_format(photo.format)
    _check(rgb, photo, name, quality)
    alpha = photo.alpha
    if badge:
        rgb, alpha = rgb.copy(), None if alpha is None else alpha.copy()
        draw_badge(rgb, alpha)
    pixels = _pixels_for(name, rgb, alpha)
    metadata = replace(
        photo.metadata,
        icc=Profile(photo.metadata.icc).output_profile,
        xmp=xmp.with_provenance(photo.metadata.xmp) if provenance else photo.metadata.xmp,
    )
    if name == "PNG":
        write_png(file, pixels, metadata)
    elif name == "TIFF":
        write_tiff(file, pixels, metadata)
    else:
        if name == "HEIF":
            enable_heif()
        Image.fromarray(pixels).save(file, name, **_save_options(name, metadata, quality))


def encode_preview(gray: UIntImage, side: int, quality: int = 90) -> bytes:
    """Encode a grayscale image as a small JPEG for display.

    Args:
        gray: (H, W) uint8 or uint16, sRGB-encoded.
        side: The longest that the long side can be; a smaller image keeps its size.
        quality: 1..100.
    """
    image = Image.fromarray(_to_uint8(gray))
    image.thumbnail((side, side), reducing_gap=2.0)
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _check(rgb: UIntImage, photo: Photo, name: str, quality: int) -> None:
    height, width = photo.gray.shape
    if rgb.shape != (height, width, 3):
        raise OptionError(f"colors of shape {rgb.shape} for an image of {width} x {height} pixels")
    if not 1 <= quality <= 100:
        raise OptionError(f"quality must be from 1 to 100, not {quality}")
    if max(width, height) > _MAX_SIDE.get(name, width + height):
        raise OptionError(
            f"{width} x {height} pixels are too large for {name}", hint="Choose TIFF or PNG."
        )


def _pixels_for(name: str, rgb: UIntImage, alpha: UIntImage | None) -> UIntImage:
    if name not in _16_BIT_FORMATS:
        rgb = _to_uint8(rgb)
        alpha = None if alpha is None else _to_uint8(alpha)
    if alpha is None:
        return rgb
    rgba = np.dstack([rgb, alpha])
    if name not in _NO_ALPHA:
        return cast("UIntImage", rgba)
    image = Image.fromarray(rgba)
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("RGB"))


def _to_uint8(pixels: UIntImage) -> UIntImage:
    if pixels.dtype == np.uint8:
        return pixels
    return cast("UIntImage", cv2.convertScaleAbs(pixels, alpha=1 / 257))


def _save_options(name: str, metadata: Metadata, quality: int) -> dict[str, Any]:
    """Return arguments for Pillow's `save`; not every format takes all of them."""
    options: dict[str, Any] = {
        "quality": quality,
        "exif": exif.PREFIX + metadata.exif if metadata.exif else None,
        "xmp": metadata.xmp,
        "icc_profile": metadata.icc,
        "dpi": metadata.dpi,
    }
    if name == "JPEG":
        options = {key: value for key, value in options.items() if _fits_segment(key, value)}
        options |= _jpeg_options(metadata)
    return {key: value for key, value in options.items() if value is not None}


def _fits_segment(key: str, value: object) -> bool:
    splittable = key == "icc_profile"  # the only one that can span several segments
    return splittable or not isinstance(value, bytes) or len(value) <= _JPEG_SEGMENT


def _jpeg_options(metadata: Metadata) -> dict[str, Any]:
    comment = metadata.text.get("Comment", "").encode()
    iptc = metadata.iptc or b""
    dpi = metadata.dpi and tuple(min(round(value), 65535) for value in metadata.dpi)
    # Wrap an IPTC record as the only resource of a Photoshop segment (APP13).
    resource = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    data = b"Photoshop 3.0\0" + resource
    return {
        "subsampling": _SUBSAMPLING_420,
        "dpi": dpi,
        "comment": comment if 0 < len(comment) <= _JPEG_SEGMENT else None,
        "extra": (b"\xff\xed" + struct.pack(">H", len(data) + 2) + data)
        if 0 < len(iptc) <= _JPEG_SEGMENT
        else None,
    }
