"""Packing of a folder of images into shards, with a record of every rejected file.

The same folder and configuration give the same bytes. Images are ordered by a hash of their names,
so that every shard is a fair sample of the whole. The first of several duplicates is kept. An
image's key is a hash of its file and decides its split, so that no image changes sides when others
are added.
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
from rechroma.datasets.build.filters import NearDuplicateIndex, quantiles
from rechroma.datasets.build.image_folder import ImageFolder, read_image_folder
from rechroma.datasets.build.preprocess import (
    ABSENT,
    DUPLICATE,
    NEAR_DUPLICATE,
    SUFFIXES,
    ImageFormat,
    PackedImage,
    Rejected,
    preprocess_image,
)
from rechroma.datasets.build.shard_writer import ShardWriter, map_ordered
from rechroma.errors import DataError, TargetError
from rechroma.fs import translate_os_errors
from rechroma.options import check_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rechroma.datasets.build.table_readers import Row

SPLITS = ("train", "val")
MANIFEST, DROPPED = "manifest.json", "dropped.csv"


@dataclass(frozen=True)
class PackConfig:
    """Options of packing.

    Attributes:
        form: Format of the images.
        shard_size: Maximum number of images in a shard.
        val_share: Share of the images set aside for validation, 0 to 1.
        source: Name of the source, by which evaluation groups its metrics.
        license: License of images without one of their own.
    """

    form: ImageFormat = field(default_factory=ImageFormat)
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
    config: PackConfig | None = None,
    *,
    labels: Path | None = None,
    labeled: bool = True,
    jobs: int | None = None,
    on_image: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Pack the images of a folder and its subfolders, except hidden ones and linked folders.

    Args:
        folder: The images, with the `attribution.csv` of their download if there is one.
        out: Folder to write, new or empty; it appears when everything is done.
        config: Options.
        labels: Table with the columns `path` (within the folder) and `label`. By default, labels
            come from a column `label` of `attribution.csv`, or else from the subfolders, if all
            images are in some.
        labeled: Assign labels.
        jobs: Number of threads; by default that of processors.
        on_image: Called after each file.

    Returns:
        The content of `manifest.json`.

    Raises:
        DataError: There is no image, all are rejected, or a table is invalid.
        TargetError: The folder cannot be written, or is not empty.
    """
    config = config or PackConfig()
    with translate_os_errors(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise TargetError(
                f"{out}: this folder is not empty",
                hint="Name another folder with -o, or remove this one first.",
            )
    images = read_image_folder(folder, labels, labeled=labeled)
    packed = map_ordered(
        lambda file: (file, preprocess_image(folder / file, file, config.form)),
        sorted(images.files, key=lambda file: hashlib.sha256(os.fsencode(file)).digest()),
        jobs or os.cpu_count() or 1,
    )
    with (
        translate_os_errors(out),
        _build_folder(out) as building,
        _Packer(building, config, images) as packer,
    ):
        with closing(packed):
            for file, sample in packed:
                packer.take(file, sample)
                on_image()
        return packer.finish()


class _Packer:
    """Collects kept and rejected images."""

    def __init__(self, folder: Path, config: PackConfig, images: ImageFolder) -> None:
        self._folder, self._config, self._images = folder, config, images
        self._writers = {s: ShardWriter(folder, s, config.shard_size) for s in SPLITS}
        self._near_duplicates, self._kept = NearDuplicateIndex(), dict[str, str]()
        self._files: list[str] = []  # kept files by their numbers in the index
        self._rejected = [Rejected(name, ABSENT) for name in images.absent]
        self._classes = {split: Counter[str]() for split in SPLITS}
        self._licenses = Counter[str]()
        self._sides: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def take(self, file: str, sample: PackedImage | Rejected) -> None:
        if isinstance(sample, Rejected):
            self._rejected.append(sample)
        elif sample.key in self._kept:
            self._rejected.append(Rejected(file, DUPLICATE, f"of {self._kept[sample.key]}"))
        elif (number := self._near_duplicates.find(sample.hash)) is not None:
            self._rejected.append(Rejected(file, NEAR_DUPLICATE, f"of {self._files[number]}"))
        else:
            self._keep(file, sample)

    def finish(self) -> dict[str, Any]:
        if not self._kept:
            reasons = ", ".join(f"{count} {why}" for why, count in self._reasons().items())
            raise DataError(
                f"all images were rejected: {reasons}",
                hint="Lower --min-side, or use larger color photographs.",
            )
        for writer in self._writers.values():
            writer.close()
        path = self._folder / DROPPED
        with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("path", "reason", "detail"))
            table.writerows(sorted((d.file, d.reason, d.detail) for d in self._rejected))
        manifest = self._manifest()
        (self._folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
        return manifest

    def _keep(self, file: str, sample: PackedImage) -> None:
        self._near_duplicates.add(sample.hash)
        self._files.append(file)
        self._kept[sample.key] = file
        split = split_of(sample.key, self._config.val_share)
        known: Row = self._images.metadata.get(file, {})
        stated = {name: value for name, value in known.items() if value}
        defaults = {"source": self._config.source, "license": self._config.license}
        metadata = defaults | {"author": ""} | stated | {"file": file}
        self._sides.append(min(sample.width, sample.height))
        self._licenses[metadata["license"]] += 1
        size = {"width": sample.width, "height": sample.height}
        parts = {
            SUFFIXES[self._config.form.format]: sample.data,
            ".json": json.dumps(metadata | size, sort_keys=True).encode(),
        }
        label = self._images.labels.get(file)
        if label is not None:
            self._classes[split][label] += 1
            parts[".cls"] = str(self._images.classes[label]).encode()
        self._writers[split].add(sample.key, parts)

    def _reasons(self) -> dict[str, int]:
        return dict(sorted(Counter(each.reason for each in self._rejected).items()))

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": 1,
            "rechroma": __version__,
            "config": asdict(self._config),
            "images": {
                "found": len(self._images.files),
                "kept": len(self._kept),
                **{split: writer.images for split, writer in self._writers.items()},
            },
            "dropped": self._reasons(),
            "classes": [
                {"number": number, "name": name}
                | {split: counts[name] for split, counts in self._classes.items()}
                for name, number in self._images.classes.items()
            ],
            "licenses": dict(sorted(self._licenses.items())),
            "short_side": quantiles(self._sides),
            "shards": [shard for writer in self._writers.values() for shard in writer.shards],
        }


def split_of(key: str, val_share: float) -> str:
    """Assign an image to a split by its key alone."""
    return "val" if int(key[:8], 16) < val_share * 2**32 else "train"


@contextmanager
def _build_folder(out: Path) -> Iterator[Path]:
    """Yield a temporary folder that is renamed on success and removed on failure."""
    building = out.absolute().with_name(f".{secrets.token_hex(8)}.part")
    try:
        building.mkdir(parents=True)
        yield building
        if out.exists():
            out.rmdir()  # empty, as checked above; Windows cannot rename onto an existing folder
        building.rename(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
