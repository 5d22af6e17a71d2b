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


def labels(packet: bytes) -> list[str]:
    root = ElementTree.fromstring(packet.decode())
    return [node.attrib[LABEL] for node in root.iter(f"{RDF}Description") if LABEL in node.attrib]


def test_makes_a_packet_where_there_is_none() -> None:
    packet = xmp.labeled(None)
    assert labels(packet) == [xmp.SOURCE_TYPE]
    assert packet.startswith('<?xpacket begin="\ufeff"'.encode())


def test_keeps_what_a_packet_says() -> None:
    packet = xmp.labeled(PACKET)
    assert labels(packet) == [xmp.SOURCE_TYPE]
    assert "<r:li>Zo\u00eb</r:li>".encode() in packet
    assert b'x:xmptk="a toolkit"' in packet


def test_reads_utf_16_and_padding() -> None:
    packet = xmp.labeled(PACKET.decode().replace("\ufeff", "").encode("utf-16") + bytes(64))
    assert "Zo\u00eb" in packet.decode()
    assert labels(packet) == [xmp.SOURCE_TYPE]


@pytest.mark.parametrize(
    "old",
    [
        b'<r:Description i:DigitalSourceType="digitalCapture" xmlns:i="%s"/>',
        b'<r:Description xmlns:i="%s"><i:DigitalSourceType>x</i:DigitalSourceType></r:Description>',
    ],
)
def test_replaces_an_earlier_label(old: bytes) -> None:
    old %= b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    packet = xmp.labeled(PACKET.replace(b"</r:RDF>", old + b"</r:RDF>"))
    assert labels(packet) == [xmp.SOURCE_TYPE]
    assert packet.count(b"DigitalSourceType") == 1


def test_labelling_twice_is_labelling_once() -> None:
    assert labels(xmp.labeled(xmp.labeled(PACKET))) == [xmp.SOURCE_TYPE]


NESTED = PACKET.replace(b"<r:Seq>", b"<r:Seq>" * 3000).replace(b"</r:Seq>", b"</r:Seq>" * 3000)


@pytest.mark.parametrize("broken", [b"no xml", PACKET[:200], b"<a/>", BOMB, bytes(9), NESTED])
def test_replaces_packets_that_cannot_be_read(broken: bytes) -> None:
    assert xmp.labeled(broken) == xmp.labeled(None)


def test_sets_the_orientation_upright_and_nothing_else() -> None:
    assert xmp.upright(PACKET) == PACKET.replace(b'Orientation="6"', b'Orientation="1"')
