"""Files of kinds that are not read are rejected by name, whatever their own name is."""

from __future__ import annotations

import gzip
import json
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rechroma.errors import NotAnImageError, UnsupportedImageError
from rechroma.imaging import read_photo
from rechroma.imaging.codecs import other_kinds


def saved(file_format: str, mode: str = "RGB") -> bytes:
    file = BytesIO()
    Image.new(mode, (24, 16), "gray").save(file, file_format)
    return file.getvalue()


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("album/photo.jpg", saved("JPEG"))
    return file.getvalue()


def tarred() -> bytes:
    file = BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("photo.jpg"))
    return file.getvalue()


def iso_media(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\1" + brand + b"isom" + bytes(40)


PICTURES = {
    "JPEG XL": (
        b"\xff\x0a\x7a\x3f\x10",
        b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ",
        iso_media(b"jxl "),
    ),
    "JPEG XR": (b"II\xbc\x01\x08\0\0\0",),
    "raw file": (
        iso_media(b"crx "),
        b"FUJIFILMCCD-RAW 0201FF383501",
        b"IIRO\x08\0\0\0" + bytes(20),
        b"IIU\0\x18\0\0\0" + bytes(20),
        b"II\x1a\0\0\0HEAPCCDR\2\0\1\0",
        b"FOVb\1\0\2\0",
        b"\0MRM\0\1\x44\x34",
    ),
    "Photoshop": (b"8BPS\0\1" + bytes(20), b"8BPS\0\2" + bytes(20)),
    "PDF": (saved("PDF"),),
    "PostScript": (saved("EPS"), b"\xc5\xd0\xd3\xc6\x20\0\0\0"),
    "SVG": (
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a drawing -->\n<svg width="9"></svg>',
        '<?xml version="1.0" encoding="UTF-16"?><svg></svg>'.encode("utf-16"),
    ),
    "XCF": (b"gimp xcf v011\0" + bytes(20),),
    "DICOM": (bytes(128) + b"DICM\2\0\0\0UL",),
    "FITS": (b"SIMPLE  =                    T / standard",),
    "OpenEXR": (b"v/1\x01\2\0\0\0channels\0", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n"),
    "DjVu": (b"AT&TFORM\0\0\2\0DJVMDIRM",),
    "video": (
        iso_media(b"isom"),
        iso_media(b"qt  "),
        b"\0\0\0\x08wide\0\0\x10\0mdat",
        b"RIFF\0\0\1\0AVI LIST",
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1",
        b"\0\0\1\xba\x44\0\4\0",
    ),
    "ICO": (saved("ICO"),),
    "PCX": (saved("PCX"),),
    "Netpbm": (saved("PPM"), saved("PPM", "1")),
    "Targa": (saved("TGA"), saved("TGA", "L")),
    "DDS": (saved("DDS"),),
}
OTHERS = {
    "this is a web page": (
        b"<!DOCTYPE html>\n<html><title>404 Not Found</title></html>",
        b"\xef\xbb\xbf\r\n <HTML><BODY>Log in first</BODY></HTML>",
        b"<!-- saved from url=(0022)http://example.org/ -->\n<html lang='en'>",
    ),
    "this is a text file": (
        "Bahnhofstraße, 1923\n".encode(),
        "Bahnhofstraße, 1923\n".encode("latin-1"),
        "Bahnhofstraße, 1923\n".encode("utf-16"),
        ("ж" * 5000).encode(),
        b'{"error": "not found"}',
        b"<?xml version='1.0'?><error/>",
    ),
    "this is an archive": (zipped(), tarred(), gzip.compress(b"photo"), b"Rar!\x1a\x07\1\0"),
    "this is a companion file of macOS": (b"\0\5\x16\7\0\2\0\0Mac OS X        ",),
    "this is an Office document": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16),),
    "this is a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0",),
    "this is a file of zeros": (bytes(100), bytes(100_000)),
    "this is a sound file": (iso_media(b"M4A "), b"ID3\4\0\0"),
    "this is not an image in a known format": (b"\1\2\3", b"\x93\0\7\xee" * 300),
}


def cases(table: dict[str, tuple[bytes, ...]]) -> list[Any]:
    """Name and content of each file, with an identifier that does not depend on the time."""
    return [
        pytest.param(name, content, id=f"{name}-{number}")
        for name, contents in table.items()
        for number, content in enumerate(contents)
    ]


@pytest.mark.parametrize(("name", "content"), cases(PICTURES))
def test_a_picture_of_another_kind_is_named(name: str, content: bytes) -> None:
    with pytest.raises(
        UnsupportedImageError, match=f"the image: .*{name}.* is not supported"
    ) as caught:
        read_photo(content)
    assert caught.value.hint


@pytest.mark.parametrize(("start", "content"), cases(OTHERS))
def test_what_is_no_picture_is_named(start: str, content: bytes) -> None:
    with pytest.raises(NotAnImageError, match=f"the image: {start}") as caught:
        read_photo(content)
    assert caught.value.hint


@pytest.mark.parametrize("language", ["en", "ru"])
def test_page_has_a_text_for_each_kind(language: str) -> None:
    static = Path(other_kinds.__file__).parents[2] / "web" / "static"
    texts = json.loads((static / "texts" / f"{language}.json").read_text("utf-8"))
    kinds = [kind for _, _, kind in other_kinds._SIGNATURES]
    kinds += [*other_kinds._BRANDS.values(), *vars(other_kinds).values()]
    keys = {kind.key for kind in kinds if isinstance(kind, other_kinds._Kind)}
    keys |= {"jpeg", "jpeg-2000", "tiff", "tiff-compression"}
    assert {f"kind.{key}" for key in keys} == {key for key in texts if key.startswith("kind.")}
    assert all(texts[f"kind.{key}"].count(".") >= 2 for key in keys)


def test_error_has_the_key_of_its_kind() -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        read_photo(PICTURES["Photoshop"][0])
    assert caught.value.kind == "photoshop"
