"""Regions in XMP, such as faces with names, turned with the picture.

Those of the Metadata Working Group (also as ACDSee writes them), of Microsoft, of IPTC, and EXIF's
main subject are known. Their coordinates are those of the stored image, before EXIF's orientation,
unless they state the dimensions of the upright one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rechroma.imaging.metadata import packet
from rechroma.imaging.metadata.orientation import turn_box, turn_extent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.dom.minidom import Document, Element

    Size = tuple[float, float]

_LISTS = (  # namespaces of regions, their dimensions, and an area
    (
        "http://www.metadataworkinggroup.com/schemas/regions/",
        "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
        "http://ns.adobe.com/xmp/sType/Area#",
    ),
    (
        "http://ns.acdsee.com/regions/",
        "http://ns.acdsee.com/sType/Dimensions#",
        "http://ns.acdsee.com/sType/Area#",
    ),
)
_MICROSOFT = "http://ns.microsoft.com/photo/1.2/t/Region#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_PIXEL = "pixel"


def turn(document: Document, size: tuple[int, int], orientation: int) -> None:
    """Turn all regions of a packet upright; one that is damaged stays as it is.

    Args:
        document: The packet, of :func:`rechroma.imaging.metadata.packet.parse`.
        size: Width and height of the upright image.
        orientation: EXIF's orientation of the source, 1 to 8.
    """
    stored = turn_extent(size, orientation)
    for regions_ns, dimensions_ns, area_ns in _LISTS:
        for regions in document.getElementsByTagNameNS(regions_ns, "Regions"):
            if not _turn_dimensions(regions, dimensions_ns, size, orientation):
                continue
            sides = stored if _text(regions, area_ns, "unit") == _PIXEL else (1, 1)
            _turn_boxes(regions, area_ns, ("x", "y", "w", "h"), sides, orientation)
    for boundary in document.getElementsByTagNameNS(_IPTC, "RegionBoundary"):
        sides = stored if _text(boundary, _IPTC, "rbUnit") == _PIXEL else (1, 1)
        names = ("rbX", "rbY", "rbW", "rbH")
        _turn_boxes(boundary, _IPTC, names, sides, orientation, from_corner=True)
        _scale_radius(boundary, stored[0] / size[0] if sides == (1, 1) else 1)
    for rectangle in document.getElementsByTagNameNS(_MICROSOFT, "Rectangle"):
        with suppress(ValueError):
            x, y, width, height = map(float, packet.text_of(rectangle).split(","))
            box = turn_box((x, y, width, height), orientation, from_corner=True)
            packet.set_text(rectangle, ", ".join(map(_format, box)))
    for name in ("SubjectArea", "SubjectLocation"):
        for subject in document.getElementsByTagNameNS(_EXIF, name):
            _turn_box(subject.getElementsByTagNameNS(packet.RDF, "li"), stored, orientation)


def _turn_dimensions(regions: Element, namespace: str, size: Size, orientation: int) -> bool:
    """Turn the dimensions that regions apply to; False if they are those of the upright image."""
    sides = [regions.getElementsByTagNameNS(namespace, name)[:1] for name in ("w", "h")]
    if not all(sides):
        return True
    (across,), (down,) = sides
    with suppress(ValueError):
        width, height = float(packet.text_of(across)), float(packet.text_of(down))
        if orientation > 4 and size[0] != size[1] and (width > height) == (size[0] > size[1]):
            return False
        width, height = turn_extent((width, height), orientation)
        packet.set_text(across, _format(width))
        packet.set_text(down, _format(height))
    return True


def _turn_boxes(
    root: Element,
    namespace: str,
    names: Sequence[str],
    sides: Size,
    orientation: int,
    *,
    from_corner: bool = False,
) -> None:
    for place in root.getElementsByTagNameNS(namespace, names[0]):
        around = packet.children(place.parentNode) if place.parentNode else []
        found = {each.localName: each for each in around if each.namespaceURI == namespace}
        parts = [found[name] for name in names if name in found]
        _turn_box(parts, sides, orientation, from_corner=from_corner)


def _turn_box(
    parts: Sequence[Element], sides: Size, orientation: int, *, from_corner: bool = False
) -> None:
    """Turn a place, with a size if there are four parts; a third alone stays as it is."""
    if len(parts) < 2:
        return
    parts = parts if len(parts) == 4 else parts[:2]
    with suppress(ValueError):
        numbers = [float(packet.text_of(part)) for part in parts] + [0.0, 0.0]
        scale = (*sides, *sides)
        x, y, width, height = (a / b for a, b in zip(numbers, scale, strict=False))
        box = turn_box((x, y, width, height), orientation, from_corner=from_corner)
        upright = turn_extent(sides, orientation)
        for part, number, side in zip(parts, box, (*upright, *upright), strict=False):
            packet.set_text(part, _format(number * side))


def _scale_radius(boundary: Element, factor: float) -> None:
    """Scale the radius of a circle, which is a fraction of the width."""
    for radius in boundary.getElementsByTagNameNS(_IPTC, "rbRx"):
        with suppress(ValueError):
            packet.set_text(radius, _format(float(packet.text_of(radius)) * factor))


def _text(root: Element, namespace: str, name: str) -> str:
    return "".join(packet.text_of(e) for e in root.getElementsByTagNameNS(namespace, name)[:1])


def _format(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")
