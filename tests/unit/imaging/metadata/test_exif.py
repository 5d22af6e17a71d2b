from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from warnings import catch_warnings

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image

from rechroma.imaging import encode_photo, read_photo
from rechroma.imaging.metadata import exif
from rechroma.imaging.metadata.tiff_directory import TiffReader
from tests.support.exif_blocks import a_directory, adobe_rgb_block, canon_block
from tests.support.icc_profiles import ADOBE

Encode = Callable[..., bytes]


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


def test_adobe_rgb_is_read_from_exif_and_set_to_srgb(
    encode: Encode, colors: NDArray[np.uint8]
) -> None:
    data = encode(colors, "JPEG", quality=95, exif=exif.PREFIX + adobe_rgb_block())
    tagged = encode(colors, "JPEG", quality=95, icc_profile=ADOBE)
    photo = read_photo(data)
    assert np.abs(photo.gray.astype(int) - read_photo(tagged).gray).max() <= 1
    details = tags_of(photo.metadata.exif or b"").get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ColorSpace] == 1
    assert b"R98" in (photo.metadata.exif or b"")
    assert "icc_profile" in Image.open(BytesIO(encode_photo(colors, photo))).info


def test_tags_of_how_the_source_was_stored_are_removed() -> None:
    entries = {258: (3, 1, b"\x08"), 262: (3, 1, b"\x01"), 274: (3, 1, b"\x06"), 315: (2, 3, b"Jo")}
    block = b"II*\0\x08\0\0\0" + a_directory(entries)
    assert dict(tags_of(exif.set_upright(block, (30, 40), 6) or b"")) == {274: 1, 315: "Jo"}


@pytest.mark.parametrize("target", ["TIFF", "JPEG", "PNG", "WEBP"])
def test_maker_note_stays_where_it_points_to(
    encode: Encode, gray: NDArray[np.uint8], colors: NDArray[np.uint8], target: str
) -> None:
    block = canon_block()
    photo = read_photo(encode(gray, "JPEG", exif=exif.PREFIX + block))
    result = encode_photo(colors, photo, format=target)
    image = Image.open(BytesIO(result))
    if target == "TIFF":
        assert result[8 : len(block)] == block[8:]
        note = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote]
        assert note == block[62:]
    else:
        assert image.info["exif"].removeprefix(exif.PREFIX) == block


@pytest.mark.parametrize("kind", [1, 4, 7])
@pytest.mark.parametrize("target", ["TIFF", "JPEG", "PNG"])
def test_text_and_iptc_of_a_tiff_stay_byte_for_byte(
    gray: NDArray[np.uint8], colors: NDArray[np.uint8], kind: int, target: str
) -> None:
    text = "Stra\u00dfe in \u0141\u00f3d\u017a".encode()
    record = b"\x1c\x02\x78\0\x07Stra\xc3\x9fe"
    content = np.frombuffer(record, "<u4").tolist() if kind == 4 else record
    file = BytesIO()
    tags = [(315, "s", 0, "J\u00f6rg".encode(), True)]
    count = len(content)
    tags.append((33723, {1: "B", 4: "I", 7: "B"}[kind], count, content, True))
    tifffile.imwrite(file, gray, description=text, metadata=None, extratags=tags)
    with catch_warnings(action="error"):
        photo = read_photo(file.getvalue())
        found = read_photo(encode_photo(colors, photo, format=target)).metadata
    assert found.iptc == record
    assert text + b"\0" in (found.exif or b"")
    assert "J\u00f6rg\0".encode() in (found.exif or b"")


def test_directories_that_contain_themselves_are_left_out() -> None:
    entries = {0x8769: (4, 1, b"\x08"), 0x8825: (4, 1, b"\x08"), 315: (2, 3, b"Jo")}
    file = BytesIO(b"II*\0\x08\0\0\0" + a_directory(entries))
    block = exif.copy_block(TiffReader(file), 8) or b""
    assert tags_of(block)[ExifTags.Base.Artist] == "Jo"
    assert len(block) < 200
