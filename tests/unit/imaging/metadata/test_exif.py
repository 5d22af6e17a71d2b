from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from rechroma.imaging.metadata import exif


def exif_block(*, thumbnail: bool = True) -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6
    tags[ExifTags.Base.Make] = "Maker"
    tags[ExifTags.Base.ImageWidth] = 40
    details = tags.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.ExifImageWidth] = 40
    details[ExifTags.Base.ExifImageHeight] = 30
    details[ExifTags.Base.MakerNote] = bytes(range(100))
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    data = tags.tobytes()
    if thumbnail:
        next_directory = 14 + 2 + 12 * int.from_bytes(data[14:16])
        place = (len(data) - len(exif.PREFIX)).to_bytes(4)
        one_tag = bytes.fromhex("0001 0103 0003 00000001 00060000 00000000")  # JPEG compression
        data = data[:next_directory] + place + data[next_directory + 4 :] + one_tag
    return data


def tags_of(block: bytes) -> Image.Exif:
    tags = Image.Exif()
    tags.load(exif.PREFIX + block)
    return tags


def test_set_upright_changes_orientation_and_size() -> None:
    tags = tags_of(exif.set_upright(exif_block(), (30, 40)) or b"")
    details = tags.get_ifd(ExifTags.IFD.Exif)
    assert tags[ExifTags.Base.Orientation] == 1
    assert tags[ExifTags.Base.ImageWidth] == 30
    assert details[ExifTags.Base.ExifImageWidth] == 30
    assert details[ExifTags.Base.ExifImageHeight] == 40


def test_set_upright_keeps_everything_else_in_place() -> None:
    before = exif_block(thumbnail=False).removeprefix(exif.PREFIX)
    after = exif.set_upright(before, (40, 30))
    assert after is not None
    changed = [
        index for index, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]
    ]
    assert len(changed) == 1  # the orientation


def test_set_upright_removes_the_thumbnail() -> None:
    assert tags_of(exif_block().removeprefix(exif.PREFIX)).get_ifd(ExifTags.IFD.IFD1)
    assert not tags_of(exif.set_upright(exif_block(), (30, 40)) or b"").get_ifd(ExifTags.IFD.IFD1)


@pytest.mark.parametrize("broken", [b"", b"II", b"rubbish, rubbish", b"II*\0\xff\xff\xff\xff"])
def test_set_upright_drops_an_unreadable_block(broken: bytes) -> None:
    assert exif.set_upright(broken, (30, 40)) is None


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_set_upright_survives_any_damage(position: int, rubbish: bytes) -> None:
    data = bytearray(exif_block())
    data[position : position + len(rubbish)] = rubbish
    result = exif.set_upright(bytes(data), (30, 40))
    assert result is None or len(result) in (len(data), len(data) - len(exif.PREFIX))


def test_pack_block_leaves_out_storage_tags() -> None:
    file = BytesIO()
    tags = tags_of(exif_block().removeprefix(exif.PREFIX))
    Image.new("L", (40, 30)).save(file, "TIFF", exif=tags.tobytes())
    packed = tags_of(exif.pack_block(Image.open(file).getexif()) or b"")
    assert packed[ExifTags.Base.Make] == "Maker"
    assert packed.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert packed.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] == bytes(range(100))
    assert ExifTags.Base.ImageWidth not in packed


def test_pack_block_returns_none_without_tags() -> None:
    file = BytesIO()
    Image.new("L", (40, 30)).save(file, "TIFF")
    assert exif.pack_block(Image.open(file).getexif()) is None
