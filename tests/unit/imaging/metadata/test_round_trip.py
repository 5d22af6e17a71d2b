"""The table of docs/metadata.md, against files whose metadata ExifTool writes and reads."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rechroma.imaging import encode_photo, read_photo
from rechroma.imaging.codecs.formats import enable_heif
from tests.support.exif_blocks import canon_block

EXIFTOOL = shutil.which("exiftool")
DOCUMENT = Path(__file__).parents[4] / "docs" / "metadata.md"
pytestmark = pytest.mark.skipif(not EXIFTOOL, reason="ExifTool is not installed")

SIZE = (96, 64)
SOURCES = {
    "JPEG": "jpg", "PNG": "png", "TIFF": "tif", "WEBP": "webp", "AVIF": "avif", "HEIF": "heic",
    "JPEG2000": "jp2", "GIF": "gif",
}  # fmt: skip
COLUMNS = {
    "JPEG": "JPEG", "PNG": "PNG", "TIFF": "TIFF", "WebP": "WEBP", "AVIF": "AVIF", "HEIC": "HEIF",
    "BMP": "BMP",
}  # fmt: skip
KINDS = {
    "EXIF: camera, exposure, dates": ("Make", "ExposureTime", "DateTimeOriginal", "LensModel"),
    "EXIF: text beyond ASCII": ("ImageDescription", "Artist"),
    "EXIF: GPS": ("GPSLatitude", "GPSLongitude"),
    "EXIF: maker note": ("CanonImageType",),
    "XMP": ("Title", "Rating"),
    "XMP of more than 64 kB": ("Description",),
    "XMP: regions (faces)": ("RegionName", "RegionAreaX", "RegionRectangle"),
    "IPTC-IIM": ("Caption-Abstract", "Keywords", "CodedCharacterSet"),
    "comment": ("Comment",),
    "PNG text": ("Disclaimer",),
    "resolution": ("XResolution", "YResolution"),
}
CELLS = {"kept": True, "as comments": True, "if in EXIF": None, "—": False}
TAGS = """
-EXIF:ImageDescription=Straße in Łódź
-EXIF:Artist=Jörg
-EXIF:DateTimeOriginal=1931:05:01 10:00:00
-EXIF:ExposureTime=1/60
-EXIF:LensModel=Tessar
-EXIF:GPSLatitude=51.5
-EXIF:GPSLatitudeRef=N
-EXIF:GPSLongitude=12.25
-EXIF:GPSLongitudeRef=E
-XMP-dc:Title=Straße
-XMP-dc:Description={long}
-XMP-xmp:Rating=4
-RegionInfo={{AppliedToDimensions={{W=96,H=64,Unit=pixel}},RegionList=[{{Area={{X=0.25,Y=0.75,\
W=0.1,H=0.2,Unit=normalized}},Name=Anna,Type=Face}}]}}
-RegionInfoMP={{Regions=[{{PersonDisplayName=Anna,Rectangle=0.2|, 0.65|, 0.1|, 0.2}}]}}
-IPTC:CodedCharacterSet=UTF8
-IPTC:Caption-Abstract=Straße
-IPTC:Keywords=Łódź
-File:Comment=Gruß
-GIF:Comment=Gruß
-PNG:Comment=Gruß
-PNG:Disclaimer=Ohne Gewähr
""".format(long="Haus Ö " * 12_000)

Tags = Mapping[str, Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Tags]:
    """The tags of a source in each format and of its results, by both formats; "" is the source."""
    folder = tmp_path_factory.mktemp("metadata")
    try:
        enable_heif()
    except ImportError:
        pytest.skip("pillow-heif is not installed")
    (folder / "tags.args").write_text("-charset\nutf8\n-overwrite_original\n-m\n" + TAGS.strip())
    image = Image.fromarray(np.tile(np.linspace(0, 255, SIZE[0]).astype(np.uint8), (SIZE[1], 1)))
    paths = {}
    for name, suffix in SOURCES.items():
        path = folder / f"source.{suffix}"
        block = {} if name in ("GIF", "JPEG2000") else {"exif": b"Exif\0\0" + canon_block()}
        resolution = {"dpi": (300, 150)} if name in ("JPEG", "PNG", "TIFF") else {}
        image.save(path, name, **block, **resolution)
        paths[name, ""] = path
    _exiftool("-@", str(folder / "tags.args"), *(str(path) for path in paths.values()))
    for name in SOURCES:
        photo = read_photo(paths[name, ""])
        for target in COLUMNS.values():
            path = folder / f"{name}.{target}"
            path.write_bytes(
                encode_photo(np.dstack([photo.gray] * 3).astype(np.uint8), photo, format=target)
            )
            paths[name, target] = path
    found = _exiftool("-json", "-n", "-a", "-G1:4", *(str(path) for path in paths.values()))
    return dict(zip(paths, json.loads(found), strict=True))


def _exiftool(*arguments: str) -> str:
    return subprocess.run(
        [str(EXIFTOOL), *arguments], check=True, capture_output=True, text=True
    ).stdout


def _values(tags: Tags, names: tuple[str, ...]) -> dict[str, set[str]]:
    """Return all values of each tag, in whatever group it is."""
    found: dict[str, set[str]] = {}
    for key, value in tags.items():
        group, _, name = key.rpartition(":")
        if name == "Comment" and ": " in str(value):  # a PNG's text in a JPEG
            name, _, value = str(value).partition(": ")
        if name.startswith(("PixelsPerUnit", "PixelsPerMeter")):  # of a PNG or BMP
            name, value = f"{name[-1]}Resolution", float(value) * 0.0254
        if name in names and group != "Composite":
            found.setdefault(name, set()).add(str(value))
    return found


def table() -> dict[tuple[str, str], bool | None]:
    """Read whether each kind is kept, by its name and by Pillow's name of the result's format.

    None if that depends on the source.
    """
    document = DOCUMENT.read_text("utf-8").partition("## What is changed")[0]
    lines = [line for line in document.splitlines() if line.startswith("| ")]
    header, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert [COLUMNS[name] for name in header[1:]] == list(COLUMNS.values())
    return {
        (row[0], COLUMNS[name]): CELLS[cell]
        for row in rows
        for name, cell in zip(header[1:], row[1:], strict=True)
    }


def test_table_has_every_kind() -> None:
    assert {kind for kind, _ in table()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", SOURCES)
def test_result_keeps_what_the_table_says(
    files: dict[tuple[str, str], Tags], source: str, kind: str
) -> None:
    written = _values(files[source, ""], KINDS[kind])
    if not written:
        pytest.skip(f"ExifTool writes no such metadata to {source}")
    for target in COLUMNS.values():
        is_kept = table()[kind, target]
        found = _values(files[source, target], KINDS[kind])
        lost = [name for name in written if not _agree(written[name], found.get(name, set()))]
        assert is_kept is None or is_kept != bool(lost), f"{lost} in the {target}"
        assert is_kept is not False or not found, f"{list(found)} in the {target}"


def _agree(written: set[str], found: set[str]) -> bool:
    try:
        return any(float(a) == pytest.approx(float(b), rel=1e-3) for a in written for b in found)
    except ValueError:
        return bool(written & found)
