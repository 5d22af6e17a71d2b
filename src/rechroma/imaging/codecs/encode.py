"""Writes colored photographs: the source's format, depth, metadata and opacity come back."""

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
_DEEP_FORMATS = ("PNG", "TIFF")  # of 16 bit
_NO_ALPHA = ("JPEG", "BMP")
_MAX_SIDE = {"JPEG": 65500, "WEBP": 16383}  # what the formats' encoders take
_JPEG_SEGMENT = 65533 - 40  # bytes, less the marks that stand before EXIF, XMP and IPTC
_CHROMA_HALVED = 2  # Pillow's number for 4:2:0


def encode_photo(
    rgb: UIntImage,
    photo: Photo,
    *,
    format: str | None = None,  # noqa: A002 - the word that Pillow uses
    quality: int = _QUALITY,
    provenance: bool = True,
    badge: bool = False,
) -> bytes:
    """Encode a photograph's colors as a file's content; see :func:`write_photo`."""
    file = BytesIO()
    write_photo(file, rgb, photo, format=format, quality=quality, provenance=provenance, badge=badge)
    return file.getvalue()


def write_photo(
    file: BinaryIO,
    rgb: UIntImage,
    photo: Photo,
    *,
    format: str | None = None,  # noqa: A002 - the word that Pillow uses
    quality: int = _QUALITY,
    provenance: bool = True,
    badge: bool = False,
) -> None:
    """Write a photograph's colors with its opacity and metadata.

    JPEG has its chroma at half the resolution (4:2:0): chroma that was made for a picture is
    smooth, the file is a seventh smaller and takes two thirds of the time. Where a format has no
    16 bit the levels are rounded to 8, where it has no opacity the picture is laid on white. What
    a format has no place for is left out: a BMP takes the resolution only, a JPEG's segments end
    at 64 kB.

    Args:
        file: Where to, at its start; it has to be seekable.
        rgb: (H, W, 3) uint8 or uint16, sRGB.
        photo: What was colored.
        format: What :func:`parse_format` takes; by default :func:`output_format` of the source's.
        quality: 1..100, for formats with loss.
        provenance: Whether to add XMP metadata that declares the colors as made by a model.
        badge: Whether to draw a mark into the picture that says so, too.

    Raises:
        OptionError: An unknown format or one that cannot hold the picture, a quality outside its
            range, or colors of another size than the photograph.
        MissingExtraError: HEIF was asked for, and pillow-heif is not installed.
    """
    name = parse_format(format) if format else output_format(photo.format)
    _check(rgb, photo, name, quality)
    alpha = photo.alpha
    if badge:
        rgb, alpha = _badged(rgb, alpha)
    pixels = _pixels_for(name, rgb, alpha)
    metadata = _metadata_for_result(photo.metadata, provenance=provenance)
    if name == "PNG":
        write_png(file, pixels, metadata)
    elif name == "TIFF":
        write_tiff(file, pixels, metadata)
    else:
        if name == "HEIF":
            enable_heif()
        Image.fromarray(pixels).save(file, name, **_options(name, metadata, quality))


def encode_preview(levels: UIntImage, side: int, quality: int = 90) -> bytes:
    """A small JPEG of a picture in gray, to look at.

    Args:
        levels: (H, W) uint8 or uint16, sRGB-encoded.
        side: The most that its long side may have; a smaller picture stays as it is.
        quality: 1..100.
    """
    image = Image.fromarray(_in_8_bits(levels))
    image.thumbnail((side, side), reducing_gap=2.0)
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _check(rgb: UIntImage, photo: Photo, name: str, quality: int) -> None:
    height, width = photo.gray.shape
    if rgb.shape != (height, width, 3):
        raise OptionError(f"colors of shape {rgb.shape} for a picture of {width} x {height} pixels")
    if not 1 <= quality <= 100:
        raise OptionError(f"a quality of {quality}", hint="It runs from 1 to 100.")
    if max(width, height) > _MAX_SIDE.get(name, width + height):
        raise OptionError(
            f"{width} x {height} pixels do not go into {name}", hint="Choose TIFF or PNG."
        )


def _badged(rgb: UIntImage, alpha: UIntImage | None) -> tuple[UIntImage, UIntImage | None]:
    rgb, alpha = rgb.copy(), None if alpha is None else alpha.copy()
    draw_badge(rgb, alpha)
    return rgb, alpha


def _metadata_for_result(metadata: Metadata, *, provenance: bool) -> Metadata:
    return replace(
        metadata,
        icc=Profile(metadata.icc).for_result,
        xmp=xmp.labeled(metadata.xmp) if provenance else metadata.xmp,
    )


def _pixels_for(name: str, rgb: UIntImage, alpha: UIntImage | None) -> UIntImage:
    if name not in _DEEP_FORMATS:
        rgb = _in_8_bits(rgb)
        alpha = None if alpha is None else _in_8_bits(alpha)
    if alpha is None:
        return rgb
    rgba = np.dstack([rgb, alpha])
    if name not in _NO_ALPHA:
        return cast("UIntImage", rgba)
    picture = Image.fromarray(rgba)
    white = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB"))


def _in_8_bits(levels: UIntImage) -> UIntImage:
    if levels.dtype == np.uint8:
        return levels
    return cast("UIntImage", cv2.convertScaleAbs(levels, alpha=1 / 257))


def _options(name: str, metadata: Metadata, quality: int) -> dict[str, Any]:
    """Arguments for Pillow's `save`, which does not know them all for every format."""
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
    cut_up = key == "icc_profile"  # alone goes over several segments
    return cut_up or not isinstance(value, bytes) or len(value) <= _JPEG_SEGMENT


def _jpeg_options(metadata: Metadata) -> dict[str, Any]:
    comment = metadata.text.get("Comment", "").encode()
    iptc = metadata.iptc or b""
    dpi = metadata.dpi and tuple(min(round(value), 65535) for value in metadata.dpi)
    return {
        "subsampling": _CHROMA_HALVED,
        "dpi": dpi,
        "comment": comment if 0 < len(comment) <= _JPEG_SEGMENT else None,
        "extra": _iptc_segment(iptc) if 0 < len(iptc) <= _JPEG_SEGMENT else None,
    }


def _iptc_segment(iptc: bytes) -> bytes:
    """The IPTC record as the one resource in a Photoshop segment (APP13)."""
    resource = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    data = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + struct.pack(">H", len(data) + 2) + data
