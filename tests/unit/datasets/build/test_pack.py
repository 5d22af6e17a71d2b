"""Packing a folder into shards, and the list of dropped images."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rechroma.color import lightness
from rechroma.datasets import Shards
from rechroma.datasets.build.filters import (
    MAX_HAMMING,
    NearDuplicateIndex,
    NoColor,
    color_fault,
    difference_hash,
    quantiles,
)
from rechroma.datasets.build.image_folder import number_classes
from rechroma.datasets.build.pack import PackConfig, pack, split_of
from rechroma.datasets.build.preprocess import ImageFormat
from rechroma.datasets.shards import MAX_CLASS
from rechroma.errors import DataError, OptionError, SourceError, TargetError
from tests.support.shards import synthetic_image

SMALL = PackConfig(ImageFormat(size=64, min_side=32), shard_size=4, val_share=0.3, source="mine")


def save(path: Path, pixels: np.ndarray[Any, Any], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten photographs in two subfolders."""
    for number in range(10):
        kind = "cats" if number % 2 else "dogs"
        save(tmp_path / "in" / kind / f"{number}.png", synthetic_image(number, 96, 128))
    return tmp_path / "in"


def dropped(out: Path) -> dict[str, str]:
    with (out / "dropped.csv").open(encoding="utf-8", errors="surrogateescape") as file:
        return {row["path"]: row["reason"] for row in csv.DictReader(file)}


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def toned(rgb: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Tone an image like a sepia print."""
    gray = lightness(rgb) / 100
    paper, ink = np.array([250, 235, 205]), np.array([45, 25, 10])
    return np.asarray(ink + gray[..., None] * (paper - ink), np.uint8)


def test_pack_keeps_images_and_metadata(folder: Path, tmp_path: Path) -> None:
    manifest = pack(folder, tmp_path / "out", SMALL)
    shards = Shards([tmp_path / "out"])
    assert len(shards) == manifest["images"]["kept"] == manifest["images"]["found"] == 10
    for number in range(10):
        facts = shards.metadata(number)
        original = synthetic_image(int(Path(facts["file"]).stem), 96, 128)
        shown = shards[number]
        assert shown.shape == (facts["height"], facts["width"], 3) == (64, 85, 3)
        small = cv2.resize(original, (85, 64), interpolation=cv2.INTER_AREA)
        assert np.abs(shown.astype(int) - small).mean() < 6
        assert (facts["source"], facts["license"]) == ("mine", "unknown")
        content = (folder / facts["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest().startswith(shards.key(number))
        label = {"cats": 0, "dogs": 1}[facts["file"].split("/")[0]]
        assert shards.label(number) == label
        split = split_of(shards.key(number), 0.3)
        assert shards.shard(number).name.startswith(split)


def test_manifest_is_complete(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    save(folder / "dogs/dull.png", np.full((96, 96, 3), 90, np.uint8))
    manifest = pack(folder, out, SMALL)
    assert manifest == json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["dropped"] == {"gray": 1}
    assert dropped(out) == {"dogs/dull.png": "gray"}
    assert [(entry["number"], entry["name"]) for entry in manifest["classes"]] == [
        (0, "cats"),
        (1, "dogs"),
    ]
    assert sum(entry["train"] + entry["val"] for entry in manifest["classes"]) == 10
    assert manifest["short_side"]["50"] == 64
    assert manifest["licenses"] == {"unknown": 10}
    for shard in manifest["shards"]:
        content = (out / shard["file"]).read_bytes()
        assert shard["sha256"] == hashlib.sha256(content).hexdigest()
        assert shard["bytes"] == len(content)
        assert shard["images"] <= 4
    assert set(contents(out)) == {
        "manifest.json",
        "dropped.csv",
        *(shard["file"] for shard in manifest["shards"]),
    }


def test_pack_is_deterministic(folder: Path, tmp_path: Path) -> None:
    for name, jobs in (("a", 1), ("b", 5)):
        pack(folder, tmp_path / name, SMALL, jobs=jobs)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_image_keeps_key_and_split_when_others_are_added(folder: Path, tmp_path: Path) -> None:
    def places(out: Path) -> dict[str, tuple[str, str]]:
        shards = Shards([out])
        return {
            shards.metadata(n)["file"]: (shards.key(n), shards.shard(n).name.split("-")[0])
            for n in range(len(shards))
        }

    pack(folder, tmp_path / "a", SMALL)
    for number in range(10, 20):
        save(folder / "cats" / f"{number}.png", synthetic_image(number, 96, 128))
    pack(folder, tmp_path / "b", SMALL)
    before, after = places(tmp_path / "a"), places(tmp_path / "b")
    assert before.items() <= after.items()
    assert len(after) == 20


MakeOdd = Callable[[Path], None]


def cut(path: Path) -> None:
    save(path, synthetic_image(70, 96, 128), format="JPEG")
    path.write_bytes(path.read_bytes()[:900])


def png_of_huge_sides(path: Path) -> None:
    save(path, synthetic_image(71))
    data = bytearray(path.read_bytes())
    data[16:24] = (200_000).to_bytes(4) * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: save(path, synthetic_image(0, 96, 128)[..., 1]), "gray"),
        (
            lambda path: save(path, np.repeat(synthetic_image(0, 96, 96)[..., :1], 3, axis=2)),
            "gray",
        ),
        (lambda path: save(path, toned(synthetic_image(0, 96, 96))), "toned"),
        (lambda path: save(path, synthetic_image(60, 20, 90)), "too small"),
        (lambda path: save(path, synthetic_image(60, 1, 90)), "too small"),
        (lambda path: save(path, synthetic_image(60, 40, 400)), "too long"),
        (png_of_huge_sides, "too large"),
        (cut, "unreadable"),
        (lambda path: path.write_bytes(b""), "unreadable"),
        (lambda path: path.write_bytes(b"<html>no such image</html>"), "unreadable"),
        (lambda path: path.write_bytes(os.urandom(5000)), "unreadable"),
    ],
)
def test_pack_drops_unusable_images(
    folder: Path, tmp_path: Path, make: MakeOdd, reason: str
) -> None:
    make(folder / "cats/odd.png")
    manifest = pack(folder, tmp_path / "out", SMALL)
    assert dropped(tmp_path / "out") == {"cats/odd.png": reason}
    assert manifest["images"]["kept"] == 10


def test_pack_drops_modified_copies(folder: Path, tmp_path: Path) -> None:
    original = synthetic_image(3, 96, 128)
    (folder / "dogs/same.png").write_bytes((folder / "cats/3.png").read_bytes())
    save(folder / "dogs/jpeg.jpg", original, quality=60)
    save(folder / "cats/small.png", cv2.resize(original, (80, 60), interpolation=cv2.INTER_AREA))
    save(folder / "dogs/brighter.png", np.clip(original * 0.8 + 40, 0, 255).astype(np.uint8))
    manifest = pack(folder, tmp_path / "out", SMALL)
    assert manifest["images"]["kept"] == 10
    assert sum(manifest["dropped"].values()) == 4
    assert set(manifest["dropped"]) <= {"duplicate", "near-duplicate"}
    shards = Shards([tmp_path / "out"])
    assert len({shards.key(number) for number in range(10)}) == 10


def test_pack_keeps_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(synthetic_image(seed, 96, 96)) for seed in (1, 2)]
    (tmp_path / "in").mkdir()
    frames[0].save(tmp_path / "in/moving.webp", save_all=True, append_images=frames[1:])
    pack(tmp_path / "in", tmp_path / "out", SMALL)
    shown = Shards([tmp_path / "out"])[0]
    first = cv2.resize(synthetic_image(1, 96, 96), (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(shown.astype(int) - first).mean() < 12


def test_pack_converts_to_upright_srgb_on_white(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "in/turned.jpg", synthetic_image(1, 96, 128), exif=exif, quality=95)
    rgba = np.dstack([synthetic_image(2, 96, 128), np.full((96, 128), 255, np.uint8)])
    rgba[:48, :, 3] = 0
    save(tmp_path / "in/clear.png", rgba)
    pack(tmp_path / "in", tmp_path / "out", SMALL)
    shards = Shards([tmp_path / "out"])
    shown = {shards.metadata(n)["file"]: shards[n].astype(int) for n in range(2)}
    turned = cv2.resize(
        np.rot90(synthetic_image(1, 96, 128), -1), (64, 85), interpolation=cv2.INTER_AREA
    )
    assert np.abs(shown["turned.jpg"] - turned).mean() < 8
    assert shown["clear.png"][:28].min() > 240


def test_pack_reads_labels_from_a_table(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("path,label\ncats/1.png,7\n./cats/3.png,12\ndogs/absent.png,7\ndogs/0.png,\n")
    manifest = pack(folder, tmp_path / "out", SMALL, labels=table)
    assert [(c["number"], c["name"]) for c in manifest["classes"]] == [(7, "7"), (12, "12")]
    assert dropped(tmp_path / "out") == {"dogs/absent.png": "absent"}
    shards = Shards([tmp_path / "out"])
    labels = {shards.metadata(n)["file"]: shards.label(n) for n in range(10)}
    assert (labels["cats/1.png"], labels["cats/3.png"], labels["dogs/0.png"]) == (7, 12, -1)


def test_no_labels_ignores_subfolders(folder: Path, tmp_path: Path) -> None:
    assert pack(folder, tmp_path / "a", SMALL, labeled=False)["classes"] == []
    save(folder / "loose.png", synthetic_image(30, 96, 128))
    assert pack(folder, tmp_path / "b", SMALL)["classes"] == []


def test_pack_keeps_the_attribution(folder: Path, tmp_path: Path) -> None:
    (folder / "attribution.csv").write_text(
        "file,url,author,license,label\ncats/1.png,https://a.example/1,Ann,CC-BY-4.0,tabby\n"
    )
    manifest = pack(folder, tmp_path / "out", SMALL)
    shards = Shards([tmp_path / "out"])
    facts = {shards.metadata(n)["file"]: shards.metadata(n) for n in range(10)}
    known = facts["cats/1.png"]
    assert (known["author"], known["license"]) == ("Ann", "CC-BY-4.0")
    assert known["url"] == "https://a.example/1"
    assert facts["dogs/0.png"]["author"] == ""
    assert manifest["licenses"] == {"CC-BY-4.0": 1, "unknown": 9}
    assert [c["name"] for c in manifest["classes"]] == ["tabby"]


def test_pack_skips_hidden_and_linked_folders_and_other_files(folder: Path, tmp_path: Path) -> None:
    save(folder / ".trash/x.png", synthetic_image(40, 96, 128))
    save(folder / "cats/.x.png", synthetic_image(41, 96, 128))
    save(tmp_path / "elsewhere/x.png", synthetic_image(42, 96, 128))
    (folder / "cats/notes.txt").write_text("no image")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    assert pack(folder, tmp_path / "out", SMALL)["images"]["found"] == 10


@pytest.mark.skipif(os.name == "nt", reason="Windows takes no such names")
def test_pack_accepts_names_that_are_not_unicode(folder: Path, tmp_path: Path) -> None:
    odd = os.fsencode(folder / "cats") + b"/\xff\n.png"
    (folder / "cats/1.png").rename(os.fsdecode(odd))
    (folder / "cats/dull\udcfe.png").write_bytes(b"")
    manifest = pack(folder, tmp_path / "out", SMALL)
    assert manifest["images"]["kept"] == 10
    assert dropped(tmp_path / "out") == {"cats/dull\udcfe.png": "unreadable"}


class TestNothingIsHalfWritten:
    def test_interrupted_pack_leaves_nothing(self, folder: Path, tmp_path: Path) -> None:
        seen = []

        def stop() -> None:
            seen.append(1)
            if len(seen) == 5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            pack(folder, tmp_path / "out", SMALL, on_image=stop)
        assert [path.name for path in tmp_path.iterdir()] == ["in"]

    def test_pack_rejects_a_folder_without_usable_images(self, tmp_path: Path) -> None:
        save(tmp_path / "in/a.png", np.zeros((64, 64), np.uint8))
        with pytest.raises(DataError, match="all images were rejected: 1 gray"):
            pack(tmp_path / "in", tmp_path / "out", SMALL)
        assert [path.name for path in tmp_path.iterdir()] == ["in"]

    def test_pack_never_overwrites(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out/mine.txt").write_text("mine")
        with pytest.raises(TargetError, match="this folder is not empty"):
            pack(folder, tmp_path / "out", SMALL)
        assert contents(tmp_path / "out") == {"mine.txt": b"mine"}

    def test_pack_fills_an_empty_folder(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        assert pack(folder, tmp_path / "out", SMALL)["images"]["kept"] == 10

    def test_pack_reports_a_folder_that_cannot_be_written(
        self, folder: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(TargetError, match="file"):
            pack(folder, tmp_path / "file/out", SMALL)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("path\ncats/1.png\n", "has no column 'label'"),
        ("path,label\ncats/1.png,9999999999\n", "number of a class"),
        ('path,label\n"' + "x" * 2_000_000, "not a readable CSV"),
    ],
)
def test_pack_names_an_invalid_table(
    folder: Path, tmp_path: Path, table: str, message: str
) -> None:
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=message):
        pack(folder, tmp_path / "out", SMALL, labels=tmp_path / "labels.csv")


def test_pack_distinguishes_a_missing_folder_from_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        pack(tmp_path / "absent", tmp_path / "out")
    with pytest.raises(DataError, match="no images found"):
        pack(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ImageFormat(size=0),
        lambda: ImageFormat(quality=101),
        lambda: PackConfig(val_share=float("nan")),
        lambda: PackConfig(shard_size=0),
    ],
)
def test_options_out_of_range_are_rejected(make: Callable[[], object]) -> None:
    with pytest.raises(OptionError, match="must be"):
        make()


class TestNearDuplicateIndex:
    @given(st.lists(st.integers(0, 2**128 - 1), max_size=20), st.data())
    def test_find_equals_an_exhaustive_comparison(
        self, hashes: list[int], data: st.DataObject
    ) -> None:
        index = NearDuplicateIndex()
        for number, hashed in enumerate(hashes):
            assert index.add(hashed) == number
        start = data.draw(st.sampled_from(hashes or [0]))
        flips = data.draw(st.sets(st.integers(0, 127), max_size=MAX_HAMMING + 3))
        sought = start ^ sum(1 << place for place in flips)
        alike = [n for n, h in enumerate(hashes) if (h ^ sought).bit_count() <= MAX_HAMMING]
        assert index.find(sought) == (alike[0] if alike else None)

    def test_hashes_of_different_images_are_far_apart(self) -> None:
        hashes = [difference_hash(synthetic_image(seed)) for seed in range(40)]
        apart = [(a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[:i]]
        assert min(apart) > MAX_HAMMING


@given(st.floats(0, 1), st.integers(0, 2**80 - 1))
def test_larger_val_share_includes_a_smaller_one(share: float, number: int) -> None:
    key = f"{number:020x}"
    if split_of(key, share / 2) == "val":
        assert split_of(key, share) == "val"
    assert split_of(key, 0) == "train"
    assert split_of(key, 1) == "val"


def test_val_share_is_approximately_met() -> None:
    keys = [hashlib.sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(4000)]
    share = np.mean([split_of(key, 0.1) == "val" for key in keys])
    assert share == pytest.approx(0.1, abs=0.02)


@given(st.lists(st.text("ab01é", min_size=1), max_size=8))
def test_labels_get_distinct_numbers(labels: list[str]) -> None:
    if all(name.isascii() and name.isdigit() for name in labels):
        return
    numbers = number_classes(labels)
    assert sorted(numbers.values()) == list(range(len(set(labels))))
    assert numbers == number_classes(labels[::-1])


def test_numeric_labels_are_kept() -> None:
    assert number_classes(["10", "2", "2"]) == {"2": 2, "10": 10}
    assert number_classes(["10", "2", "x"]) == {"10": 0, "2": 1, "x": 2}
    assert number_classes([str(MAX_CLASS)]) == {str(MAX_CLASS): MAX_CLASS}


def test_color_fault_distinguishes_color_from_gray_and_sepia() -> None:
    rgb = synthetic_image(4, 96, 128)
    noise = np.random.default_rng(0).normal(0, 2, rgb.shape)
    noisy = np.clip(toned(rgb) + noise, 0, 255).astype(np.uint8)
    assert color_fault(rgb) is None
    assert color_fault(noisy) is NoColor.TONED
    assert color_fault(np.zeros((40, 40, 3), np.uint8)) is NoColor.GRAY


def test_quantiles_of_an_empty_list_are_empty() -> None:
    assert quantiles([]) == {}
    assert quantiles([3]) == dict.fromkeys(("0", "5", "25", "50", "75", "95", "100"), 3.0)
