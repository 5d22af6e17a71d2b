"""Which pictures a command line names, and where each result goes.

Looks at names and at what the folders list, and into a file only if it is named and has no suffix:
planning a run over 50,000 pictures has to cost about as much as listing them.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from stat import S_ISDIR

from rechroma.errors import OptionError, RechromaError, SourceError, TargetError
from rechroma.options import RESULT_SUFFIX

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
    """One picture to color, and the file that the result goes to."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run has to do, in the order in which it was named and found."""

    tasks: list[Task]
    missing: list[Missing]


def names_pictures(word: str) -> bool:
    """Whether a word of the command line looks like something to color."""
    if word == STDIO or "/" in word or os.sep in word:
        return True
    return os.path.lexists(word) or glob.has_magic(word) or _is_picture(word)


def is_folder(out: str) -> bool:
    """Whether the target that was asked for is a folder: one that exists, or named with a slash.

    Raises:
        TargetError: It cannot be looked at.
    """
    mode = _target_mode(Path(out))
    return out.endswith(("/", os.sep)) or (mode is not None and S_ISDIR(mode))


def make_plan(
    arguments: Iterable[str], out: str | None = None, file_format: str | None = None
) -> Plan:
    """Find the pictures and give each a target; nothing is written.

    Where two pictures of one folder would share a target, such as `a.gif` and `a.png`, the one
    whose suffix changes keeps it in the name: `a.gif.png`.

    Args:
        arguments: Files, folders (searched recursively) and glob patterns.
        out: The folder for the results, or one file, or None for beside each original.
        file_format: The format asked for, which decides the suffix; None keeps the source's.

    Raises:
        OptionError: Pictures of two folders would go to one file, a result would replace an
            original, or `out` is one file and there are several pictures, or its name ends as
            another format.
        TargetError: `out` is a file where it has to be a folder, or cannot be looked at.
    """
    key = _make_key()
    found = [item for argument in arguments for item in _find(argument, out)]
    missing = [item for item in found if isinstance(item, Missing)]
    named = {key(item.path): item for item in found if isinstance(item, Source)}
    sources = _without_results(list(named.values()))
    target_of = _target_rule(out, len(sources) + len(missing), file_format)
    tasks = _name_targets(sources, target_of, key)
    _refuse_replacing(tasks, {key(source.path) for source in sources}, key)
    return Plan(tasks, missing)


def _make_key() -> _Key:
    """Name a file by its real folder, asking the file system once per folder and not per file."""
    real = cache(Path.resolve)
    return lambda path: real(path.parent) / path.name


def _find(argument: str, out: str | None) -> Iterator[Source | Missing]:
    path = Path(argument)
    try:
        mode = _mode(path)
    except OSError as error:
        return iter([_missing(argument, error.strerror or "cannot be read")])
    if mode is not None and S_ISDIR(mode):
        return _in_folder(path, out)
    if mode is not None or path.is_symlink():
        return iter([Source(path, Path(path.name))])
    if glob.has_magic(argument):
        return _of_pattern(argument)
    return iter([_missing(argument, "there is no such file or folder")])


def _mode(path: Path) -> int | None:
    """What a path is, for the tests in :mod:`stat`; None where there is nothing.

    Unlike `Path.exists` it raises OSError of whatever keeps it from looking, in every Python.
    """
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _target_mode(path: Path) -> int | None:
    try:
        return _mode(path)
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror}") from error


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
        yield _missing(str(folder), "there is no picture in this folder", _wanted())


def _of_pattern(pattern: str) -> Iterator[Source | Missing]:
    plain = takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts)
    base = Path(*plain)
    paths = map(Path, sorted(glob.iglob(pattern, recursive=True)))  # noqa: PTH207 - may be absolute
    sources = [Source(p, p.relative_to(base)) for p in paths if _is_original(p.name)]
    yield from sources
    if not sources:
        yield _missing(pattern, "no picture matches this pattern")


def _missing(name: str, reason: str, hint: str | None = None) -> Missing:
    return Missing(name, SourceError(f"{name}: {reason}", hint=hint))


def _wanted() -> str:
    from rechroma.imaging import SUFFIXES

    return f"Looked for {', '.join(SUFFIXES)}; hidden files and earlier results are left out."


def _is_picture(name: str) -> bool:
    from rechroma.imaging import SUFFIXES

    return Path(name).suffix.lower() in SUFFIXES


def _is_original(name: str) -> bool:
    """A picture that is neither hidden nor the result of an earlier run."""
    return (
        not name.startswith(".")
        and _is_picture(name)
        and not Path(name).stem.endswith(RESULT_SUFFIX)
    )


def _without_results(sources: list[Source]) -> list[Source]:
    """Leave out earlier results, which a shell's pattern lists beside their originals.

    One that was named alone is a picture like any.
    """
    if len(sources) == 1:
        return sources
    names_of = cache(_names_in)
    return [source for source in sources if not _is_result(source.path, names_of)]


def _is_result(path: Path, names_of: Callable[[Path], Collection[str]]) -> bool:
    """Whether it is called `photo.color.*` and `photo.*` stands beside it, whatever the suffix."""
    original, _, suffix = path.name.rpartition(RESULT_SUFFIX)
    has_mark = suffix == "" or (suffix == path.suffix and _is_picture(path.name))
    return has_mark and original in names_of(path.parent)


def _names_in(folder: Path) -> set[str]:
    """The names in a folder, and those of its pictures without their suffixes."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError:
        return set()
    return names | {Path(name).stem for name in names if _is_picture(name)}


def _beside(source: Path, file_format: str | None) -> Path:
    from rechroma.imaging import default_target

    return default_target(source, file_format)


def _target_rule(
    out: str | None, pictures: int, file_format: str | None
) -> Callable[[Source], Path]:
    if out is None:
        return lambda source: _beside(source.path, file_format)
    path = Path(out)
    if is_folder(out) or not path.suffix:
        return _into_folder(path, file_format)
    if pictures > 1:
        raise OptionError(
            f"{out} is one file, but there are {pictures} pictures",
            hint=f"Name a folder: -o {path.with_suffix('')}/",
        )
    return lambda source: _checked_name(path, file_format, source.path)


def _checked_name(target: Path, file_format: str | None, source: Path) -> Path:
    from rechroma.imaging import resolve_format

    resolve_format(target, file_format, source=source)
    return target


def _into_folder(folder: Path, file_format: str | None) -> Callable[[Source], Path]:
    mode = _target_mode(folder)
    if mode is not None and not S_ISDIR(mode):
        raise TargetError(f"{folder} is a file; the results need a folder")

    def target(source: Source) -> Path:
        name = _beside(source.path, file_format).name
        return folder / source.relative.with_name("".join(name.rsplit(RESULT_SUFFIX, 1)))

    return target


def _name_targets(
    sources: list[Source], target_of: Callable[[Source], Path], key: _Key
) -> list[Task]:
    """Give each source its target, first those that keep their suffix."""
    tasks = [Task(source.path, target_of(source)) for source in sources]
    taken: dict[Path, Path] = {}
    for number in sorted(range(len(tasks)), key=lambda n: _changes_suffix(tasks[n])):
        task = _with_free_target(tasks[number], taken, key)
        tasks[number] = task
        taken[key(task.target)] = task.source
    return tasks


def _changes_suffix(task: Task) -> bool:
    return task.source.suffix != task.target.suffix


def _with_free_target(task: Task, taken: dict[Path, Path], key: _Key) -> Task:
    """Put the source's suffix into the target's name as often as it takes to be a new one."""
    source, target = task.source, task.target
    stem = source.stem
    while other := taken.get(key(target)):
        if not source.suffix or key(other).parent != key(source).parent:
            raise OptionError(
                f"{other} and {source} would both become {target}",
                hint="Color them in two runs, each with a folder of its own: -o FOLDER",
            )
        longer = stem + source.suffix
        target = target.with_name(longer + target.name.removeprefix(stem))
        stem = longer
    return Task(source, target)


def _refuse_replacing(tasks: Iterable[Task], originals: Collection[Path], key: _Key) -> None:
    for task in tasks:
        if key(task.target) in originals:
            raise OptionError(
                f"{task.source}: the result would replace the original {task.target}",
                hint="Choose another folder with -o, or leave -o out.",
            )
