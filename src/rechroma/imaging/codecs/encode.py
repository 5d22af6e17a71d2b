"""Encoding of colors to a file with the source's format, bit depth, metadata and alpha."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import cv2
import numpy as np
from PIL import Image, ImageDraw

from rechroma.color.lab import from_float, to_float
from rechroma.color.ycbcr import YcbcrTable
from rechroma.errors import OptionError
from rechroma.imaging.codecs.formats import enable_heif, output_format, parse_format
from rechroma.imaging.codecs.jp2 import write_jp2
from rechroma.imaging.codecs.jpeg_parts import (
    APP1,
    APP13,
    COMMENT,
    MAX_CONTENT,
    Segment,
    pack_segments,
    read_parts,
)
from rechroma.imaging.codecs.jpeg_strips import encode_strip, join_strips, strip_rows
from rechroma.imaging.codecs.png_tiff import write_png, write_tiff
from rechroma.imaging.metadata import exif, extended_xmp, iptc, xmp
from rechroma.imaging.metadata.embedded import extension_segments
from rechroma.imaging.metadata.icc import Profile
from rechroma.imaging.upsample import ChromaUpsampler
from rechroma.options import OPTIONS, check_int

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rechroma.color.lab import Float
    from rechroma.imaging.photo import Metadata, Photo, UIntImage

_QUALITY = OPTIONS["quality"].default
_OWN_WRITERS = {"PNG": write_png, "TIFF": write_tiff}
_DEEP = (*_OWN_WRITERS, "JPEG2000")  # with 16 bits
_NO_ALPHA = ("JPEG", "BMP")
_MAX_SIDE = {
    "JPEG": 65500,
    "PNG": 1_000_000,
    "WEBP": 16383,
    "AVIF": 65536,
}  # limits of the encoders
_MIN_SIDE = {"JPEG2000": 32}  # OpenCV's encoder halves the image five times
_JPEG_SEGMENT = MAX_CONTENT - 40  # bytes, less what precedes XMP and IPTC
_SUBSAMPLING_420 = 2  # Pillow's number
_TEMPLATE_SIDE = 8  # pixels
_BADGE_SIZE = 0.045  # of the short side
_MIN_BADGE_SIDE = 12  # pixels
_BADGE_MARGIN = 0.4  # of the disc's side
_SUPERSAMPLING = 8  # for smooth edges
_HUES = ("#d9534f", "#e39b3c", "#e8d44d", "#5fae57", "#4a86c5", "#8a63b5")
_GRAYS = ("#3a3a3a", "#6e6e6e", "#a8a8a8")


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
    threads: int = 1,
) -> None:
    """Write a photograph's colors with its alpha channel and metadata.

    JPEG chroma is subsampled (4:2:0): generated chroma is smooth, and the file is a seventh smaller
    and takes two thirds of the time. JPEG 2000 is written without loss. A format without 16 bits
    gets the colors rounded to 8, one without alpha gets them composited on white. Metadata that a
    format cannot hold is left out (docs/metadata.md): a BMP keeps the resolution only, a JPEG 2000
    EXIF, XMP and IPTC, and EXIF in a JPEG ends at 64 kB.

    Args:
        file: The target, at its start, or a TIFF to add a page to; it must be seekable, and
            readable in the second case.
        rgb: (H, W, 3) uint8 or uint16, sRGB.
        photo: The source photograph.
        format: Name of the format, see :func:`parse_format`; by default that of
            :func:`output_format` for the source's.
        quality: 1..100, for lossy formats.
        provenance: Whether to note in the XMP that a model generated the colors.
        badge: Whether to draw a visible mark that states the same.
        threads: Number of threads that can compress a PNG or TIFF.

    Raises:
        OptionError: An unknown format or one that cannot hold the image, a quality out of range,
            or colors of another size than the photograph.
        MissingExtraError: HEIF was requested, and pillow-heif is not installed.
    """
    name = parse_format(format) if format else output_format(photo.format)
    _check(rgb.shape, photo, name, quality)
    alpha = photo.alpha
    if badge:
        rgb, alpha = rgb.copy(), None if alpha is None else alpha.copy()
        draw_badge(rgb, alpha)
    pixels = _pixels_for(name, rgb, alpha)
    icc = Profile(photo.metadata.icc).output_profile
    metadata = label(photo.metadata, icc, provenance=provenance)
    if name in _OWN_WRITERS:
        _OWN_WRITERS[name](file, pixels, metadata, threads)
    elif name == "JPEG2000":
        write_jp2(file, pixels, metadata)
    else:
        if name == "HEIF":
            enable_heif()
        Image.fromarray(pixels).save(file, name, **_save_options(name, metadata, quality))


def can_write_subsampled(
    photo: Photo,
    chroma: Float,
    format: str,  # noqa: A002 - Pillow's word for it
    *,
    badge: bool = False,
) -> bool:
    """Return whether :func:`write_subsampled` takes the place of :func:`write_photo`.

    That is for JPEGs of 8 bits without alpha and badge, whose chroma map (h, w, 2) has no more
    detail than chroma of half the size can show.
    """
    is_plain = photo.gray.dtype == np.uint8 and photo.alpha is None and not badge
    is_smooth = all(2 * n <= side for n, side in zip(chroma.shape, photo.gray.shape, strict=False))
    return format == "JPEG" and is_plain and is_smooth


def write_subsampled(
    file: BinaryIO,
    photo: Photo,
    chroma: Float,
    *,
    quality: int = _QUALITY,
    provenance: bool = True,
    threads: int = 1,
) -> None:
    """Write a photograph with chroma as a JPEG, in strips: the colors are never there as a whole.

    Metadata and quality are as :func:`write_photo` writes them, and so are the colors, as far as
    a JPEG with chroma of half the size shows them (:mod:`rechroma.color.ycbcr`).

    Args:
        file: The target, at its start.
        photo: A photograph for which :func:`can_write_subsampled`.
        chroma: (h, w, 2) float32, CIE a* and b* of the whole photograph at any resolution; it is
            upsampled bicubically.
        quality: 1..100.
        provenance: Whether to note in the XMP that a model generated the colors.
        threads: Number of threads that render and encode.

    Raises:
        OptionError: The photograph is too large for a JPEG, or the quality out of range.
    """
    gray = cast("NDArray[np.uint8]", photo.gray)
    height, width = gray.shape
    _check((height, width, 3), photo, "JPEG", quality)
    icc = Profile(photo.metadata.icc).output_profile
    metadata = label(photo.metadata, icc, provenance=provenance)
    template = read_parts(encode_jpeg_template(metadata, quality))
    table = YcbcrTable(chroma)
    upsampler = ChromaUpsampler(table.steps, gray.shape, block=2)
    step = strip_rows(width)

    def encode(top: int) -> bytes:
        half = slice(top // 2, (min(top + step, height) + 1) // 2)
        planes = table.render(gray[top : top + step], upsampler.strip(half))
        return encode_strip(planes, quality)

    with ThreadPoolExecutor(threads) as pool:
        strips = pool.map(encode, range(0, height, step))
        file.writelines(join_strips(strips, (height, width), template.metadata))


def label(metadata: Metadata, icc: bytes | None, *, provenance: bool) -> Metadata:
    """Return the metadata of a result.

    Args:
        metadata: That of the photograph.
        icc: The profile of the result.
        provenance: Whether to note in the XMP that a model generated the colors.
    """
    packet = xmp.with_provenance(metadata.xmp) if provenance else metadata.xmp
    return replace(metadata, icc=icc, xmp=packet)


def encode_jpeg_template(metadata: Metadata, quality: int) -> bytes:
    """Encode a tiny JPEG with metadata, and with the quantization tables of a quality."""
    file = BytesIO()
    image = Image.new("RGB", (_TEMPLATE_SIDE, _TEMPLATE_SIDE))
    image.save(file, "JPEG", **_save_options("JPEG", metadata, quality))
    return file.getvalue()


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


def _check(shape: tuple[int, ...], photo: Photo, name: str, quality: int) -> None:
    height, width = photo.gray.shape
    if shape != (height, width, 3):
        raise OptionError(f"colors of shape {shape} for an image of {width} x {height} pixels")
    check_int("quality", quality, 1, 100)
    if max(width, height) > _MAX_SIDE.get(name, width + height):
        raise OptionError(
            f"{width} x {height} pixels are too large for {name}",
            hint="Choose TIFF." if name == "PNG" else "Choose TIFF or PNG.",
        )
    if min(width, height) < _MIN_SIDE.get(name, 0):
        raise OptionError(
            f"{width} x {height} pixels are too small for {name}", hint="Choose TIFF or PNG."
        )


def _pixels_for(name: str, rgb: UIntImage, alpha: UIntImage | None) -> UIntImage:
    if name not in _DEEP:
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
    if name == "WEBP" and metadata.lossless:
        options |= {"lossless": True, "exact": True}  # the quality is the effort now
    if name == "JPEG":
        segments = _segments(metadata)
        options["xmp"], extension = _fit_xmp(metadata.xmp)
        if options["exif"] and len(options["exif"]) > MAX_CONTENT:
            options["exif"] = None
        options |= {
            "subsampling": _SUBSAMPLING_420,
            "dpi": metadata.dpi and tuple(min(round(value), 65535) for value in metadata.dpi),
            "extra": pack_segments((*segments, *extension)) or None,
        }
    return {key: value for key, value in options.items() if value is not None}


def _segments(metadata: Metadata) -> Iterator[Segment]:
    """Yield the segments of a JPEG with IPTC and comments."""
    for content in iptc.segments_with(metadata.iptc, _JPEG_SEGMENT) if metadata.iptc else ():
        yield Segment(APP13, content)
    texts = metadata.text.items()
    named = [text if name == "Comment" else f"{name}: {text}" for name, text in texts]
    for comment in (*metadata.comments, *(text.encode() for text in named)):
        for at in range(0, len(comment), _JPEG_SEGMENT):
            yield Segment(COMMENT, comment[at : at + _JPEG_SEGMENT])


def _fit_xmp(xmp: bytes | None) -> tuple[bytes | None, list[Segment]]:
    """Return the XMP packet for a JPEG, and the segments of what does not fit into its segment."""
    if not xmp or len(xmp) <= _JPEG_SEGMENT:
        return xmp, []
    main, name, extension = extended_xmp.split(xmp, _JPEG_SEGMENT)
    contents = extension_segments(name, extension, _JPEG_SEGMENT)
    return main or None, [Segment(APP1, content) for content in contents]


def draw_badge(rgb: UIntImage, alpha: UIntImage | None = None) -> None:
    """Draw the badge into the lower right corner, cropped if the image is too small for it.

    Args:
        rgb: (H, W, 3) uint8 or uint16, sRGB; modified in place.
        alpha: (H, W) of the same type: becomes opaque under the badge.
    """
    height, width = rgb.shape[:2]
    side = max(_MIN_BADGE_SIDE, round(_BADGE_SIZE * min(height, width)))
    disc = to_float(_disc(side))
    margin = round(_BADGE_MARGIN * side)
    top, left = max(height - margin - side, 0), max(width - margin - side, 0)
    area = (slice(top, top + side), slice(left, left + side))
    patch = rgb[area]
    disc = disc[: patch.shape[0], : patch.shape[1]]
    cover = disc[..., 3:]
    patch[:] = from_float(to_float(patch) * (1 - cover) + disc[..., :3] * cover, rgb.dtype)
    if alpha is not None:
        np.maximum(alpha[area], from_float(cover[..., 0], alpha.dtype), out=alpha[area])


@cache
def _disc(side: int) -> NDArray[np.uint8]:
    """Draw the badge as RGBA, (side, side, 4)."""
    large = side * _SUPERSAMPLING
    image = Image.new("RGBA", (large, large), "#ffffff00")
    draw = ImageDraw.Draw(image)
    draw.ellipse((0, 0, large - 1, large - 1), "white")
    inner = (large * 0.1, large * 0.1, large * 0.9, large * 0.9)
    for sectors, start in ((_HUES, -90), (_GRAYS, 90)):
        angle = 180 / len(sectors)
        for number, color in enumerate(sectors):
            draw.pieslice(inner, start + number * angle, start + (number + 1) * angle, color)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))
