"""Metadata extraction from decoded images, into one representation for all formats.

Metadata must never cost a photograph: a part that cannot be read is left out, and so is one of
which Pillow warns when warnings are errors.
"""

from __future__ import annotations

import math
from functools import partial
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

from PIL import TiffImagePlugin
from PIL.Image import Exif

from rechroma.imaging.metadata import exif, xmp
from rechroma.imaging.metadata.color_space import adobe_rgb, heif_color_space, png_color_space
from rechroma.imaging.metadata.embedded import (
    Embedded,
    read_embedded,
    read_raw_profiles,
    read_segments,
)
from rechroma.imaging.metadata.icc import Profile
from rechroma.imaging.metadata.orientation import turn_extent
from rechroma.imaging.photo import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from PIL.Image import Image

_Part = TypeVar("_Part")

_ORIENTATION_TAG, _RESOLUTION_UNIT_TAG, _RESOLUTION_TAGS = 0x0112, 0x0128, (0x011A, 0x011B)
_JFIF_UNITS = (1, 2)  # per inch, per centimeter
_NO_DPI = 1  # Pillow's number for a TIFF without a resolution
_MAX_DPI = 1e5  # far above any scanner; more is damage, and does not fit every format
PNG_XMP = "XML:com.adobe.xmp"
_NOT_TEXT = (PNG_XMP, "Raw profile type ")  # keywords of PNG text that holds something else


class Before(NamedTuple):
    """What has to be read before the pixels are decoded.

    Attributes:
        embedded: What the file embeds, where Pillow does not hand it out.
        orientation: EXIF's orientation of a TIFF, which Pillow may turn upright.
        icc: The ICC profile of the colors, embedded or otherwise stated; None for sRGB.
    """

    embedded: Embedded
    orientation: int
    icc: bytes | None


def read_before(image: Image) -> Before:
    """Read what has to be read before the pixels of an opened image are decoded."""
    embedded = _try(lambda: read_embedded(image)) or Embedded()
    is_tiff = isinstance(image, TiffImagePlugin.TiffImageFile)
    icc = _try(lambda: _stated_profile(image, embedded))
    return Before(
        embedded=embedded,
        orientation=read_orientation(image) if is_tiff else 1,
        icc=icc or _as_bytes(image.info.get("icc_profile")),
    )


def _stated_profile(image: Image, embedded: Embedded) -> bytes | None:
    """Build a profile of the color space that a file states instead of an embedded profile."""
    file: IO[bytes] | None = getattr(image, "fp", None)
    if image.format == "PNG":
        return png_color_space(image.info, file)
    if image.format in ("AVIF", "HEIF") and file and not image.info.get("icc_profile"):
        position = file.tell()
        try:
            return heif_color_space(file)
        finally:
            file.seek(position)
    block = image.info.get("exif") or embedded.exif
    if block and not image.info.get("icc_profile") and exif.is_adobe_rgb(block):
        return adobe_rgb()
    return None


def read_orientation(image: Image, before: Before | None = None) -> int:
    """Read the orientation that EXIF states of the pixels: 1 (upright) to 8.

    Args:
        image: A decoded image.
        before: What was read before decoding.

    Returns:
        1 if it is missing or invalid, or Pillow has turned a TIFF upright already.
    """
    value: int | None = _try(lambda: image.getexif().get(_ORIENTATION_TAG))
    if value is None and not isinstance(image, TiffImagePlugin.TiffImageFile):
        value = _try(lambda: _tags_of(_raw_profiles(image).exif)[_ORIENTATION_TAG])
        block = before.embedded.exif if before else None
        value = value or _try(lambda: _tags_of(block)[_ORIENTATION_TAG])
    return value if value is not None and value in range(1, 9) else 1


def _tags_of(block: bytes | None) -> Exif:
    tags = Exif()
    tags.load(exif.PREFIX + block.removeprefix(exif.PREFIX) if block else b"")
    return tags


def read_metadata(
    image: Image, size: tuple[int, int], before: Before, *, as_stored: bool = False
) -> Metadata:
    """Read the metadata that the result keeps.

    Args:
        image: A decoded image; some metadata comes after the pixels.
        size: Width and height of the upright image.
        before: What was read before decoding.
        as_stored: Whether the result is not turned upright; pass the stored size.
    """
    info = image.info
    orientation = max(
        before.orientation, read_orientation(image, before)
    )  # one is 1, or both are equal
    orientation = 1 if as_stored else orientation
    parts = before.embedded, _try(lambda: read_segments(image)), _try(lambda: _raw_profiles(image))
    found = [each for each in parts if each]
    block = info.get("exif") or _first(each.exif for each in found)
    block = block or _try(lambda: exif.pack_block(image.getexif()))
    packet = _first(each.xmp for each in found) or _as_bytes(info.get("xmp") or info.get(PNG_XMP))
    set_exif = partial(exif.set_upright, size=size, orientation=orientation, as_stored=as_stored)
    set_xmp = partial(xmp.set_upright, size=size, orientation=orientation, as_stored=as_stored)
    kept_exif = _try(lambda: set_exif(block)) if block else None
    if as_stored and block and not kept_exif:  # viewers that can parse it turn the result, too
        kept_exif = block.removeprefix(exif.PREFIX)
    kept_xmp = _try(lambda: set_xmp(packet)) if packet else None
    is_torn = "icc_profile" in info and not info["icc_profile"]  # a segment of it is missing
    unreadable = {
        "EXIF": bool(block) and block != exif.PREFIX and not kept_exif,
        "XMP": bool(packet) and not kept_xmp,
        "ICC profile": is_torn or Profile(before.icc).is_broken,
    }
    damaged = dict.fromkeys(kind for each in found for kind in each.unreadable)
    return Metadata(
        exif=kept_exif,
        icc=before.icc,
        xmp=kept_xmp,
        iptc=_first(each.iptc for each in found),
        dpi=_try(lambda: _dpi(image, block, orientation)),
        text=_try(lambda: _text(image)) or {},
        comments=_comments(image),
        compressed=info.get("compression") != "raw",
        unreadable=tuple(kind for kind, is_lost in unreadable.items() if is_lost or kind in damaged)
        + tuple(kind for kind in damaged if kind not in unreadable),
    )


def _first(parts: Iterator[bytes | None]) -> bytes | None:
    return next((part for part in parts if part), None)


def _raw_profiles(image: Image) -> Embedded:
    return read_raw_profiles(getattr(image, "text", {}))


def _try(read: Callable[[], _Part]) -> _Part | None:
    try:
        return read()
    except Exception:  # broken metadata makes Pillow's parsers raise nearly anything
        return None


def _dpi(image: Image, block: bytes | None, orientation: int) -> tuple[float, float] | None:
    dpi = _try(lambda: image.info["dpi"])
    is_jpeg = image.format in ("JPEG", "MPO")
    if dpi is None or (is_jpeg and image.info.get("jfif_unit") not in _JFIF_UNITS):
        tags = _tags_of(block)  # Pillow makes up 72
        factor = {2: 1, 3: 2.54}[tags.get(_RESOLUTION_UNIT_TAG, 2)]
        dpi = [tags[tag] * factor for tag in _RESOLUTION_TAGS]
    across, down = (float(value) for value in dpi)
    if not all(math.isfinite(value) and _NO_DPI < value < _MAX_DPI for value in (across, down)):
        return None
    return turn_extent((across, down), orientation)


def _text(image: Image) -> dict[str, str]:
    text: Mapping[str, str] = getattr(image, "text", {})
    return {key: str(value) for key, value in text.items() if not key.startswith(_NOT_TEXT)}


def _comments(image: Image) -> tuple[bytes, ...]:
    segments: list[tuple[str, bytes]] = getattr(image, "applist", [])
    comments = [content for name, content in segments if name == "COM"]
    if not comments:
        comments = [_as_bytes(image.info.get("comment")) or b""]
    return tuple(each for each in comments if each)


def _as_bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) and value else None
