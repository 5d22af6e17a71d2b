"""Takes the metadata out of a decoded picture, each part in one form whatever the format.

Nothing here may cost a photograph: a part that cannot be read is left out, and so is one of which
Pillow warns where warnings are errors.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from rechroma.imaging.metadata import exif, xmp
from rechroma.imaging.photo import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PIL.Image import Image

_Part = TypeVar("_Part")

_ORIENTATION_TAG = 0x0112
_IPTC_RESOURCE = 0x0404  # among Photoshop's image resources in a JPEG
_NO_DPI = 1  # Pillow's number for a TIFF that gives no resolution
_MAX_DPI = 1e5  # no scanner comes near; more is damage, and does not fit into every format
_PNG_XMP = "XML:com.adobe.xmp"
_NOT_TEXT = (_PNG_XMP, "Raw profile type ")  # PNG text that holds something else


def orientation_of(image: Image) -> int:
    """How the picture has to be turned: EXIF's 1 (upright) to 8."""
    value = _tolerant(lambda: int(image.getexif().get(_ORIENTATION_TAG, 1))) or 1
    return value if value in range(1, 9) else 1


def metadata_of(image: Image, size: tuple[int, int], *, swapped: bool = False) -> Metadata:
    """Gather what has to survive.

    Args:
        image: Decoded, because some parts stand behind the pixels.
        size: Width and height of the upright picture.
        swapped: Whether turning it upright swaps the axes.
    """
    info = image.info
    packet = _as_bytes(info.get("xmp") or info.get(_PNG_XMP))
    return Metadata(
        exif=_tolerant(lambda: _exif(image, size)),
        icc=_as_bytes(info.get("icc_profile")),
        xmp=xmp.upright(packet) if packet else None,
        iptc=_tolerant(lambda: _iptc(image)),
        dpi=_tolerant(lambda: _dpi(info, swapped)),
        text=_tolerant(lambda: _text(image)) or {},
        compressed=info.get("compression") != "raw",
    )


def _tolerant(read: Callable[[], _Part]) -> _Part | None:
    try:
        return read()
    except Exception:  # broken metadata makes Pillow's parsers raise nearly anything
        return None


def _exif(image: Image, size: tuple[int, int]) -> bytes | None:
    data = image.info.get("exif") or exif.block(image.getexif())
    return exif.upright(data, size) if data else None


def _iptc(image: Image) -> bytes | None:
    tags = getattr(image, "tag_v2", {})
    resources: Mapping[int, Any] = image.info.get("photoshop", {})
    return _as_bytes(tags.get(exif.IPTC_TAG) or resources.get(_IPTC_RESOURCE))


def _dpi(info: Mapping[Any, Any], swapped: bool) -> tuple[float, float] | None:
    across, down = (float(value) for value in info["dpi"])
    if not all(math.isfinite(value) and _NO_DPI < value < _MAX_DPI for value in (across, down)):
        return None
    return (down, across) if swapped else (across, down)


def _text(image: Image) -> dict[str, str]:
    found: dict[str, Any] = dict(getattr(image, "text", {}))
    if "comment" in image.info:
        found["Comment"] = image.info["comment"]
    return {key: _as_text(value) for key, value in found.items() if not key.startswith(_NOT_TEXT)}


def _as_text(value: str | bytes) -> str:
    if isinstance(value, str):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _as_bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) and value else None
