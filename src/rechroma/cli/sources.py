"""Which pictures a command line names, and where each result goes.

Looks at names and at what the folders list, never into a file: planning a run over 50,000
pictures has to cost about as much as listing them.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path

from rechroma.errors import OptionError, RechromaError, SourceError, TargetError

STDIO = "-"
_Key = Callable[[Path], Path]


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that was found.

    Attributes:
        path: Where it is.
        relative: Its place below the folder or pattern that named it; a file's own name.
    """

    path: Path
    relative: Path


@dataclass(frozen=True, slots=True)
class Missing:
    """An argument or a folder that gives no pictures, and why."""

    name: str
    error: RechromaError


@dataclass(frozen=True, slots=True)
class Task:
    """One picture to colour, and the file that the result goes to."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run has to do, in the order in which it was named and found."""

    tasks: list[Task]
    missing: list[Missing]


def names_pictures(word: str) -> bool:
    """Whether a word of the command line looks like something to colour."""
    return word == STDIO or os.path.lexists(word) or glob.has_magic(word) or _is_picture(word)


def make_plan(
    arguments: Iterable[str], out: str | None = None, file_format: str | None = None
) -> Plan:
    """Find the pictures and give each a target; nothing is opened or written.

    Args:
        arguments: Files, folders (searched recursively) and glob patterns.
        out: The folder for the results, or one file, or None for beside each original.
        file_format: The format asked for, which decides the suffix; None keeps the source's.

    Raises:
        OptionError: Two results would go to one file, a result would replace an original, or one
            file was named for the results of several pictures.
        TargetError: `out` is a file where it has to be a folder.
    """
    key = _make_key()
    found = [item for argument in arguments for item in _find(argument, out)]
    missing = [item for item in found if isinstance(item, Missing)]
    originals = {key(item.path): item for item in found if isinstance(item, Source)}
    for source in list(originals.values()):
        originals.pop(key(_beside(source.path, file_format)), None)
    target_of = _target_rule(out, len(originals) + len(missing), file_format)
    tasks = [Task(source.path, target_of(source)) for source in originals.values()]
    _refuse_collisions(tasks, originals, key)
    return Plan(tasks, missing)


def _make_key() -> _Key:
    """Name a file by its real folder, asking the file system once per folder and not per file."""
    real = cache(Path.resolve)
    return lambda path: real(path.parent) / path.name


def _find(argument: str, out: str | None) -> Iterator[Source | Missing]:
    path = Path(argument)
    try:
        if path.is_dir():
            return _in_folder(path, out)
        if path.is_symlink() or path.exists():
            return iter([Source(path, Path(path.name))])
    except OSError as error:
        return iter([_missing(argument, error.strerror or "cannot be read")])
    if glob.has_magic(argument):
        return _of_pattern(argument)
    return iter([_missing(argument, "there is no such file or folder")])


def _in_folder(folder: Path, out: str | None) -> Iterator[Source | Missing]:
    """Walk a folder, leaving out hidden names, earlier results and the folder they go to."""
    unreadable: list[OSError] = []
    results = Path(out).resolve() if out else None
    empty = True
    for parent, folders, names in os.walk(folder, onerror=unreadable.append):
        here = Path(parent)
        folders[:] = sorted(
            name for name in folders if name[0] != "." and (here / name).resolve() != results
        )
        for path in (here / name for name in sorted(names) if _is_original(name)):
            empty = False
            yield Source(path, path.relative_to(folder))
    yield from (_missing(str(e.filename), e.strerror or "cannot be read") for e in unreadable)
    if empty and not unreadable:
        yield _missing(str(folder), "there is no picture in this folder")


def _of_pattern(pattern: str) -> Iterator[Source | Missing]:
    plain = takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts)
    base = Path(*plain)
    paths = map(Path, sorted(glob.iglob(pattern, recursive=True)))  # noqa: PTH207 - may be absolute
    sources = [Source(p, p.relative_to(base)) for p in paths if _is_original(p.name)]
    yield from sources
    if not sources:
        yield _missing(pattern, "no picture matches this pattern")


def _missing(name: str, reason: str) -> Missing:
    return Missing(name, SourceError(f"{name}: {reason}"))


def _is_picture(name: str) -> bool:
    from rechroma.imaging import SUFFIXES

    return Path(name).suffix.lower() in SUFFIXES


def _is_original(name: str) -> bool:
    """A picture that is neither hidden nor the result of an earlier run."""
    return not name.startswith(".") and _is_picture(name) and not Path(name).stem.endswith(".color")


def _beside(source: Path, file_format: str | None) -> Path:
    from rechroma.colorizer import default_target

    return default_target(source, file_format)


def _target_rule(
    out: str | None, pictures: int, file_format: str | None
) -> Callable[[Source], Path]:
    if out is None:
        return lambda source: _beside(source.path, file_format)
    path = Path(out)
    if path.is_dir() or out.endswith(("/", os.sep)) or not _is_picture(out):
        return _into_folder(path, file_format)
    if pictures > 1:
        raise OptionError(
            f"{out} is one file, but there are {pictures} pictures",
            hint=f"Name a folder: -o {path.stem}/",
        )
    return lambda _source: path


def _into_folder(folder: Path, file_format: str | None) -> Callable[[Source], Path]:
    if folder.exists() and not folder.is_dir():
        raise TargetError(f"{folder} is a file; the results need a folder")

    def target(source: Source) -> Path:
        suffix = _beside(source.path, file_format).suffix
        return folder / source.relative.with_suffix(suffix)

    return target


def _refuse_collisions(tasks: Iterable[Task], originals: Collection[Path], key: _Key) -> None:
    taken: dict[Path, Path] = {}
    for task in tasks:
        target = key(task.target)
        if target in originals:
            raise OptionError(
                f"{task.source}: the result would replace the original {task.target}",
                hint="Choose another folder with -o, or leave -o out.",
            )
        if target in taken:
            raise OptionError(
                f"{taken[target]} and {task.source} would both become {task.target}",
                hint="Name the folder that holds both: its tree is kept.",
            )
        taken[target] = task.source
