"""XMP packets as XML in one form: properties are elements, where RDF also allows attributes."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING
from xml.dom import minidom
from xml.parsers.expat import ExpatError

if TYPE_CHECKING:
    from collections.abc import Iterator

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_NOT_PROPERTIES = (RDF, _XMLNS, "http://www.w3.org/XML/1998/namespace", None)
_UTF_16 = (BOM_UTF16_BE, BOM_UTF16_LE)
_MAX_BYTES = 4 << 20  # parsing takes about fifty times the memory
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'
    '<?xpacket end="w"?>'
).encode()


def create() -> minidom.Document:
    """Create a packet without properties."""
    return minidom.parseString(_EMPTY)


def parse(xmp: bytes) -> minidom.Document | None:
    """Parse a packet.

    Returns:
        The packet; None if it is not well-formed XML, declares a document type (the way to entity
        bombs, and not allowed in XMP), is huge or nests too deeply to be serialized.
    """
    if len(xmp) > _MAX_BYTES:
        return None
    try:
        text = xmp.decode("utf-16" if xmp.startswith(_UTF_16) else "utf-8").strip("\0\ufeff \t\r\n")
        document = None if "<!DOCTYPE" in text else minidom.parseString(text)
        if document is None or not document.getElementsByTagNameNS(RDF, "RDF"):
            return None
        for element in list(elements(rdf_of(document))):
            _expand(element)
        serialize(document)
    except (ExpatError, ValueError, RecursionError):
        return None
    return document


def serialize(document: minidom.Document) -> bytes:
    """Serialize a packet in UTF-8."""
    return "".join(node.toxml() for node in document.childNodes).encode()


def rdf_of(document: minidom.Document) -> minidom.Element:
    """Return the element that holds the descriptions of a packet."""
    return document.getElementsByTagNameNS(RDF, "RDF")[0]


def elements(root: minidom.Element) -> Iterator[minidom.Element]:
    """Yield an element and all below it."""
    yield root
    yield from root.getElementsByTagName("*")


def children(element: minidom.Node) -> list[minidom.Element]:
    """Return the elements directly below an element."""
    return [node for node in element.childNodes if isinstance(node, minidom.Element)]


def add_description(document: minidom.Document) -> minidom.Element:
    """Append a description to a packet and return it."""
    rdf = rdf_of(document)
    prefix = f"{rdf.prefix}:" if rdf.prefix else ""
    description = document.createElementNS(RDF, f"{prefix}Description")
    if prefix:
        description.setAttributeNS(RDF, f"{prefix}about", "")
    rdf.appendChild(description)
    return description


def set_text(element: minidom.Element, text: str) -> None:
    """Replace the content of an element by text."""
    while element.firstChild:
        element.removeChild(element.firstChild)
    if element.ownerDocument:
        element.appendChild(element.ownerDocument.createTextNode(text))


def text_of(element: minidom.Element) -> str:
    """Return the text of an element and all below it."""
    nodes = [child for each in elements(element) for child in each.childNodes]
    return "".join(node.data for node in nodes if isinstance(node, minidom.Text)).strip()


def remove(element: minidom.Element) -> None:
    """Remove an element from its packet."""
    if element.parentNode:
        element.parentNode.removeChild(element)


def move(element: minidom.Element, target: minidom.Element) -> None:
    """Move an element into another, which may belong to another packet."""
    ancestor = element.parentNode
    while isinstance(ancestor, minidom.Element):
        for attribute in list(ancestor.attributes.values()):
            if attribute.namespaceURI == _XMLNS and not element.hasAttribute(attribute.name):
                element.setAttributeNS(_XMLNS, attribute.name, attribute.value)
        ancestor = ancestor.parentNode
    target.appendChild(element)


def _expand(element: minidom.Element) -> None:
    """Turn the attributes of an element that are properties into elements."""
    attributes = list(element.attributes.values())
    properties = [each for each in attributes if each.namespaceURI not in _NOT_PROPERTIES]
    document = element.ownerDocument
    if not properties or document is None or element.hasAttributeNS(RDF, "resource"):
        return
    if element.namespaceURI != RDF or element.localName != "Description":
        prefix = rdf_of(document).prefix
        element.setAttributeNS(RDF, f"{prefix}:parseType" if prefix else "parseType", "Resource")
    for attribute in properties:
        child = document.createElementNS(attribute.namespaceURI, attribute.name)
        child.appendChild(document.createTextNode(attribute.value))
        element.removeAttributeNode(attribute)
        element.appendChild(child)
