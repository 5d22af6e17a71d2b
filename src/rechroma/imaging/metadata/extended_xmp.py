"""The extension of an XMP packet: what does not fit into one segment of a JPEG.

As described in part 3 of Adobe's XMP specification. The main packet names its extension by the MD5
digest of the extension's content.
"""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

from rechroma.imaging.metadata import packet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.dom.minidom import Document, Element

_NOTE, _EXTENSION = "http://ns.adobe.com/xmp/note/", "HasExtendedXMP"
_NOTE_BYTES = 300


def join(main: bytes, extensions: Mapping[str, bytes]) -> bytes:
    """Join a main packet with its extension.

    Args:
        main: The main packet.
        extensions: The content of each extension, by the name that its segments have.

    Returns:
        One packet; the main one if its extension is missing or damaged.
    """
    document = packet.parse(main)
    if document is None or not extensions:
        return main
    notes = list(document.getElementsByTagNameNS(_NOTE, _EXTENSION))
    name = "".join(map(packet.text_of, notes)).upper()
    content = extensions.get(name, b"")
    extension = packet.parse(content) if name == _digest(content) else None
    if extension is None:
        return main
    for note in notes:
        packet.remove(note)
    for description in packet.children(packet.rdf_of(extension)):
        packet.move(description, packet.rdf_of(document))
    return packet.serialize(document)


def split(xmp: bytes, limit: int) -> tuple[bytes, str, bytes]:
    """Split a packet that is too large into a main packet and its extension.

    The largest properties go to the extension, since many programs read the main packet only.

    Args:
        xmp: The packet.
        limit: The most bytes that the main packet can have.

    Returns:
        The main packet, the extension's name, and its content. All are empty if a packet cannot be
        split that way.
    """
    document, extension = packet.parse(xmp), packet.create()
    if document is None:
        return b"", "", b""
    properties = [(len(each.toxml().encode()), each) for each in _properties(document)]
    excess = len(packet.serialize(document)) + _NOTE_BYTES - limit
    for size, each in sorted(properties, key=lambda item: -item[0]):
        if excess > 0:
            packet.move(each, packet.add_description(extension))
            excess -= size
    content = packet.serialize(extension)
    note = packet.add_description(document)
    note.setAttribute("xmlns:xmpNote", _NOTE)
    note.setAttributeNS(_NOTE, f"xmpNote:{_EXTENSION}", _digest(content))
    main = packet.serialize(document)
    return (main, _digest(content), content) if len(main) <= limit else (b"", "", b"")


def _properties(document: Document) -> list[Element]:
    descriptions = packet.children(packet.rdf_of(document))
    return [each for description in descriptions for each in packet.children(description)]


def _digest(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest().upper()
