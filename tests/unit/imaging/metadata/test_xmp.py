from __future__ import annotations

from xml.etree import ElementTree

import pytest

from rechroma.imaging.metadata import xmp

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
LABEL = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="a toolkit">
 <r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <r:Description r:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6">
   <dc:creator><r:Seq><r:li>Zo\u00eb</r:li></r:Seq></dc:creator>
  </r:Description>
 </r:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()
BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>"""


def notes(packet: bytes) -> list[str]:
    root = ElementTree.fromstring(packet.decode())
    return [node.attrib[LABEL] for node in root.iter(f"{RDF}Description") if LABEL in node.attrib]


def test_with_provenance_makes_a_missing_packet() -> None:
    packet = xmp.with_provenance(None)
    assert notes(packet) == [xmp.SOURCE_TYPE]
    assert packet.startswith('<?xpacket begin="\ufeff"'.encode())


def test_with_provenance_keeps_the_rest_of_a_packet() -> None:
    packet = xmp.with_provenance(PACKET)
    assert notes(packet) == [xmp.SOURCE_TYPE]
    assert "<r:li>Zo\u00eb</r:li>".encode() in packet
    assert b'x:xmptk="a toolkit"' in packet


def test_with_provenance_reads_utf_16_and_padding() -> None:
    packet = xmp.with_provenance(PACKET.decode().replace("\ufeff", "").encode("utf-16") + bytes(64))
    assert "Zo\u00eb" in packet.decode()
    assert notes(packet) == [xmp.SOURCE_TYPE]


@pytest.mark.parametrize(
    "old",
    [
        b'<r:Description i:DigitalSourceType="digitalCapture" xmlns:i="%s"/>',
        b'<r:Description xmlns:i="%s"><i:DigitalSourceType>x</i:DigitalSourceType></r:Description>',
    ],
)
def test_with_provenance_replaces_an_earlier_note(old: bytes) -> None:
    old %= b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    packet = xmp.with_provenance(PACKET.replace(b"</r:RDF>", old + b"</r:RDF>"))
    assert notes(packet) == [xmp.SOURCE_TYPE]
    assert packet.count(b"DigitalSourceType") == 1


def test_with_provenance_is_idempotent() -> None:
    assert notes(xmp.with_provenance(xmp.with_provenance(PACKET))) == [xmp.SOURCE_TYPE]


NESTED = PACKET.replace(b"<r:Seq>", b"<r:Seq>" * 3000).replace(b"</r:Seq>", b"</r:Seq>" * 3000)


@pytest.mark.parametrize("broken", [b"no xml", PACKET[:200], b"<a/>", BOMB, bytes(9), NESTED])
def test_with_provenance_replaces_unreadable_packets(broken: bytes) -> None:
    assert xmp.with_provenance(broken) == xmp.with_provenance(None)


def test_reset_orientation_changes_nothing_else() -> None:
    assert xmp.reset_orientation(PACKET) == PACKET.replace(b'Orientation="6"', b'Orientation="1"')
