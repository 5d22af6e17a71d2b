"""The metadata of results of the site against those of the command line, as ExifTool reads both."""

from __future__ import annotations

import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from rechroma.cli.root import root_command
from tests.support.exif_blocks import adobe_rgb_block, canon_block
from tests.support.page_driver import make_photo
from tests.support.service import opened
from tests.support.site_backend import SiteBackend

EXIFTOOL = shutil.which("exiftool")
pytestmark = pytest.mark.skipif(not EXIFTOOL, reason="ExifTool is not installed")

TAGS = """
-EXIF:ImageDescription=Straße in Łódź
-EXIF:Artist=Jörg
-EXIF:DateTimeOriginal=1931:05:01 10:00:00
-EXIF:ExposureTime=1/60
-EXIF:GPSLatitude=51.5
-EXIF:GPSLatitudeRef=N
-EXIF:SubjectArea=20 10 6 8
-EXIF:XResolution=300
-EXIF:YResolution=600
-EXIF:ResolutionUnit=inches
-XMP-dc:Title=Straße
-XMP-xmp:Rating=4
-XMP-tiff:Orientation=Horizontal (normal)
-XMP-tiff:Compression=JPEG (old-style)
-XMP-exif:PixelXDimension=5
-RegionInfo={AppliedToDimensions={W=96,H=64,Unit=pixel},RegionList=[{Area={X=0.25,Y=0.75,W=0.1,\
H=0.2,Unit=normalized},Name=Anna,Type=Face}]}
-RegionInfoMP={Regions=[{PersonDisplayName=Anna,Rectangle=0.2|, 0.65|, 0.1|, 0.2}]}
-IPTC:CodedCharacterSet=UTF8
-IPTC:Caption-Abstract=Straße
-IPTC:Keywords=Łódź
-File:Comment=Gruß
-PNG:Comment=Gruß
-PNG:Disclaimer=Ohne Gewähr
"""
ENCODER = {  # of the file, and what an encoder chooses
    *("SourceFile", "ExifToolVersion", "FileName", "Directory", "FileSize", "FileModifyDate"),
    *("FileAccessDate", "FileInodeChangeDate", "FilePermissions", "EncodingProcess", "Compression"),
    *("ColorType", "Filter", "JFIFVersion", "XMPToolkit", "CurrentIPTCDigest", "ExifByteOrder"),
}
TIFF_TAGS = "-EXIF:Orientation#={}"


def tags(path: Path) -> dict[str, Any]:
    """Read all tags, without those of the file system and of the encoder."""
    command = [str(EXIFTOOL), "-j", "-struct", "-G0", "-a", str(path)]
    (found,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    short = {name: value for name, value in found.items() if name.split(":")[-1] not in ENCODER}
    return {name: value for name, value in short.items() if not name.startswith("ICC_Profile:")}


def write_tags(path: Path, lines: str, orientation: int) -> None:
    arguments = (
        f"-q\n-q\n-m\n-struct\n-overwrite_original\n{lines}{TIFF_TAGS.format(orientation)}\n{path}"
    )
    subprocess.run([str(EXIFTOOL), "-@", "-"], input=arguments.encode(), check=True)


def both_results(
    backend: SiteBackend, source: Path, content: bytes, suffix: str = ""
) -> tuple[Path, Path]:
    """Color a file on the command line and on the site; a suffix is that of the results."""
    source.write_bytes(content)
    suffix = suffix or source.suffix
    local = source.with_name(f"command-line{suffix}")
    root_command(["colorize", str(source), "-o", str(local)], standalone_mode=False)
    result, kind, _ = backend.colorize(content)
    assert kind == {".jpg": "image/jpeg", ".png": "image/png"}[suffix]
    site = source.with_name(f"site{suffix}")
    site.write_bytes(result)
    return local, site


@pytest.mark.parametrize("orientation", [1, 6, 3, 5])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_metadata_is_that_of_the_command_line(
    backend: SiteBackend, tmp_path: Path, suffix: str, orientation: int
) -> None:
    source = tmp_path / f"photo.{suffix}"
    pixels = np.linspace(20, 220, 96 * 64).reshape(64, 96).astype(np.uint8)
    Image.fromarray(pixels).save(source, exif=b"Exif\0\0" + canon_block())
    write_tags(source, TAGS, orientation)
    local, result = both_results(backend, source, source.read_bytes())
    expected, found = tags(local), tags(result)
    assert found == expected
    names = {name.split(":")[-1] for name in found}
    assert {"DigitalSourceType", "Title", "Artist", "GPSLatitude", "RegionInfo"} <= names
    if suffix == "jpg":
        assert {"Caption-Abstract", "Comment", "CanonImageType"} <= names
    else:
        assert {"Disclaimer"} <= names
    with Image.open(local) as one, Image.open(result) as other:
        assert one.size == other.size
        assert one.mode == other.mode
        off = np.asarray(one, np.int16) - np.asarray(other, np.int16)
        assert np.abs(off).mean() < 3


def ramps() -> Image.Image:
    """Create a picture that differs from itself in every other orientation."""
    levels = np.add.outer(np.linspace(0, 60, 64), np.linspace(20, 180, 96))
    return Image.fromarray(levels.astype(np.uint8))


def assert_same_picture(local: Path, result: Path) -> None:
    with Image.open(local) as one, Image.open(result) as other:
        assert one.size == other.size
        off = np.asarray(one.convert("RGB"), np.int16) - np.asarray(other.convert("RGB"), np.int16)
        assert np.abs(off).mean() < 3


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_webp_is_turned_as_its_exif_says(
    backend: SiteBackend, tmp_path: Path, orientation: int
) -> None:
    source = tmp_path / "photo.webp"
    exif = Image.Exif()
    exif[0x0112] = orientation
    ramps().save(source, exif=exif, quality=95)
    local, result = both_results(backend, source, source.read_bytes(), ".jpg")
    assert tags(result)["EXIF:Orientation"] == "Horizontal (normal)"
    assert_same_picture(local, result)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_photograph_is_turned_as_its_xmp_alone_says(
    backend: SiteBackend, tmp_path: Path, suffix: str
) -> None:
    source = tmp_path / f"photo.{suffix}"
    ramps().save(source)
    edit = ["-q", "-overwrite_original", "-XMP-tiff:Orientation#=6", str(source)]
    subprocess.run([str(EXIFTOOL), *edit], check=True)
    written = ".png" if suffix == "png" else ".jpg"
    local, result = both_results(backend, source, source.read_bytes(), written)
    assert tags(result)["XMP:Orientation"] == "Horizontal (normal)"
    assert_same_picture(local, result)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_photograph_without_metadata_gets_the_note_alone(
    backend: SiteBackend, tmp_path: Path, suffix: str
) -> None:
    kind = {"jpg": "JPEG", "png": "PNG"}[suffix]
    content = make_photo(format=kind, icc_profile=None)
    local, result = both_results(backend, tmp_path / f"photo.{suffix}", content)
    found = tags(result)
    assert found == tags(local)
    assert "compositeWithTrainedAlgorithmicMedia" in found["XMP:DigitalSourceType"]


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_profile_of_a_result_is_srgb(backend: SiteBackend, tmp_path: Path, suffix: str) -> None:
    kind = {"jpg": "JPEG", "png": "PNG"}[suffix]
    gamma = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = make_photo(format=kind, icc_profile=gamma)
    _, result = both_results(backend, tmp_path / f"photo.{suffix}", content)
    profile = opened(result.read_bytes()).info["icc_profile"]
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile)))


def test_damaged_metadata_costs_no_photograph(backend: SiteBackend, tmp_path: Path) -> None:
    content = make_photo(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x7f" + bytes(40), xmp=b"<broken")
    local, result = both_results(backend, tmp_path / "photo.jpg", content)
    assert tags(result) == tags(local)


def test_adobe_rgb_in_exif_becomes_srgb(backend: SiteBackend, tmp_path: Path) -> None:
    content = make_photo(exif=b"Exif\0\0" + adobe_rgb_block())
    _, result = both_results(backend, tmp_path / "photo.jpg", content)
    assert tags(result)["EXIF:ColorSpace"] == "sRGB"
    assert "icc_profile" in opened(result.read_bytes()).info
