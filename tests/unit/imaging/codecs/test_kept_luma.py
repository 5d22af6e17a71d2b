"""Results around the luma of gray JPEGs, and the gray JPEGs restored from them."""

from __future__ import annotations

import random
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from rechroma.errors import BrokenImageError, InputError, UnsupportedImageError
from rechroma.imaging import read_gray_jpeg, read_luma, restore_luma, write_around_luma
from rechroma.imaging.codecs.jpeg_parts import read_parts
from tests.support import gray_jpegs
from tests.support.gray_jpegs import encode, join, patch_frame, segment, split, texture
from tests.support.icc_profiles import ADOBE, GRAY_18
from tests.support.xmp_packets import packet_with


def recolor(data: bytes, *, quality: int = 90, provenance: bool = True) -> bytes:
    """Add chroma that varies over the image."""
    parts = read_gray_jpeg(data)
    luma = read_luma(parts)
    height, width = luma.half.shape
    across = np.linspace(90, 165, width).round().astype(np.uint8)
    chroma = np.dstack([np.tile(across, (height, 1)), np.tile(across[::-1], (height, 1))])
    return write_around_luma(parts, luma.metadata, chroma, quality=quality, provenance=provenance)


def without_record(result: bytes) -> bytes:
    """Remove the record of the original, as `exiftool -APP9:all=` does."""
    segments, rest = split(result)
    return join([each for each in segments if each.kind != 0xE9], rest)


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def luma_by_pillow(data: bytes) -> NDArray[np.uint8]:
    image = opened(data)
    image.draft("L" if image.mode == "L" else "YCbCr", image.size)
    return np.asarray(image)[..., 0] if image.mode == "YCbCr" else np.asarray(image)


def test_every_gray_jpeg_keeps_its_luma_and_is_restored() -> None:
    count = 0
    for name, data in gray_jpegs.all_jpegs():
        result = recolor(data)
        image = opened(result)
        assert (image.mode, image.size) == ("RGB", opened(data).size), name
        gray = luma_by_pillow(data)
        np.testing.assert_array_equal(luma_by_pillow(result), gray, name)
        by_opencv = cv2.imdecode(np.frombuffer(result, np.uint8), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(by_opencv, gray, name)
        assert restore_luma(result) == (data, True), name
        count += 1
    assert count > 200


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
def test_entropy_coded_data_and_tables_of_the_luma_are_those_of_the_source(
    options: dict[str, object],
) -> None:
    data = encode(texture(131, 77), **options)
    source, result = read_parts(data), read_parts(recolor(data))
    luma = [scan for scan in result.scans if scan.components == b"\x01"]
    assert [result.entropy_coded(scan) for scan in luma] == [
        source.entropy_coded(scan) for scan in source.scans
    ]
    assert [scan.tables for scan in luma] == [scan.tables for scan in source.scans]
    assert result.quantization[0] == source.quantization[0]
    assert [each.sampling for each in result.components] == [0x22, 0x11, 0x11]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
def test_decoders_agree_on_the_colors(options: dict[str, object]) -> None:
    result = recolor(encode(texture(131, 77), **options))
    rgb = np.asarray(opened(result).convert("RGB"))
    bgr = np.asarray(cv2.imdecode(np.frombuffer(result, np.uint8), cv2.IMREAD_COLOR))
    np.testing.assert_array_equal(bgr[..., ::-1], rgb)
    assert np.ptp(rgb.astype(int), axis=2).max() > 50


def test_adobe_segment_of_a_gray_jpeg_does_not_make_the_result_rgb() -> None:
    result = recolor(gray_jpegs.adobe(encode(np.full((32, 32), 128, np.uint8))))
    red, _, blue = np.asarray(opened(result))[16, 0].astype(int)
    assert red - blue > 50  # the first column has little Cb and much Cr


def test_quality_applies_to_the_chroma_only() -> None:
    data = encode(texture(200, 150), quality=70)
    low, high = recolor(data, quality=20), recolor(data, quality=95)
    assert len(low) < len(high)
    np.testing.assert_array_equal(luma_by_pillow(low), luma_by_pillow(high))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_stays_since_the_pixels_are_not_turned(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Artist] = "Jo"
    packet = packet_with(
        '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        f'tiff:Orientation="{orientation}"/>'
    )
    image = opened(recolor(encode(texture(40, 30), exif=exif, xmp=packet)))
    assert image.size == (40, 30)
    assert dict(image.getexif()) == {
        ExifTags.Base.Orientation: orientation,
        ExifTags.Base.Artist: "Jo",
    }
    assert f"<tiff:Orientation>{orientation}<".encode() in image.info["xmp"]


def test_exif_that_is_cut_off_stays_since_viewers_may_read_its_orientation() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    block = exif.tobytes()[:-4]
    data = encode(texture(40, 30), exif=block, dpi=(72, 72))
    assert opened(recolor(data)).info["exif"] == block


@pytest.mark.parametrize("size", [60_000, 65_533])
def test_large_exif_stays_with_its_orientation(size: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "J"
    block = exif.tobytes()
    exif[ExifTags.Base.Artist] = "J" * (size - len(block) - 4)
    block = exif.tobytes()
    block += bytes(size - len(block))
    image = opened(recolor(encode(texture(40, 30), exif=block)))
    assert image.getexif()[ExifTags.Base.Orientation] == 6


@pytest.mark.parametrize("provenance", [True, False])
def test_provenance_is_noted(provenance: bool) -> None:
    result = recolor(encode(texture(16, 16)), provenance=provenance)
    assert (b"compositeWithTrainedAlgorithmicMedia" in result) == provenance


@pytest.mark.parametrize("profile", [GRAY_18, ADOBE])
def test_profile_of_the_result_has_the_tone_curve_of_the_source(profile: bytes) -> None:
    ramp = np.tile(np.arange(0, 256, dtype=np.uint8), (16, 1))
    data = encode(ramp, quality=100, icc_profile=profile)
    parts = read_gray_jpeg(data)
    luma = read_luma(parts)
    neutral = np.full((*luma.half.shape, 2), 128, np.uint8)
    image = opened(write_around_luma(parts, luma.metadata, neutral, quality=90))
    embedded = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
    srgb = ImageCms.profileToProfile(image, embedded, ImageCms.createProfile("sRGB"))
    assert srgb is not None
    shown = np.asarray(srgb)[8, 16:].astype(int)
    wanted = luma.tone[16:].astype(int)[:, None] / 257
    assert np.abs(shown - wanted).max() <= 3


def test_srgb_profile_stays() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    result = recolor(encode(texture(16, 16), icc_profile=srgb))
    assert opened(result).info["icc_profile"] == srgb


def test_profile_that_inverts_the_levels_is_refused() -> None:
    falling = b"curv\0\0\0\0\0\0\0\2\xff\xff\0\0"
    inverted = GRAY_18.replace(b"curv\0\0\0\0\0\0\0\1\x01\xcd\0\0", falling)
    if inverted == GRAY_18:
        pytest.fail("the profile has another layout")
    with pytest.raises(UnsupportedImageError, match="inverts"):
        recolor(encode(texture(16, 16), icc_profile=inverted))


class TestRefusal:
    @pytest.mark.parametrize(
        ("mode", "options", "components", "has_luma"),
        [
            ("RGB", {}, 3, True),
            ("RGB", {"keep_rgb": True}, 3, False),
            ("CMYK", {}, 4, False),
        ],
    )
    def test_color_is_refused(
        self, mode: str, options: dict[str, bool], components: int, has_luma: bool
    ) -> None:
        file = BytesIO()
        Image.fromarray(texture(16, 16)).convert(mode).save(file, "JPEG", **options)
        with pytest.raises(
            UnsupportedImageError, match=f"not gray.*{components} components"
        ) as caught:
            read_gray_jpeg(file.getvalue())
        assert ("jpegtran" in str(caught.value.hint)) == has_luma

    @pytest.mark.parametrize(
        ("content", "has_luma"),
        [(b"Adobe\0\x64\0\0\0\0\0", False), (b"Adobe\0\x64\0\0\0\0\1", True), (b"Adobe", True)],
    )
    def test_adobe_segment_tells_whether_there_is_luma(
        self, content: bytes, has_luma: bool
    ) -> None:
        file = BytesIO()
        Image.fromarray(texture(16, 16)).convert("RGB").save(file, "JPEG")
        segments, rest = split(file.getvalue())
        others = [each for each in segments if each.kind != 0xE0]
        with pytest.raises(UnsupportedImageError) as caught:
            read_gray_jpeg(join([segment(0xEE, content), *others], rest))
        assert ("jpegtran" in str(caught.value.hint)) == has_luma

    def test_result_is_refused_with_the_advice_to_restore_it(self) -> None:
        with pytest.raises(UnsupportedImageError, match="result of --keep-luma") as caught:
            read_gray_jpeg(recolor(encode(texture(16, 16))))
        assert "rechroma restore" in str(caught.value.hint)

    @pytest.mark.parametrize(
        ("process", "precision", "reason"),
        [
            (0xC9, 8, "arithmetic"),
            (0xCA, 8, "arithmetic"),
            (0xC3, 8, "lossless"),
            (0xC5, 8, "hierarchical"),
            (0xF7, 8, "this kind"),
            (0xC1, 12, "not of 8 bits"),
        ],
    )
    def test_other_kinds_are_refused(self, process: int, precision: int, reason: str) -> None:
        data = patch_frame(encode(texture(16, 16)), 0, precision, process)
        with pytest.raises(UnsupportedImageError, match=reason) as caught:
            read_gray_jpeg(data)
        assert caught.value.hint

    @pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff"])
    def test_other_formats_are_refused(self, data: bytes) -> None:
        with pytest.raises(UnsupportedImageError, match="gray JPEG"):
            read_gray_jpeg(data)

    def test_quantization_that_changes_between_scans_is_refused(self) -> None:
        data = encode(texture(16, 16), progressive=True)
        other = segment(0xDB, b"\0" + bytes([9] * 64)).data
        at = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
        with pytest.raises(UnsupportedImageError, match="quantization"):
            read_gray_jpeg(data[:at] + other + data[at:])

    def test_frame_without_height_or_table_is_damaged(self) -> None:
        data = encode(texture(16, 16))
        for broken in (patch_frame(patch_frame(data, 1, 0), 2, 0), patch_frame(data, 8, 2)):
            with pytest.raises(BrokenImageError):
                read_gray_jpeg(broken)


class TestRestoring:
    @pytest.fixture
    def data(self) -> bytes:
        exif = Image.Exif()
        exif[ExifTags.Base.Artist] = "Jo"
        return encode(texture(60, 44), exif=exif, comment="attic") + b"trailing"

    def test_other_metadata_does_not_keep_the_original_from_being_restored(
        self, data: bytes
    ) -> None:
        segments, rest = split(recolor(data))
        changed = [each for each in segments if each.kind != 0xE1]
        assert restore_luma(join([*changed, segment(0xFE, b"new")], rest)) == (data, True)

    def test_without_the_record_the_luma_has_the_current_metadata(self, data: bytes) -> None:
        restored, exact = restore_luma(without_record(recolor(data)))
        assert not exact
        assert b"compositeWithTrainedAlgorithmicMedia" not in restored
        image = opened(restored)
        assert (image.mode, image.info["comment"]) == ("L", b"attic")
        np.testing.assert_array_equal(np.asarray(image), np.asarray(opened(data)))

    def test_every_gray_jpeg_has_its_luma_without_the_record(self) -> None:
        for name, data in gray_jpegs.all_jpegs():
            restored, exact = restore_luma(without_record(recolor(data)))
            assert not exact
            np.testing.assert_array_equal(luma_by_pillow(restored), luma_by_pillow(data), name)

    def test_part_of_a_record_is_damage(self, data: bytes) -> None:
        segments, rest = split(recolor(data + bytes(random.Random(0).randbytes(100_000))))
        record = [each for each in segments if each.kind == 0xE9]
        others = [each for each in segments if each.kind != 0xE9]
        assert len(record) > 1
        with pytest.raises(BrokenImageError, match="record of the original"):
            restore_luma(join([*others, *record[:1]], rest))

    def test_changed_luma_is_damage(self, data: bytes) -> None:
        result = recolor(data)
        at = read_parts(result).scans[0].start + 5
        changed = result[:at] + bytes([result[at] ^ 1]) + result[at + 1 :]
        with pytest.raises(BrokenImageError, match=r"its luma.*has changed"):
            restore_luma(changed)

    @pytest.mark.parametrize("options", [{}, {"progressive": True}])
    def test_luma_that_is_cut_off_is_damage(self, options: dict[str, object]) -> None:
        result = recolor(encode(texture(60, 44), **options))
        scan = next(each for each in read_parts(result).scans if each.components == b"\x01")
        middle = (scan.start + scan.end) // 2
        for cut in (result[:middle], result[:middle] + result[scan.end :]):
            for content in (cut, without_record(cut)):
                with pytest.raises(BrokenImageError, match="damaged"):
                    restore_luma(content)

    def test_cut_off_chroma_is_damage_unless_the_record_proves_the_luma(self, data: bytes) -> None:
        cut = recolor(data)[:-10]
        assert restore_luma(cut) == (data, True)
        with pytest.raises(BrokenImageError, match="damaged"):
            restore_luma(without_record(cut))

    @pytest.mark.parametrize("options", [{}, {"progressive": True}])
    def test_color_jpeg_without_own_luma_is_refused(self, options: dict[str, object]) -> None:
        file = BytesIO()
        Image.fromarray(texture(16, 16)).convert("RGB").save(file, "JPEG", **options)
        for content in (file.getvalue(), encode(texture(16, 16)), b"GIF89a", b""):
            with pytest.raises(UnsupportedImageError, match="no kept luma"):
                restore_luma(content)

    def test_result_that_was_encoded_again_is_refused(self, data: bytes) -> None:
        file = BytesIO()
        opened(recolor(data)).save(file, "JPEG")
        with pytest.raises(UnsupportedImageError, match="no kept luma"):
            restore_luma(file.getvalue())

    @given(st.data())
    def test_damaged_results_give_an_error_or_what_they_say(self, draws: st.DataObject) -> None:
        data = encode(texture(24, 24))
        result = bytearray(recolor(data))
        for _ in range(draws.draw(st.integers(1, 4))):
            result[draws.draw(st.integers(0, len(result) - 1))] = draws.draw(st.integers(0, 255))
        try:
            restored, exact = restore_luma(bytes(result[: draws.draw(st.integers(1, 4000))]))
        except InputError:
            return
        assert (restored == data) == exact


@given(st.data())
def test_damaged_jpegs_give_an_error_or_keep_their_luma(draws: st.DataObject) -> None:
    options = draws.draw(st.sampled_from(gray_jpegs.PILLOW))
    data = bytearray(encode(texture(40, 24), **options))
    for _ in range(draws.draw(st.integers(1, 4))):
        data[draws.draw(st.integers(0, len(data) - 1))] = draws.draw(st.integers(0, 255))
    damaged = bytes(data[: draws.draw(st.integers(1, 2 * len(data)))])
    try:
        result = recolor(damaged)
    except InputError:
        return
    assert restore_luma(result) == (damaged, True)
    whole = damaged + b"\xff\xd9"
    np.testing.assert_array_equal(luma_by_pillow(result), luma_by_pillow(whole))


def test_exiftool_finds_no_fault(tmp_path: Path) -> None:
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed")
    for number, change in enumerate(gray_jpegs.SYNTAX.values()):
        (tmp_path / f"{number}.jpg").write_bytes(recolor(change(encode(texture(40, 30)))))
    command = [exiftool, "-q", "-validate", "-warning", "-error", "-a", str(tmp_path)]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    faults = [line for line in said.splitlines() if line.startswith(("Warning", "Error"))]
    assert set(faults) <= {f"{'Warning':32}: [minor] Unknown APP9 'Rechroma luma' segment"}
