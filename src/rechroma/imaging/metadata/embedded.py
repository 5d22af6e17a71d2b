"""EXIF, XMP and IPTC as each format embeds them, byte for byte.

Pillow hands out some of it only, and text in tags not as it is stored.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import IO, TYPE_CHECKING, NamedTuple

from PIL import TiffImagePlugin

from rechroma.imaging.metadata import exif, extended_xmp, iptc
from rechroma.imaging.metadata.iso_boxes import read_boxes
from rechroma.imaging.metadata.tiff_directory import TiffReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from PIL.Image import Image

XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION_SEGMENT = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENSION_HEADER = 32 + 4 + 4  # digest, size of the whole, place of the part
_RAW_PROFILE = "Raw profile type "  # how ImageMagick and exiftool keep them in a PNG's text
_TIFF_PARTS = (exif.XMP_TAG, exif.IPTC_TAG, exif.PHOTOSHOP_TAG)
JP2_EXIF = b"JpgTiffExif->JP2"
JP2_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
JP2_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_GIF_XMP, _GIF_XMP_END = b"\x21\xff\x0bXMP DataXMP", b"\x01\xff\xfe\xfd"  # to the trailer
_MAX_BYTES = 1 << 24  # of a part of a TIFF, or of the extension of a packet


class Embedded(NamedTuple):
    """What a file embeds.

    Attributes:
        exif: The EXIF block.
        xmp: The XMP packet.
        iptc: The IPTC-IIM record.
        unreadable: The kinds among these that are there, but damaged.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    unreadable: tuple[str, ...] = ()


def read_embedded(image: Image) -> Embedded:
    """Read what the file of an opened image embeds, where Pillow does not; else nothing.

    The file's position stays. Raises nearly anything if the file is damaged.
    """
    file: IO[bytes] | None = getattr(image, "fp", None)
    if file is None:  # decoded already
        return Embedded()
    position = file.tell()
    try:
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            return _read_tiff(file, image.tag_v2.offset)
        read = {"JPEG2000": _read_jp2, "GIF": _read_gif}.get(image.format or "")
        return read(file) if read else Embedded()
    finally:
        file.seek(position)


def read_segments(image: Image) -> Embedded:
    """Read the XMP packet and the IPTC record in the segments of a JPEG; EXIF is Pillow's."""
    segments: list[tuple[str, bytes]] = getattr(image, "applist", [])
    main = next((each for _, each in segments if each.startswith(XMP_SEGMENT)), None)
    if main is not None:
        extensions = [each for _, each in segments if each.startswith(_EXTENSION_SEGMENT)]
        main = extended_xmp.join(main.removeprefix(XMP_SEGMENT), _assemble(extensions))
    return Embedded(
        xmp=main, iptc=iptc.record_of_segments([each for name, each in segments if name == "APP13"])
    )


def extension_segments(name: str, content: bytes, limit: int) -> Iterator[bytes]:
    """Yield the content of the APP1 segments of a JPEG with the extension of a packet."""
    header = _EXTENSION_SEGMENT + name.encode()
    step = limit - len(header) - 8
    for at in range(0, len(content), step):
        yield header + struct.pack(">II", len(content), at) + content[at : at + step]


def read_raw_profiles(text: Mapping[str, str]) -> Embedded:
    """Read the raw profiles in the text of a PNG; one that is damaged is left out."""
    found: dict[str, bytes | None] = {}
    unreadable = []
    for keyword, content in text.items():
        if keyword.startswith(_RAW_PROFILE):
            kind = keyword.removeprefix(_RAW_PROFILE).lower()
            try:
                data = bytes.fromhex("".join(content.split()[2:]))  # after name and size
            except ValueError:
                unreadable.append(raw_profile_kind(keyword))
                continue
            if kind in ("iptc", "8bim"):
                found["iptc"] = found.get("iptc") or iptc.record_of(data)
            elif data.startswith(XMP_SEGMENT) or kind == "xmp":
                found["xmp"] = data.removeprefix(XMP_SEGMENT)
            elif kind in ("exif", "app1"):
                found["exif"] = data.removeprefix(exif.PREFIX)
    return Embedded(**found, unreadable=tuple(filter(None, unreadable)))


def raw_profile_kind(keyword: str) -> str:
    """Return what a raw profile of a PNG holds, by its keyword; "" for another keyword."""
    kinds = {"iptc": "IPTC", "8bim": "IPTC", "xmp": "XMP", "exif": "EXIF", "app1": "EXIF"}
    return kinds.get(keyword.partition(_RAW_PROFILE)[2].lower(), "")


def raw_profile(kind: str, data: bytes) -> tuple[str, str]:
    """Return the keyword and the text of a raw profile for a PNG."""
    return f"{_RAW_PROFILE}{kind}", f"\n{kind}\n{len(data):8}\n{data.hex()}\n"


def _assemble(segments: list[bytes]) -> dict[str, bytes]:
    """Assemble the extensions of a packet from their segments."""
    found: dict[str, bytearray] = {}
    for segment in segments:
        data = segment.removeprefix(_EXTENSION_SEGMENT)
        if len(data) < _EXTENSION_HEADER:
            continue
        name, size, at = struct.unpack_from(">32sII", data)
        part = data[_EXTENSION_HEADER:]
        if at + len(part) <= size <= _MAX_BYTES:
            whole = found.setdefault(name.decode("latin-1").upper(), bytearray(size))
            whole[at : at + len(part)] = part
    return {name: bytes(whole) for name, whole in found.items()}


def _read_tiff(file: IO[bytes], offset: int) -> Embedded:
    reader = TiffReader(file)
    parts = {}
    for entry in reader.directory(offset).entries:
        if entry.tag in _TIFF_PARTS and reader.size(entry) <= _MAX_BYTES:
            with suppress(ValueError):
                parts[entry.tag] = reader.values(entry)
    record = parts.get(exif.IPTC_TAG) or iptc.record_of(parts.get(exif.PHOTOSHOP_TAG, b""))
    return Embedded(exif.copy_block(reader, offset), parts.get(exif.XMP_TAG), record)


def _read_jp2(file: IO[bytes]) -> Embedded:
    boxes = dict(_uuid_boxes(file))
    block = boxes.get(JP2_EXIF)
    return Embedded(
        block and block.removeprefix(exif.PREFIX), boxes.get(JP2_XMP), boxes.get(JP2_IPTC)
    )


def _read_gif(file: IO[bytes]) -> Embedded:
    file.seek(0)
    _, _, rest = file.read().partition(_GIF_XMP)
    packet, found, _ = rest.partition(_GIF_XMP_END)
    return Embedded(xmp=packet if found else None)


def _uuid_boxes(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the identifier and the content of the boxes of a JPEG 2000 that hold metadata."""
    file.seek(0)
    for _, content in read_boxes(file, b"uuid"):
        yield content[:16], content[16:]
