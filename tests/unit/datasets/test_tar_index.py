"""The compact index agrees with tarfile for all tar formats."""

from __future__ import annotations

import io
import pickle
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechroma.datasets import Shards
from rechroma.datasets.tar_index import IMAGE, LABEL, METADATA, Index, scan
from rechroma.errors import DataError
from tests.support.shards import write_shard

KINDS = {METADATA: ".json", LABEL: ".cls"}
PARTS = st.text("ab.é\udcff", min_size=1, max_size=4).filter(lambda part: part.strip("."))
STEMS = st.lists(PARTS, min_size=1, max_size=3).map("/".join) | st.text("k", max_size=120)
SUFFIXES = st.sampled_from([".png", ".WEBP", ".jpg", ".json", ".cls", ".txt", ""])
MEMBERS = st.lists(st.tuples(STEMS, SUFFIXES, st.binary(max_size=1500)), max_size=12)
FORMATS = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])


class Entry(NamedTuple):
    """An image of a shard: its key, and the content of each member."""

    key: str
    contents: tuple[bytes | None, ...]


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def expected(path: Path) -> list[Entry]:
    """Read the images with tarfile and pathlib, as a reference."""
    with tarfile.open(path) as archive:
        files = {Path(m.name): archive.extractfile(m).read() for m in archive if m.isfile()}  # type: ignore[union-attr]
    return [
        Entry(
            str(file.with_suffix("")),
            (content, *(files.get(file.with_suffix(suffix)) for suffix in KINDS.values())),
        )
        for file, content in files.items()
        if file.suffix.lower() in {".png", ".webp", ".jpg"}
    ]


def found(path: Path, index: Index) -> list[Entry]:
    data = path.read_bytes()

    def content(number: int, kind: int) -> bytes | None:
        place = index.place(number, kind)
        return None if place is None else data[place.offset : place.offset + place.size]

    kinds = (IMAGE, METADATA, LABEL)
    return [
        Entry(index.key(number), tuple(content(number, kind) for kind in kinds))
        for number in range(len(index))
    ]


@given(members=MEMBERS, form=FORMATS, blanks=st.integers(0, 3))
def test_index_agrees_with_tarfile(
    members: list[tuple[str, str, bytes]],
    form: int,
    blanks: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "index.tar"
    with tarfile.open(path, "w", format=form) as archive:
        for stem, suffix, content in members:
            add(
                archive,
                stem[:90] + suffix if form == tarfile.USTAR_FORMAT else stem + suffix,
                content,
            )
    with path.open("ab") as file:
        file.write(bytes(blanks * 512))
    index = scan(path)
    entries = expected(path)
    assert found(path, index) == entries
    assert list(index.names()) == [(entry.key, len(entry.contents[0] or b"")) for entry in entries]


def test_plain_archive_needs_no_tarfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = many(tmp_path / "s.tar", 3)
    entries = expected(path)
    monkeypatch.setattr(tarfile, "open", None)
    assert found(path, scan(path)) == entries


def test_folders_links_and_extended_headers_are_resolved(tmp_path: Path) -> None:
    path = tmp_path / "s.tar"
    with tarfile.open(path, "w") as archive:
        folder, link = tarfile.TarInfo("./in"), tarfile.TarInfo("./in/link.png")
        folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "a.png"
        archive.addfile(folder)
        archive.addfile(link)
        add(archive, "./in//a.png", b"image")
        add(archive, "in/a.json", b"{}")
    assert found(path, scan(path)) == [Entry("in/a", (b"image", b"{}", None))]


@pytest.mark.parametrize("number", [0, 1, 5, 12])
def test_changed_byte_in_a_header_is_detected(tmp_path: Path, number: int) -> None:
    path = write_shard(tmp_path / "s.tar", 5, classes=2)
    with tarfile.open(path) as archive:
        member = archive.getmembers()[number]
    data = bytearray(path.read_bytes())
    for place in (0, 130, 150, 300):  # name, size, checksum, an unused field
        changed = bytearray(data)
        changed[member.offset + place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(DataError, match=r"s\.tar: (not a readable|is truncated or damaged)"):
            scan(path)


@given(kept=st.floats(0, 0.999))
def test_truncated_shard_is_rejected(kept: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write_shard(tmp_path_factory.getbasetemp() / "cut.tar", 2)
    with tarfile.open(path) as archive:
        archive.getmembers()
        end = archive.offset
    path.write_bytes(path.read_bytes()[: int(kept * end)])
    with pytest.raises(DataError, match=r"cut\.tar"):
        scan(path)


def many(path: Path, count: int) -> Path:
    """Write a shard as `rechroma data pack` does, with dummy images."""
    with tarfile.open(path, "w") as archive:
        for number in range(count):
            for suffix, size in ((".webp", 20_000), (".json", 250), (".cls", 2)):
                add(archive, f"{number * 7919:020x}{suffix}", bytes(size))
    return path


class TestIsSmall:
    """The index of a million images takes about forty megabytes in each process."""

    def test_index_is_small_in_memory(self, tmp_path: Path) -> None:
        count = 1000
        index = scan(many(tmp_path / "s.tar", count))
        parts = [index.blocks, *index.sizes, index.keys, index.ends]
        assert sum(map(sys.getsizeof, parts)) < 50 * count
        assert all(isinstance(part, bytes | np.ndarray) for part in parts)
        arrays = (index.blocks, *index.sizes, index.ends)
        assert len(index.keys) + sum(array.nbytes for array in arrays) < 45 * count

    def test_index_is_small_when_pickled(self, tmp_path: Path) -> None:
        many(tmp_path / "s.tar", 1000)
        shards = Shards([tmp_path])
        sent = pickle.dumps(shards)
        assert len(sent) < 50 * len(shards)
        assert pickle.loads(sent).digest() == shards.digest()


class TestAShardThatIsNamedOften:
    def test_repeated_shard_is_scanned_and_stored_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scanned = []

        def noted(shard: Path) -> Index:
            scanned.append(shard)
            return scan(shard)

        monkeypatch.setattr("rechroma.datasets.shards.scan", noted)
        path = many(tmp_path / "s.tar", 20)
        once, often = Shards([path]), Shards([path] * 50)
        assert scanned == [path, path]
        assert len(often) == 50 * len(once)
        for shards in (often, pickle.loads(pickle.dumps(often))):
            assert len({id(index) for index in shards._indexes}) == 1
        assert len(pickle.dumps(often)) < len(pickle.dumps(once)) + 50 * 200

    def test_repeated_shard_gives_its_images_each_time(self, tmp_path: Path) -> None:
        first, second = write_shard(tmp_path / "a.tar", 2), write_shard(tmp_path / "b.tar", 3)
        shards = Shards([first, second, first])
        assert [shards.shard(number).stem for number in range(len(shards))] == [*"aabbbaa"]
        assert [shards.key(number) for number in range(5, 7)] == ["00000", "00001"]
        np.testing.assert_array_equal(shards[6], shards[1])
