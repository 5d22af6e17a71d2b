"""XMP packets as programs embed them."""

XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="Attic"/>
 </rdf:RDF>
</x:xmpmeta>"""


def packet_with(properties: str) -> bytes:
    """Return a packet with properties, as elements or attributes of other descriptions.

    Args:
        properties: XML with the prefix ``rdf``, which declares any others.
    """
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"{properties}</rdf:RDF></x:xmpmeta>"
    ).encode()
