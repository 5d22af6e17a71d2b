"""What is known of the pictures of a folder before any is opened: labels, licenses, authors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rechroma.datasets.build.tables import read_table
from rechroma.datasets.shards import MAX_CLASS
from rechroma.errors import DataError
from rechroma.imaging import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rechroma.datasets.build.tables import Row

ATTRIBUTION = "attribution.csv"
_KEPT = ("source", "license", "author", "url")


@dataclass(frozen=True)
class Catalog:
    """A folder's pictures.

    Attributes:
        files: Their paths within the folder, with slashes, sorted.
        labels: What each shows, where that is known.
        classes: The number of each label, in its order.
        facts: Source, license, author and URL of each, where they are known.
        absent: Files that have a label, and are not there.
    """

    files: list[str]
    labels: Mapping[str, str]
    classes: Mapping[str, int]
    facts: Mapping[str, Row]
    absent: list[str]


def read_catalog(folder: Path, labels: Path | None, *, labeled: bool) -> Catalog:
    """Look through a folder and the tables that belong to it.

    Args:
        folder: The pictures.
        labels: A table with the columns `path` and `label`.
        labeled: Whether labels are wanted.

    Raises:
        DataError: There is no picture, or a table makes no sense.
    """
    files = _pictures(folder)
    facts = _facts(folder / ATTRIBUTION)
    found = _labels(files, facts, labels) if labeled else {}
    here = set(files)
    present = {file: label for file, label in found.items() if file in here}
    absent = sorted(found.keys() - here)
    kept = {file: {name: row.get(name, "") for name in _KEPT} for file, row in facts.items()}
    return Catalog(files, present, number_classes(present.values()), kept, absent)


def number_classes(labels: Iterable[str]) -> dict[str, int]:
    """The number of each label: itself if all are whole numbers, else its place in the alphabet.

    Raises:
        DataError: A number is larger than any class's.
    """
    names = sorted(set(labels))
    if not all(name.isascii() and name.isdigit() for name in names):
        return {name: number for number, name in enumerate(names)}
    if any(len(name) > len(str(MAX_CLASS)) for name in names):
        raise DataError(f"the number of a class is above {MAX_CLASS}")
    return {name: int(name) for name in sorted(names, key=int)}


def _pictures(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    found = []
    for root, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(root, name) for name in names if not name.startswith(".")]
        pictures = [path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()]
        found += [path.relative_to(folder).as_posix() for path in pictures]
    if not found:
        raise DataError(f"{folder}: no picture here", hint=f"Pictures end with {_endings()}.")
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename}: {error.strerror}") from error


def _endings() -> str:
    return ", ".join(SUFFIXES)


def _facts(path: Path) -> dict[str, Row]:
    if not path.is_file():
        return {}
    return {_file(row["file"]): row for row in read_table(path, ("file",))}


def _labels(files: Iterable[str], facts: Mapping[str, Row], table: Path | None) -> dict[str, str]:
    if table is not None:
        rows = read_table(table, ("path", "label"))
        named = {_file(row["path"]): row["label"].strip() for row in rows}
    elif facts:
        named = {file: row.get("label", "").strip() for file, row in facts.items()}
    elif all("/" in file for file in files):
        named = {file: file.split("/", 1)[0] for file in files}
    else:
        named = {}
    return {file: label for file, label in named.items() if label}


def _file(path: str) -> str:
    return PurePosixPath(path.strip()).as_posix()
