"""Regions of XMP and EXIF that turn with the picture."""

from __future__ import annotations

import struct
from xml.etree import ElementTree

import numpy as np
import pytest

from rechroma.imaging.codecs.decode import apply_orientation
from rechroma.imaging.metadata import exif, xmp
from tests.support.exif_blocks import a_directory
from tests.support.xmp_packets import packet_with

STORED = (40, 20)
PLACE = (0.25, 0.75, 0.1, 0.2)  # center, width and height
MWG = """<rdf:Description xmlns:m="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:d="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
 xmlns:a="http://ns.adobe.com/xmp/sType/Area#"><m:Regions rdf:parseType="Resource">
 <m:AppliedToDimensions d:w="{0}" d:h="{1}" d:unit="pixel"/><m:RegionList><rdf:Bag><rdf:li>
 <rdf:Description m:Name="A"><m:Area a:x="0.25" a:y="0.75" a:w="0.1" a:h="0.2"
 a:unit="normalized"/></rdf:Description></rdf:li></rdf:Bag></m:RegionList></m:Regions>
</rdf:Description>"""
MICROSOFT = """<rdf:Description xmlns:r="http://ns.microsoft.com/photo/1.2/t/Region#"
 r:Rectangle="0.2, 0.65, 0.1, 0.2"/>"""
IPTC = """<rdf:Description xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><i:ImageRegion>
 <rdf:Bag><rdf:li rdf:parseType="Resource"><i:RegionBoundary i:rbShape="rectangle"
 i:rbUnit="pixel" i:rbX="8" i:rbY="13" i:rbW="4" i:rbH="4"/></rdf:li></rdf:Bag></i:ImageRegion>
</rdf:Description>"""


def upright_size(orientation: int) -> tuple[int, int]:
    return STORED[::-1] if orientation > 4 else STORED


def upright_box(orientation: int) -> tuple[float, ...]:
    """Find the place by turning the pixels."""
    x, y, width, height = PLACE
    pixels = np.zeros((1000, 1000), np.uint8)
    top, left = round(1000 * (y - height / 2)), round(1000 * (x - width / 2))
    pixels[top : top + round(1000 * height), left : left + round(1000 * width)] = 1
    rows, columns = np.nonzero(apply_orientation(pixels, orientation))
    spans = [(values.min() / 1000, (values.max() + 1) / 1000) for values in (columns, rows)]
    (left_, right), (top_, bottom) = spans
    return ((left_ + right) / 2, (top_ + bottom) / 2, right - left_, bottom - top_)


def numbers(packet: bytes | None, *names: str) -> list[float]:
    found = {}
    for element in ElementTree.fromstring(packet or b"").iter():
        found[element.tag.rpartition("}")[2]] = element.text
    return [float(found[name] or "nan") for name in names]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_faces_turn_with_the_picture(orientation: int) -> None:
    size = upright_size(orientation)
    packet = xmp.set_upright(packet_with(MWG.format(*STORED)), size, orientation)
    box = upright_box(orientation)
    area = (packet or b"").split(b"<m:Area ")[1].decode()
    found = [float(area.split(f"<a:{name}>")[1].split("<")[0]) for name in "xywh"]
    assert found == pytest.approx(box, abs=1e-3)
    assert f"<d:w>{size[0]}</d:w><d:h>{size[1]}</d:h>".encode() in (packet or b"")


def test_faces_that_apply_to_the_upright_picture_stay() -> None:
    packet = xmp.set_upright(packet_with(MWG.format(20, 40)), (20, 40), 6) or b""
    assert b"<a:x>0.25</a:x><a:y>0.75</a:y>" in packet


@pytest.mark.parametrize("orientation", range(1, 9))
def test_rectangles_of_microsoft_turn(orientation: int) -> None:
    packet = xmp.set_upright(packet_with(MICROSOFT), upright_size(orientation), orientation) or b""
    text = packet.split(b"Rectangle>")[1].decode().split("<")[0]
    x, y, width, height = upright_box(orientation)
    found = [float(part) for part in text.split(",")]
    assert found == pytest.approx((x - width / 2, y - height / 2, width, height), abs=1e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_of_iptc_turn(orientation: int) -> None:
    size = upright_size(orientation)
    packet = xmp.set_upright(packet_with(IPTC), size, orientation)
    x, y, width, height = upright_box(orientation)
    corner = ((x - width / 2) * size[0], (y - height / 2) * size[1])
    expected = (*corner, width * size[0], height * size[1])
    assert numbers(packet, "rbX", "rbY", "rbW", "rbH") == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_main_subject_of_exif_turns(orientation: int) -> None:
    size = upright_size(orientation)
    details = {0x9214: (3, 4, struct.pack("<I", 44))}
    subject = struct.pack("<4H", 10, 15, 4, 5)
    block = b"II*\0" + struct.pack("<I", 8)
    block += a_directory({0x8769: (4, 1, struct.pack("<I", 26))})
    block += a_directory(details, behind=subject)
    upright = exif.set_upright(block, size, orientation) or b""
    x, y, *_ = upright_box(orientation)
    extent = (5, 4) if orientation > 4 else (4, 5)
    found = struct.unpack("<4H", upright[44:52])
    assert found == (round(x * size[0]), round(y * size[1]), *extent)


def test_resolutions_swap_in_exif() -> None:
    block = b"II*\0" + struct.pack("<I", 8)
    entries = {0x11A: (5, 1, struct.pack("<I", 38)), 0x11B: (5, 1, struct.pack("<I", 46))}
    block += a_directory(entries, behind=struct.pack("<4I", 300, 1, 150, 1))
    upright = exif.set_upright(block, (20, 40), 6) or b""
    assert struct.unpack_from("<I", upright, 18) == (46,)
    assert struct.unpack_from("<I", upright, 30) == (38,)
