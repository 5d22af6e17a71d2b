"""A folder of images: files, labels, licenses and authors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rechroma.datasets.build.table_readers import read_table
from rechroma.datasets.shards import MAX_CLASS
from rechroma.errors import DataError, SourceError
from rechroma.fs import is_clutter
from rechroma.imaging import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rechroma.datasets.build.table_readers import Row

ATTRIBUTION = "attribution.csv"
_KEPT = ("source", "license", "author", "url")


@dataclass(frozen=True)
class ImageFolder:
    """Images of a folder and their metadata.

    Attributes:
        files: Sorted paths within the folder, with slashes.
        labels: Label of each file that has one.
        classes: Number of each label, in order.
        metadata: Source, license, author and URL by file, if known.
        absent: Files with a label that do not exist.
    """

    files: list[str]
    labels: Mapping[str, str]
    classes: Mapping[str, int]
    metadata: Mapping[str, Row]
    absent: list[str]


def read_image_folder(folder: Path, labels: Path | None, *, labeled: bool) -> ImageFolder:
    """Scan a folder and read its tables.

    Args:
        folder: Folder of images.
        labels: Table with the columns `path` and `label`.
        labeled: Assign labels.

    Raises:
        SourceError: There is no such folder.
        DataError: It has no image, or a table is invalid.
    """
    files = _find_images(folder)
    metadata: dict[str, Row] = {}
    if (folder / ATTRIBUTION).is_file():
        rows = read_table(folder / ATTRIBUTION, ("file",))
        metadata = {_normalize_path(row["file"]): row for row in rows}
    found = _find_labels(files, metadata, labels) if labeled else {}
    here = set(files)
    present = {file: label for file, label in found.items() if file in here}
    absent = sorted(found.keys() - here)
    kept = {file: {name: row.get(name, "") for name in _KEPT} for file, row in metadata.items()}
    return ImageFolder(files, present, number_classes(present.values()), kept, absent)


def number_classes(labels: Iterable[str]) -> dict[str, int]:
    """Number the labels: by themselves if all are integers, else in alphabetical order.

    Raises:
        DataError: A number is above the largest class.
    """
    names = sorted(set(labels))
    if not all(name.isascii() and name.isdigit() for name in names):
        return {name: number for number, name in enumerate(names)}
    if any(len(name) > len(str(MAX_CLASS)) for name in names):
        raise DataError(
            f"the number of a class is above {MAX_CLASS}", hint="Use smaller numbers, or names."
        )
    return {name: int(name) for name in sorted(names, key=int)}


def _find_images(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder", hint="Check the path.")
    found = []
    for root, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not is_clutter(name)]
        paths = [Path(root, name) for name in names if not is_clutter(name)]
        images = [path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()]
        found += [path.relative_to(folder).as_posix() for path in images]
    if not found:
        raise DataError(
            f"{folder}: no images found", hint=f"Known suffixes: {', '.join(SUFFIXES)}."
        )
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename}: {error.strerror}") from error


def _find_labels(
    files: Iterable[str], metadata: Mapping[str, Row], table: Path | None
) -> dict[str, str]:
    if table is not None:
        rows = read_table(table, ("path", "label"))
        named = {_normalize_path(row["path"]): row["label"].strip() for row in rows}
    elif metadata:
        named = {file: row.get("label", "").strip() for file, row in metadata.items()}
    elif all("/" in file for file in files):
        named = {file: file.split("/", 1)[0] for file in files}
    else:
        named = {}
    return {file: label for file, label in named.items() if label}


def _normalize_path(path: str) -> str:
    return PurePosixPath(path.strip()).as_posix()
