"""XMP packets, and the provenance note that a model generated the colors.

The note is IPTC's `DigitalSourceType`. Search engines and photo agencies read it; it is not visible
in the image.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from xml.dom import minidom
from xml.parsers.expat import ExpatError

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NAME = "DigitalSourceType"
_UTF_16 = (BOM_UTF16_BE, BOM_UTF16_LE)
_MAX_BYTES = 4 << 20  # parsing takes about fifty times the memory
_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>))\d")
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>'
    '<?xpacket end="w"?>'
).encode()


def reset_orientation(xmp: bytes) -> bytes:
    """Set a packet's orientation to upright; nothing else in it changes."""
    return _ORIENTATION.sub(rb"\g<1>1", xmp)


def with_provenance(xmp: bytes | None) -> bytes:
    """Add the provenance note to a packet, or to a new packet if there is none.

    The note needs a packet that can be parsed. One that is not well-formed XML, declares a document
    type (the way to entity bombs, and not allowed in XMP) or is huge is replaced: an honest note is
    worth more than data that no program can read.

    Args:
        xmp: The source's packet, or None.

    Returns:
        A packet in UTF-8.
    """
    empty = minidom.parseString(_EMPTY)
    try:
        return _add_note((_parse(xmp) if xmp else None) or empty)
    except RecursionError:  # it nests too deeply to be serialized
        return _add_note(empty)


def _add_note(document: minidom.Document) -> bytes:
    (rdf, *_) = document.getElementsByTagNameNS(_RDF, "RDF")
    for description in list(rdf.getElementsByTagNameNS(_RDF, "Description")):
        if description.hasAttributeNS(_IPTC, _NAME):
            description.removeAttributeNS(_IPTC, _NAME)
        for node in description.getElementsByTagNameNS(_IPTC, _NAME):
            if node.parentNode:
                node.parentNode.removeChild(node)
    prefix = f"{rdf.prefix}:" if rdf.prefix else ""
    description = document.createElementNS(_RDF, f"{prefix}Description")
    description.setAttribute("xmlns:Iptc4xmpExt", _IPTC)
    if prefix:
        description.setAttributeNS(_RDF, f"{prefix}about", "")
    description.setAttributeNS(_IPTC, f"Iptc4xmpExt:{_NAME}", SOURCE_TYPE)
    rdf.appendChild(description)
    return "".join(node.toxml() for node in document.childNodes).encode()


def _parse(xmp: bytes) -> minidom.Document | None:
    if len(xmp) > _MAX_BYTES:
        return None
    try:
        text = xmp.decode("utf-16" if xmp.startswith(_UTF_16) else "utf-8").strip("\0\ufeff \t\r\n")
        document = None if "<!DOCTYPE" in text else minidom.parseString(text)
    except (ExpatError, ValueError):
        return None
    return document if document and document.getElementsByTagNameNS(_RDF, "RDF") else None
