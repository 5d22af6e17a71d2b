"""Inspection of shards: contents and damage."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rechroma.color import colorfulness
from rechroma.datasets import ColorizationDataset, CropConfig, SampleSpec, Shards
from rechroma.datasets.build.inspect import inspect, sample_sheet
from rechroma.errors import DataError
from tests.support.shards import synthetic_image, write_shard


def encoded(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def write_members(path: Path, members: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


GOOD = encoded(synthetic_image(0))


def test_inspect_counts_the_contents(tmp_path: Path) -> None:
    write_shard(tmp_path / "train-00000.tar", 6, classes=3, source="a")
    write_shard(tmp_path / "train-00001.tar", 1, first=6)
    write_shard(tmp_path / "val-00000.tar", 1, first=9, classes=8, source="a")
    found = inspect([tmp_path])
    assert (found.shards, found.images, found.damaged) == (3, 8, ())
    assert found.splits == {"train": 0.875, "val": 0.125}
    assert found.classes == {"0": 2, "1": 3, "2": 2}
    assert (found.unlabeled, found.singletons) == (1, ())
    assert found.sources == {"a": 7, "drawn": 1}
    assert found.licenses == {"CC0-1.0": 8}
    assert found.short_side["0"] == found.short_side["100"] == 48
    assert found.long_side["50"] == 64
    values = [colorfulness(synthetic_image(number)) for number in (*range(7), 9)]
    assert found.colorfulness["50"] == pytest.approx(np.median(values), abs=0.01)
    assert json.loads(json.dumps(asdict(found)))["images"] == 8


def test_inspect_reports_classes_with_a_single_image(tmp_path: Path) -> None:
    write_members(
        tmp_path / "s.tar",
        {
            "a.png": GOOD,
            "a.cls": b"4",
            "b.png": GOOD,
            "b.cls": b"7\n",
            "c.PNG": GOOD,
            "c.cls": b"4",
        },
    )
    assert inspect([tmp_path / "s.tar"]).singletons == (7,)


def test_inspect_counts_images_without_color(tmp_path: Path) -> None:
    sepia = (synthetic_image(1)[..., :1] * np.array([0.7, 0.85, 1.0])).astype(np.uint8)
    gray = synthetic_image(2)[..., 0]
    path = write_members(
        tmp_path / "s.tar", {"a.png": encoded(gray), "b.png": encoded(sepia), "c.png": GOOD}
    )
    found = inspect([path])
    assert (found.images, found.gray, found.toned) == (3, 1, 1)
    assert (
        ColorizationDataset(Shards([path]), CropConfig(), scale=4)[SampleSpec(0, 32, 0)]
        .chroma.abs()
        .max()
        < 1
    )


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({".png": b""}, "does not decode"),
        ({".png": GOOD[:40]}, "does not decode"),
        ({".png": b"<html>"}, "does not decode"),
        ({".png": encoded(np.zeros((1, 9, 3), np.uint8))}, "too small"),
        ({".png": GOOD, ".json": b"{"}, "its metadata is not"),
        ({".png": GOOD, ".json": b"\xff"}, "its metadata is not"),
        ({".png": GOOD, ".json": b"[" * 100_000}, "its metadata is not"),
        ({".png": GOOD, ".json": b"[1]"}, "is not a JSON object"),
        ({".png": GOOD, ".cls": b"cat"}, "class b'cat' is not a number"),
        ({".png": GOOD, ".cls": b""}, "class b'' is not a number"),
        ({".png": GOOD, ".cls": b"-1"}, "is not a number"),
        ({".png": GOOD, ".cls": b"9" * 5000}, "is not a number"),
        ({".png": GOOD, ".cls": "²".encode()}, "is not a number"),
    ],
)
def test_inspect_names_a_damaged_image_and_continues(
    tmp_path: Path, parts: dict[str, bytes], message: str
) -> None:
    path = write_members(
        tmp_path / "s.tar",
        {"good.png": GOOD, **{"bad" + suffix: content for suffix, content in parts.items()}},
    )
    found = inspect([path])
    assert found.images == 1
    (fault,) = found.damaged
    assert fault.startswith(f"{path}:bad: ")
    assert message in fault
    shards = Shards([path])
    shards[0], shards.metadata(0), shards.label(0)  # the good one is not harmed
    with pytest.raises(DataError, match="bad: "):
        shards[1], shards.metadata(1), shards.label(1)


def test_dataset_names_a_class_beyond_those_of_the_network(tmp_path: Path) -> None:
    path = write_members(tmp_path / "s.tar", {"a.png": GOOD, "a.cls": b"75"})
    shards = Shards([path])
    with pytest.raises(DataError, match=r"s\.tar:a: has class 75, but the network has 75 classes"):
        ColorizationDataset(shards, CropConfig(), 4, classes=75)[SampleSpec(0, 32, 0)]
    assert (
        ColorizationDataset(shards, CropConfig(), 4, classes=76)[SampleSpec(0, 32, 0)].label == 75
    )
    assert ColorizationDataset(shards, CropConfig(), 4)[SampleSpec(0, 32, 0)].label == 75


WHOLE_MEMBERS = {f"{number}.png": GOOD for number in range(3)}


@settings(max_examples=40)
@given(st.data())
def test_inspect_never_accepts_a_truncated_shard(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    whole = write_members(folder / "s.tar", WHOLE_MEMBERS).read_bytes()
    end = 3 * (512 + -(-len(GOOD) // 512) * 512)
    at = data.draw(st.integers(0, end + 511) | st.sampled_from([end // 3, end // 3 * 2, end]))
    (folder / "s.tar").write_bytes(whole[:at])
    with pytest.raises(DataError, match=r"s\.tar: "):
        Shards([folder / "s.tar"])


def test_inspect_reports_a_damaged_header(tmp_path: Path) -> None:
    path = write_members(tmp_path / "s.tar", WHOLE_MEMBERS)
    data = bytearray(path.read_bytes())
    second = 512 + -(-len(GOOD) // 512) * 512
    data[second + 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"truncated or damaged at byte {second}, after 0\.png"):
        Shards([path])
    write_shard(tmp_path / "t.tar", 2)
    found = inspect([tmp_path])
    assert (found.shards, found.images, len(found.damaged)) == (2, 2, 1)


def test_inspect_reports_a_shard_that_shrinks_or_vanishes(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "s.tar", 3)
    shards = Shards([path])
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"s\.tar: ends early"):
        shards[2]
    path.unlink()
    with pytest.raises(DataError, match=r"s\.tar: cannot be read"):
        shards[2]


def test_inspect_names_an_empty_shard(tmp_path: Path) -> None:
    path = write_members(tmp_path / "none.tar", {})
    write_shard(tmp_path / "some.tar", 1)
    assert inspect([tmp_path]).damaged == (f"{path}: the shards contain no images",)
    assert inspect([path]).colorfulness == {}


def test_sheet_skips_damaged_images(tmp_path: Path) -> None:
    write_members(tmp_path / "a.tar", {"a.png": b"no", "b.png": GOOD})
    (tmp_path / "b.tar").write_bytes(b"no")
    sheet = sample_sheet([tmp_path], 10)
    colors = np.asarray(sheet)[60:140, 20:140]
    assert colorfulness(colors) > 20
