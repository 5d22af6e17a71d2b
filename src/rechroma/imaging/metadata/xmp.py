"""XMP packets: made true of the result, and the provenance note that a model generated the colors.

The note is IPTC's `DigitalSourceType`. Search engines and photo agencies read it; it is not visible
in the image.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rechroma.imaging.metadata import packet, regions

if TYPE_CHECKING:
    from xml.dom.minidom import Document

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_IPTC, _NAME = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "DigitalSourceType"
_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_GOOGLE = "http://ns.google.com/photos/"
_SRGB = "1"

# Properties that are not true of the result, by namespace and name.
_UNTRUE = re.compile(
    "|".join(
        (
            # a clip, a depth map, a gain map or a thumbnail that the source had
            rf"{_GOOGLE}1\.0/camera/(MotionPhoto|MicroVideo)",
            rf"{_GOOGLE}(1\.0/(container|depthmap|image)|dd/1\.0)/",
            r"http://ns\.adobe\.com/hdr-gain-map/",
            r"http://ns\.apple\.com/(HDRGainMap|HDRToneMap|pixeldatainfo|depthData)/",
            r"http://ns\.adobe\.com/xap/1\.0/Thumbnails$",
            # how it stored its pixels
            rf"{_TIFF}(BitsPerSample|Compression|PhotometricInterpretation|SamplesPerPixel)$",
            rf"{_TIFF}(PlanarConfiguration|YCbCr\w+)$",
            rf"{_EXIF}CompressedBitsPerPixel$",
            r"http://ns\.adobe\.com/photoshop/1\.0/(ICCProfile|ColorMode)$",
        )
    )
)
_SWAPPED = (  # in a picture that was turned on its side
    (_TIFF, "XResolution", "YResolution"),
    (_EXIF, "FocalPlaneXResolution", "FocalPlaneYResolution"),
)


def set_upright(
    xmp: bytes, size: tuple[int, int], orientation: int = 1, *, as_stored: bool = False
) -> bytes | None:
    """Make a packet true of an upright result in sRGB.

    Orientation, size, color space, regions (of faces, say) and what is said across and down are
    set. What the result has no more is removed: a clip, depth, a gain map, a thumbnail, and how the
    source stored its pixels.

    Args:
        xmp: The packet.
        size: Width and height of the upright image.
        orientation: EXIF's orientation of the source, 1 to 8.
        as_stored: Whether the result is not turned, so that the packet's orientation stays; pass
            the stored size, and no other orientation.

    Returns:
        A packet in UTF-8; None if it cannot be parsed or is huge.
    """
    document = packet.parse(xmp)
    if document is None:
        return None
    for element in list(packet.elements(packet.rdf_of(document))):
        if _UNTRUE.match(f"{element.namespaceURI}{element.localName}"):
            packet.remove(element)
    width, height = map(str, size)
    for namespace, name, value in (
        *([] if as_stored else [(_TIFF, "Orientation", "1")]),
        (_TIFF, "ImageWidth", width),
        (_TIFF, "ImageLength", height),
        (_EXIF, "PixelXDimension", width),
        (_EXIF, "PixelYDimension", height),
        (_EXIF, "ColorSpace", _SRGB),
    ):
        for element in document.getElementsByTagNameNS(namespace, name):
            packet.set_text(element, value)
    if orientation > 4:
        _swap(document)
    regions.turn(document, size, orientation)
    return packet.serialize(document)


def with_provenance(xmp: bytes | None) -> bytes:
    """Add the provenance note to a packet, or to a new packet if there is none.

    The note needs a packet that can be parsed. Another one is replaced: an honest note is worth
    more than data that no program can read.

    Args:
        xmp: The source's packet, or None.

    Returns:
        A packet in UTF-8.
    """
    document = (packet.parse(xmp) if xmp else None) or packet.create()
    for element in list(document.getElementsByTagNameNS(_IPTC, _NAME)):
        packet.remove(element)
    description = packet.add_description(document)
    description.setAttribute("xmlns:Iptc4xmpExt", _IPTC)
    description.setAttributeNS(_IPTC, f"Iptc4xmpExt:{_NAME}", SOURCE_TYPE)
    return packet.serialize(document)


def without_provenance(xmp: bytes) -> bytes:
    """Remove the provenance note from a packet, whose colors are gone; others stay as they are."""
    document = packet.parse(xmp) if SOURCE_TYPE.encode() in xmp else None
    if document is None:
        return xmp
    for element in list(document.getElementsByTagNameNS(_IPTC, _NAME)):
        if packet.text_of(element) == SOURCE_TYPE:
            packet.remove(element)
    return packet.serialize(document)


def _swap(document: Document) -> None:
    for namespace, across, down in _SWAPPED:
        pairs = zip(
            document.getElementsByTagNameNS(namespace, across),
            document.getElementsByTagNameNS(namespace, down),
            strict=False,
        )
        for one, other in pairs:
            first, second = packet.text_of(one), packet.text_of(other)
            packet.set_text(one, second)
            packet.set_text(other, first)
