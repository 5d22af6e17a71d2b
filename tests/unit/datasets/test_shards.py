"""Random access to shards, and errors of unreadable ones."""

from __future__ import annotations

import hashlib
import io
import tarfile
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from rechroma.datasets import Shards, evenly_spaced
from rechroma.errors import DataError, SourceError
from tests.support.shards import synthetic_image, write_shard


def test_images_are_read_in_any_order(tmp_path: Path) -> None:
    write_shard(tmp_path / "a-0.tar", 3)
    write_shard(tmp_path / "a-1.tar", 2, first=3, source="other")
    shards = Shards([tmp_path / "a-*.tar"])
    assert len(shards) == 5
    for number in (4, 0, 2):
        np.testing.assert_array_equal(shards[number], synthetic_image(number))
    assert shards.metadata(4)["source"] == "other"
    assert shards.key(3) == "00003"
    assert sum(1 for _ in Shards([tmp_path])) == 5


def test_image_without_metadata_and_label_is_valid(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), synthetic_image(0))
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        archive.add(tmp_path / "x.png", "x.png")
    shards = Shards([tmp_path / "s.tar"])
    assert shards.metadata(0) == {}
    assert shards.label(0) == -1


def test_labeled_and_unlabeled_shards_can_be_mixed(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", 2)
    write_shard(tmp_path / "b.tar", 3, classes=2)
    shards = Shards([tmp_path])
    assert [shards.label(number) for number in range(5)] == [-1, -1, 0, 1, 0]


def test_digest_depends_on_names_and_sizes(tmp_path: Path) -> None:
    paths = [write_shard(tmp_path / name, 2) for name in ("b.tar", "a.tar")]
    with tarfile.open(tmp_path / "aa.tar", "w"):  # no image, and no line
        pass
    lines = []
    for path in (paths[1], paths[0]):
        with tarfile.open(path) as archive:
            images = [member for member in archive if member.name.endswith(".png")]
        lines += [f"{path.name}:{member.name[:-4]}:{member.size}" for member in images]
    whole = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert Shards([tmp_path]).digest() == whole
    assert Shards(paths).digest() != whole


def test_shards_index_like_a_sequence(tmp_path: Path) -> None:
    shards = Shards([write_shard(tmp_path / "a.tar", 2), write_shard(tmp_path / "b.tar", 1)])
    assert [shards.key(number) for number in (-3, -2, -1)] == ["00000", "00001", "00000"]
    assert shards.shard(-1).name == "b.tar"
    for number in (3, -4):
        with pytest.raises(IndexError):
            shards.key(number)


def test_shard_that_shrinks_is_named(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "s.tar", 1)
    shards = Shards([path])
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(DataError, match=r"s\.tar: ends early"):
        shards[0]
    path.unlink()
    with pytest.raises(DataError, match=r"s\.tar: cannot be read"):
        shards.metadata(0)


@pytest.mark.parametrize("content", [b"", b"not a tar file at all" * 100])
def test_bad_shard_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.tar|contain no images"):
        Shards([tmp_path / "bad.tar"])


def test_missing_shards_are_distinguished_from_a_folder_without_any(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no shards found"):
        Shards([tmp_path / "none-*.tar"])
    with pytest.raises(DataError, match="no shards found"):
        Shards([tmp_path])


def test_broken_image_is_named(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "s.tar", 1)
    data = bytearray(path.read_bytes())
    data[512:1024] = bytes(512)
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="00000: does not decode"):
        Shards([path])[0]


@pytest.mark.parametrize(("count", "limit"), [(399, 200), (500, 300), (60, 40), (5, 9), (7, 1)])
def test_limited_images_are_evenly_spaced(count: int, limit: int) -> None:
    chosen = evenly_spaced(count, limit)
    assert len(chosen) == len(set(chosen)) == min(count, limit)
    gaps = [after - before for before, after in pairwise([*chosen, count])]
    assert max(gaps) - min(gaps) <= 1
    assert evenly_spaced(count, None) == list(range(count))


def test_evenly_spaced_is_even_and_never_more_than_the_limit() -> None:
    assert list(evenly_spaced(10, 3)) == [0, 3, 6]
    assert list(evenly_spaced(10, None)) == list(range(10))
    assert list(evenly_spaced(2, 5)) == [0, 1]


def test_metadata_with_a_british_key_has_a_license(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        parts = {".png": cv2.imencode(".png", synthetic_image(0))[1].tobytes()}
        parts[".json"] = b'{"source": "x", "licence": "CC0-1.0"}'
        for suffix, content in parts.items():
            member = tarfile.TarInfo(f"0{suffix}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert Shards([tmp_path]).metadata(0) == {"source": "x", "license": "CC0-1.0"}
