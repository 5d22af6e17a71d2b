from __future__ import annotations

from xml.etree import ElementTree

import pytest

from rechroma.imaging.metadata import extended_xmp, xmp
from tests.support.xmp_packets import packet_with

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


def test_set_upright_sets_orientation_and_keeps_the_rest() -> None:
    packet = xmp.set_upright(PACKET, (30, 40), 6) or b""
    assert b"<tiff:Orientation>1</tiff:Orientation>" in packet
    assert "<r:li>Zo\u00eb</r:li>".encode() in packet


UNTRUE = """<rdf:Description xmlns:g="http://ns.google.com/photos/1.0/camera/" g:MotionPhoto="1"
  g:MotionPhotoVersion="1" g:MicroVideo="1" g:MicroVideoOffset="9" g:SpecialTypeID="keep"/>
<rdf:Description xmlns:c="http://ns.google.com/photos/1.0/container/"
  xmlns:i="http://ns.google.com/photos/1.0/container/item/"><c:Directory><rdf:Seq>
  <rdf:li rdf:parseType="Resource"><c:Item i:Mime="video/mp4" i:Semantic="MotionPhoto"/></rdf:li>
  </rdf:Seq></c:Directory></rdf:Description>
<rdf:Description xmlns:d="http://ns.google.com/photos/1.0/depthmap/" d:Format="RangeLinear"/>
<rdf:Description xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" h:Version="1.0"/>
<rdf:Description xmlns:a="http://ns.apple.com/HDRGainMap/1.0/" a:HDRGainMapVersion="65536"/>
<rdf:Description xmlns:x="http://ns.adobe.com/xap/1.0/" x:Rating="4"><x:Thumbnails><rdf:Alt>
  <rdf:li>abc</rdf:li></rdf:Alt></x:Thumbnails></rdf:Description>
<rdf:Description xmlns:p="http://ns.adobe.com/photoshop/1.0/" p:ColorMode="1" p:City="Ulm"
  p:ICCProfile="Dot Gain 20%"/>"""


def test_what_the_result_has_no_more_is_not_promised() -> None:
    packet = (xmp.set_upright(packet_with(UNTRUE), (40, 30)) or b"").decode()
    for name in (
        *("MotionPhoto", "MicroVideo", "Directory", "Format", "Version", "Thumbnails"),
        *("ColorMode", "ICCProfile"),
    ):
        assert f":{name}" not in packet
    for kept in ("SpecialTypeID>keep<", "Rating>4<", "City>Ulm<"):
        assert kept in packet


def test_line_breaks_of_a_text_stay() -> None:
    packet = PACKET.replace(b'tiff:Orientation="6"', b'dc:source="one&#10;two"')
    root = ElementTree.fromstring((xmp.set_upright(packet, (40, 30)) or b"").decode())
    assert root.findtext(".//{http://purl.org/dc/elements/1.1/}source") == "one\ntwo"


def test_unreadable_packets_are_left_out() -> None:
    assert xmp.set_upright(b"no xml", (40, 30)) is None


def test_extension_is_split_off_and_joined() -> None:
    text = "x" * 70_000
    long = f'<rdf:Description xmlns:d="http://purl.org/dc/elements/1.1/" d:rights="{text}"/>'
    packet = packet_with(long + '<rdf:Description xmlns:d="urn:d" d:short="y"/>')
    main, name, extension = extended_xmp.split(packet, 60_000)
    assert b"short>y<" in main
    assert b"rights" not in main
    assert len(main) <= 60_000
    joined = extended_xmp.join(main, {name: extension})
    assert text.encode() in joined
    assert b"short>y<" in joined
    assert b"HasExtendedXMP" not in joined
    assert extended_xmp.join(main, {name: extension[:-1]}) == main
    assert extended_xmp.join(main, {}) == main
