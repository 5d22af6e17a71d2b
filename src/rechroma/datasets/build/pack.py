"""Packs a folder of pictures into shards for training, and says what became of each picture.

The same folder and settings give the same bytes. Pictures are taken in an order that is drawn from
their names, so that every shard is a fair sample of the whole. Of duplicates the first is kept. A
picture's key is a hash of its file and decides whether it is for training or for validation, so
that it stays what it is when pictures are added.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import secrets
import shutil
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from rechroma._version import __version__
from rechroma.datasets.build.catalog import Catalog, read_catalog
from rechroma.datasets.build.color_filter import quantiles
from rechroma.datasets.build.near_duplicates import NearDuplicateIndex
from rechroma.datasets.build.parallel import in_order
from rechroma.datasets.build.preprocess import (
    ABSENT,
    DUPLICATE,
    NEAR_DUPLICATE,
    SUFFIXES,
    Dropped,
    Form,
    Sample,
    make_sample,
)
from rechroma.datasets.build.shard_writer import ShardWriter
from rechroma.errors import DataError, TargetError
from rechroma.fs import translate_os_errors
from rechroma.options import check_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from rechroma.datasets.build.tables import Row

SPLITS = ("train", "val")
MANIFEST, DROPPED = "manifest.json", "dropped.csv"


@dataclass(frozen=True)
class Settings:
    """How a folder is packed.

    Attributes:
        form: How pictures are kept.
        shard_size: The most pictures in a shard.
        val_share: Share of the pictures that is set aside for validation, 0 to 1.
        source: Where the pictures are from; a name for the whole, which figures are grouped by.
        license: That of the pictures of which nothing else is known.
    """

    form: Form = field(default_factory=Form)
    shard_size: int = 5000
    val_share: float = 0.1
    source: str = "unknown"
    license: str = "unknown"

    def __post_init__(self) -> None:
        check_range("shard_size", self.shard_size, 1, 1_000_000)
        check_range("val_share", self.val_share, 0, 1)


def pack(
    folder: Path,
    out: Path,
    settings: Settings | None = None,
    *,
    labels: Path | None = None,
    labeled: bool = True,
    jobs: int | None = None,
    on_picture: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Pack the pictures of a folder and of all below it, but for hidden ones and linked folders.

    Args:
        folder: The pictures, and maybe the `attribution.csv` of their fetching.
        out: The folder to write, which appears when all is done; it must be new or empty.
        settings: How.
        labels: A table with the columns `path` (within the folder) and `label`. Without, a column
            `label` of `attribution.csv` says what the pictures show, or else the subfolders that
            they lie in, if all do.
        labeled: Whether pictures get labels at all.
        jobs: Pictures at a time; without, as many as there are processors.
        on_picture: Called after each.

    Returns:
        What `manifest.json` says.

    Raises:
        DataError: There is no picture, none that can be kept, or a table makes no sense.
        TargetError: The folder cannot be written, or holds something already.
    """
    settings = settings or Settings()
    _check_free(out)
    catalog = read_catalog(folder, labels, labeled=labeled)
    made = in_order(
        lambda file: (file, make_sample(folder / file, file, settings.form)),
        _drawn(catalog.files),
        jobs or os.cpu_count() or 1,
    )
    with (
        translate_os_errors(out),
        _built(out) as building,
        _Packer(building, settings, catalog) as packer,
    ):
        with closing(made):
            for file, sample in made:
                packer.take(file, sample)
                on_picture()
        return packer.finish()


class _Packer:
    """Gathers what is kept and what is dropped."""

    def __init__(self, folder: Path, settings: Settings, catalog: Catalog) -> None:
        self._folder, self._settings, self._catalog = folder, settings, catalog
        self._writers = {s: ShardWriter(folder, s, settings.shard_size) for s in SPLITS}
        self._likeness, self._kept = NearDuplicateIndex(), dict[str, str]()
        self._files: list[str] = []  # that are kept, by their numbers in the likeness
        self._dropped = [Dropped(name, ABSENT) for name in catalog.absent]
        self._classes = {split: Counter[str]() for split in SPLITS}
        self._licenses = Counter[str]()
        self._sides: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def take(self, file: str, sample: Sample | Dropped) -> None:
        dropped = sample if isinstance(sample, Dropped) else self._twin(file, sample)
        if dropped:
            self._dropped.append(dropped)
        elif isinstance(sample, Sample):
            self._keep(file, sample)

    def finish(self) -> dict[str, Any]:
        if not self._kept:
            reasons = ", ".join(f"{count} {why}" for why, count in self._reasons().items())
            raise DataError(f"no picture can be kept: {reasons}")
        for writer in self._writers.values():
            writer.close()
        _write_dropped(self._folder / DROPPED, self._dropped)
        manifest = self._manifest()
        (self._folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
        return manifest

    def _twin(self, file: str, sample: Sample) -> Dropped | None:
        if sample.key in self._kept:
            return Dropped(file, DUPLICATE, f"of {self._kept[sample.key]}")
        number = self._likeness.find(sample.likeness)
        if number is None:
            return None
        return Dropped(file, NEAR_DUPLICATE, f"of {self._files[number]}")

    def _keep(self, file: str, sample: Sample) -> None:
        self._likeness.add(sample.likeness)
        self._files.append(file)
        self._kept[sample.key] = file
        split = split_of(sample.key, self._settings.val_share)
        facts = self._facts(file, sample)
        self._sides.append(min(sample.width, sample.height))
        self._licenses[facts["license"]] += 1
        parts = {SUFFIXES[self._settings.form.format]: sample.data, ".json": _json(facts)}
        label = self._catalog.labels.get(file)
        if label is not None:
            self._classes[split][label] += 1
            parts[".cls"] = str(self._catalog.classes[label]).encode()
        self._writers[split].add(sample.key, parts)

    def _facts(self, file: str, sample: Sample) -> dict[str, Any]:
        known: Row = self._catalog.facts.get(file, {})
        stated = {name: value for name, value in known.items() if value}
        defaults = {"source": self._settings.source, "license": self._settings.license}
        size = {"width": sample.width, "height": sample.height}
        return defaults | {"author": ""} | stated | {"file": file} | size

    def _reasons(self) -> dict[str, int]:
        return dict(sorted(Counter(dropped.reason for dropped in self._dropped).items()))

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": 1,
            "rechroma": __version__,
            "settings": asdict(self._settings),
            "pictures": {
                "found": len(self._catalog.files),
                "kept": len(self._kept),
                **{split: writer.pictures for split, writer in self._writers.items()},
            },
            "dropped": self._reasons(),
            "classes": [
                {"number": number, "name": name}
                | {split: counts[name] for split, counts in self._classes.items()}
                for name, number in self._catalog.classes.items()
            ],
            "licenses": dict(sorted(self._licenses.items())),
            "short_side": quantiles(self._sides),
            "shards": [shard for writer in self._writers.values() for shard in writer.shards],
        }


def split_of(key: str, val_share: float) -> str:
    """Which split a picture belongs to, by its key alone."""
    return "val" if int(key[:8], 16) < val_share * 2**32 else "train"


def _drawn(files: Iterable[str]) -> list[str]:
    return sorted(files, key=lambda file: hashlib.sha256(os.fsencode(file)).digest())


def _json(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True).encode()


def _write_dropped(path: Path, dropped: Iterable[Dropped]) -> None:
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "reason", "detail"))
        writer.writerows(sorted((d.file, d.reason, d.detail) for d in dropped))


def _check_free(out: Path) -> None:
    with translate_os_errors(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise TargetError(
                f"{out}: there is something already",
                hint="Name another folder with -o, or remove this one first.",
            )


@contextmanager
def _built(out: Path) -> Iterator[Path]:
    """A folder to fill, which takes its name when all went well, and is removed otherwise."""
    building = out.absolute().with_name(f".{secrets.token_hex(8)}.part")
    try:
        building.mkdir(parents=True)
        yield building
        if out.exists():
            out.rmdir()  # empty, as was checked; Windows renames to nothing that is there
        building.rename(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
