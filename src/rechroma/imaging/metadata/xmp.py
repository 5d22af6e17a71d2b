"""The XMP packet: the label that says a model made the colors.

The label is IPTC's `DigitalSourceType`. Search engines and picture agencies read it, nobody sees
it in the picture.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING
from xml.dom import minidom
from xml.parsers.expat import ExpatError

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NAME = "DigitalSourceType"
_UTF_16 = (BOM_UTF16_BE, BOM_UTF16_LE)
_LARGEST = 4 << 20  # bytes; parsing takes some fifty times the memory
_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>))\d")
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>'
    '<?xpacket end="w"?>'
).encode()


def upright(xmp: bytes) -> bytes:
    """Say in a packet that the picture stands upright; nothing else in it changes."""
    return _ORIENTATION.sub(rb"\g<1>1", xmp)


def labeled(xmp: bytes | None) -> bytes:
    """Add the label to a packet, or make a new packet for it.

    A packet has only room for the label if it can be parsed. One that is not well-formed XML,
    declares a document type (the way to entity bombs, and not allowed in XMP) or is huge is
    replaced: an honest label is worth more than data no program can read.

    Args:
        xmp: The source's packet, or None.

    Returns:
        A packet in UTF-8.
    """
    empty = minidom.parseString(_EMPTY)
    try:
        return _with_label((_parsed(xmp) if xmp else None) or empty)
    except RecursionError:  # it nests too deeply to be written again
        return _with_label(empty)


def _with_label(document: minidom.Document) -> bytes:
    (rdf, *_) = document.getElementsByTagNameNS(_RDF, "RDF")
    for old in list(_descriptions(rdf)):
        _remove_label(old)
    rdf.appendChild(_label(document, rdf.prefix))
    return "".join(node.toxml() for node in document.childNodes).encode()


def _parsed(xmp: bytes) -> minidom.Document | None:
    if len(xmp) > _LARGEST:
        return None
    try:
        text = xmp.decode("utf-16" if xmp.startswith(_UTF_16) else "utf-8").strip("\0\ufeff \t\r\n")
        document = None if "<!DOCTYPE" in text else minidom.parseString(text)
    except (ExpatError, ValueError):
        return None
    return document if document and document.getElementsByTagNameNS(_RDF, "RDF") else None


def _descriptions(rdf: minidom.Element) -> Iterator[minidom.Element]:
    yield from rdf.getElementsByTagNameNS(_RDF, "Description")


def _remove_label(description: minidom.Element) -> None:
    if description.hasAttributeNS(_IPTC, _NAME):
        description.removeAttributeNS(_IPTC, _NAME)
    for node in description.getElementsByTagNameNS(_IPTC, _NAME):
        if node.parentNode:
            node.parentNode.removeChild(node)


def _label(document: minidom.Document, prefix: str | None) -> minidom.Element:
    rdf = f"{prefix}:" if prefix else ""
    description = document.createElementNS(_RDF, f"{rdf}Description")
    description.setAttribute("xmlns:Iptc4xmpExt", _IPTC)
    if prefix:
        description.setAttributeNS(_RDF, f"{rdf}about", "")
    description.setAttributeNS(_IPTC, f"Iptc4xmpExt:{_NAME}", SOURCE_TYPE)
    return description
