"""Ledger of results: the photograph, model and options that each result was made from.

The ledger is a hidden file in each folder with results, to which one line of JSON is added per
result. A result whose photograph has the recorded path, size and modification time is known
without reading either; if only the path or the time differs, the SHA-256 decides. So folders can be
moved and renamed along with their ledgers.
"""

from __future__ import annotations

import dataclasses
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, cached_property
from pathlib import Path
from stat import S_ISREG
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from rechroma.errors import TargetError
from rechroma.fs import file_sha256, translate_os_errors
from rechroma.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rechroma.colorizer import Result
    from rechroma.imaging import Damage

LEDGER_NAME = ".rechroma.jsonl"

_UNRECORDED = "The result was written, but not recorded as done."
_IRRELEVANT = "strict"  # rejects photographs, but changes no result


class Standing(Enum):
    """Relation of a file at the place of a result to the photograph."""

    ABSENT = auto()
    """There is no file."""
    DONE = auto()
    """It was made from this photograph, with this model and these options."""
    OTHER_OPTIONS = auto()
    """It was made from this photograph, but with another model or other options."""
    OUTDATED = auto()
    """It was made from this photograph before it was changed."""
    EDITED = auto()
    """Likewise, and the result was edited since."""
    REASSIGNED = auto()
    """It is the result of a photograph of this run that now gets another name."""
    TAKEN = auto()
    """It is the result of another photograph, or was before it was edited."""
    UNKNOWN = auto()
    """It is not recorded."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size in bytes and modification time in nanoseconds, which change when a file does."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class ColorizationSettings:
    """The model of a result, and the options that are not the defaults."""

    model: str
    model_sha256: str
    options: Mapping[str, Any]

    @classmethod
    def from_options(cls, model: Path, options: Mapping[str, Any]) -> ColorizationSettings:
        """Describe a model file and the keyword arguments of `Colorizer.colorize_file`."""
        changed = {
            name: value
            for name, value in options.items()
            if name != _IRRELEVANT and name in OPTIONS and value != OPTIONS[name].default
        }
        if hints := options.get("hints"):
            changed["hints"] = [dataclasses.asdict(hint) for hint in hints]
        return cls(model.stem, _model_sha256(model, read_stamp(model)), changed)


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """The content of a photograph at a time."""

    stamp: Stamp
    sha256: str


class Omissions(NamedTuple):
    """What may be missing from a result.

    Attributes:
        pages: The number of pages or frames of the photograph.
        damage: Its damage.
        unreadable_metadata: The kinds of its metadata that could not be read.
    """

    pages: int = 1
    damage: Damage | None = None
    unreadable_metadata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Record:
    """A line of a ledger; the path of the source is relative to the ledger's folder."""

    result: str
    result_stamp: Stamp
    source: str
    source_version: SourceVersion
    settings: ColorizationSettings
    pages: int = 1
    damage: Damage | None = None
    unreadable_metadata: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        return json.dumps(dataclasses.asdict(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> _Record:
        from rechroma.imaging import Damage

        entry = json.loads(line)
        version, damage = entry["source_version"], entry.get("damage")
        return cls(
            entry["result"],
            Stamp(**entry["result_stamp"]),
            entry["source"],
            SourceVersion(Stamp(**version["stamp"]), version["sha256"]),
            ColorizationSettings(**entry["settings"]),
            entry.get("pages", 1),
            Damage(damage) if damage else None,
            tuple(entry.get("unreadable_metadata", ())),
        )


class Ledger:
    """The ledgers of all folders that a run writes results to.

    Its methods can be called from several threads.

    Args:
        sources: All photographs of the run.
    """

    def __init__(self, sources: Iterable[Path]) -> None:
        self._sources = sources
        self._records: dict[Path, dict[str, _Record]] = {}
        self._real = cache(os.path.realpath)
        self._lock = Lock()

    def standing(self, source: Path, target: Path, settings: ColorizationSettings) -> Standing:
        """Compare the file at the place of a result with what is recorded of it."""
        found = read_stamp(target)
        if found is None:
            return Standing.ABSENT
        record = self._read(target.parent).get(target.name)
        if record is None:
            return Standing.UNKNOWN
        if self._is_source(record, source, target):
            return Standing.DONE if record.settings == settings else Standing.OTHER_OPTIONS
        is_edited = found != record.result_stamp
        if record.source == self._relative(source, target.parent):
            return Standing.EDITED if is_edited else Standing.OUTDATED
        is_in_run = self._real(target.parent / record.source) in self._real_sources
        return Standing.REASSIGNED if is_in_run and not is_edited else Standing.TAKEN

    def omissions(self, target: Path) -> Omissions:
        """Return what is recorded as missing from a result."""
        record = self._read(target.parent).get(target.name)
        if record is None:
            return Omissions()
        return Omissions(record.pages, record.damage, record.unreadable_metadata)

    def add(self, result: Result, version: SourceVersion, settings: ColorizationSettings) -> None:
        """Record a result, unless its source has changed in the meantime.

        Raises:
            TargetError: The file system refuses.
        """
        source, target = result.source, result.target
        made = read_stamp(target)
        if made is None or read_stamp(source) != version.stamp:
            return
        name = self._relative(source, target.parent)
        omissions = Omissions(result.pages, result.damage, result.unreadable_metadata)
        self._append(target.parent, _Record(target.name, made, name, version, settings, *omissions))

    @cached_property
    def _real_sources(self) -> set[str]:
        return {os.path.realpath(source) for source in self._sources}

    def _is_source(self, record: _Record, source: Path, target: Path) -> bool:
        stamp, recorded = read_stamp(source), record.source_version
        name = self._relative(source, target.parent)
        if (stamp, name) == (recorded.stamp, record.source):
            return True
        if stamp is None or stamp.size != recorded.stamp.size:
            return False
        if file_sha256(source) != recorded.sha256:
            return False
        version = SourceVersion(stamp, recorded.sha256)
        with suppress(TargetError):  # the next run has to read the photograph again, then
            moved = dataclasses.replace(record, source=name, source_version=version)
            self._append(target.parent, moved)
        return True

    def _relative(self, source: Path, folder: Path) -> str:
        parent, name = os.path.split(source)
        parent = self._real(parent)
        try:
            return Path(os.path.relpath(parent, self._real(folder)), name).as_posix()
        except ValueError:  # another drive of Windows
            return Path(parent, name).as_posix()

    def _read(self, folder: Path) -> dict[str, _Record]:
        if folder not in self._records:
            records = self._records[folder] = {}
            for line in _lines(folder / LEDGER_NAME):
                try:
                    record = _Record.from_json(line)
                except (ValueError, KeyError, TypeError):  # cut off by a crash
                    continue
                records[record.result] = record
        return self._records[folder]

    def _append(self, folder: Path, record: _Record) -> None:
        path = folder / LEDGER_NAME
        with self._lock, translate_os_errors(path, _UNRECORDED), path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":  # a full disk has cut off a line
                    file.write(b"\n")
            file.write(record.to_json())


def read_version(source: Path) -> SourceVersion | None:
    """Read the version of a photograph; None for a pipe, or if it cannot be read."""
    stamp = read_stamp(source)
    try:
        return None if stamp is None else SourceVersion(stamp, file_sha256(source))
    except OSError:  # coloring it gives the error
        return None


def read_stamp(path: Path) -> Stamp | None:
    """Read the stamp of a file; None if there is no regular file."""
    try:
        found = path.stat()
    except OSError:
        return None  # such as a name that is too long; writing it gives the error
    return Stamp(found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError:  # there is none
        return


@cache
def _model_sha256(path: Path, _stamp: Stamp | None) -> str:
    return file_sha256(path)  # once, however many settings name the model
