"""Batch planning: the images that a command line names, and the target of each.

Planning reads directory listings only, and opens a file only if its name has no suffix: planning
50,000 images must cost about as much as listing them.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from errno import ENOENT
from functools import cache
from pathlib import Path
from stat import S_ISDIR
from typing import TypeAlias

from rechroma.errors import OptionError, RechromaError, SourceError, TargetError
from rechroma.fs import is_clutter, make_path_key
from rechroma.options import RESULT_SUFFIX

STDIO = "-"
_Found: TypeAlias = "SourceImage | Missing | LeftFile"
_Key = Callable[[Path], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SourceImage:
    """An image that was found.

    Attributes:
        path: The path of the file.
        relative: Its path below the folder or pattern that named it, or its own name.
    """

    path: Path
    relative: Path


@dataclass(frozen=True, slots=True)
class Missing:
    """An argument or a folder without images, and the reason."""

    name: str
    error: RechromaError


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file that was found, but that is no image by its name."""

    path: Path


@dataclass(frozen=True, slots=True)
class FileTask:
    """An image to color, and the file to write."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The images of a batch, in the order of the command line and of each folder.

    Attributes:
        tasks: The images to color.
        missing: Arguments and folders without images.
        results: Named images that are results already and are skipped.
        left: The number of other files in the folders by their suffix, in lower case.
    """

    tasks: list[FileTask]
    missing: list[Missing]
    results: list[Path]
    left: Counter[str]


def looks_like_image(word: str) -> bool:
    """Return whether a word of the command line looks like something to color."""
    if word == STDIO or "/" in word or os.sep in word:
        return True
    return os.path.lexists(word) or glob.has_magic(word) or has_image_suffix(word)


def is_folder(out: str) -> bool:
    """Return whether the output is a folder: one that exists, or a name that ends with a slash.

    Raises:
        TargetError: The path cannot be inspected.
    """
    mode = _target_mode(Path(out))
    return out.endswith(("/", os.sep)) or (mode is not None and S_ISDIR(mode))


def plan_batch(
    arguments: Iterable[str],
    out: str | None = None,
    file_format: str | None = None,
    *,
    recolor: bool = False,
) -> BatchPlan:
    """Find the images and choose a target for each; nothing is written.

    If two images of one folder would share a target, such as `a.gif` and `a.png`, the one whose
    suffix changes keeps it in the name: `a.gif.png`.

    Args:
        arguments: Files, folders (searched recursively) and glob patterns.
        out: The output folder or file; None to write next to each source.
        file_format: The requested format, which determines the suffix; None for the source's.
        recolor: Whether to color files that are named like a result, such as `a.color.jpg`. They
            are colored anyway if `out` is given.

    Raises:
        OptionError: Images of two folders would get the same target, a result would replace an
            original, or `out` is a file and there are several images or its name implies another
            format.
        TargetError: `out` is a file but must be a folder, or cannot be inspected.
    """
    key = make_path_key()
    found = [item for argument in arguments for item in _find(argument, out)]
    missing = [item for item in found if isinstance(item, Missing)]
    unique = {key(item.path): item for item in found if isinstance(item, SourceImage)}
    sources = _without_results(list(unique.values()))
    results = []
    if out is None and not recolor:
        results = [source.path for source in sources if _has_result_name(source.path)]
        sources = [source for source in sources if not _has_result_name(source.path)]
    target_of = _target_rule(out, len(sources) + len(missing), file_format)
    tasks = _assign_targets(sources, target_of, key)
    originals = {key(source.path) for source in sources}
    for task in tasks:
        if key(task.target) in originals:
            raise OptionError(
                f"{task.source}: the result would replace the original {task.target}",
                hint="Choose another file or folder with -o, or omit -o.",
            )
    left = {key(item.path): item.path for item in found if isinstance(item, LeftFile)}
    return BatchPlan(tasks, missing, results, Counter(p.suffix.lower() for p in left.values()))


def _find(argument: str, out: str | None) -> Iterator[_Found]:
    path = Path(argument)
    try:
        mode = _mode(path)
    except OSError as error:
        return iter([_missing(argument, error.strerror or "cannot be read")])
    if mode is not None and S_ISDIR(mode):
        return _walk_folder(path, out)
    if mode is not None or path.is_symlink():
        return iter([SourceImage(path, Path(path.name))])
    if glob.has_magic(argument):
        return _expand_pattern(argument)
    return iter([_missing(argument, os.strerror(ENOENT))])


def _mode(path: Path) -> int | None:
    """Return a path's mode for the tests in :mod:`stat`; None if it does not exist.

    Unlike `Path.exists` it raises OSError for all other failures, in every Python version.
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


def _walk_folder(folder: Path, out: str | None) -> Iterator[_Found]:
    """Walk a folder, without clutter, earlier results and the output folder."""
    unreadable: list[OSError] = []
    results = Path(out).resolve() if out else None
    empty = True
    for parent, folders, names in os.walk(folder, onerror=unreadable.append):
        here = Path(parent)
        folders[:] = sorted(
            name for name in folders if not is_clutter(name) and (here / name).resolve() != results
        )
        for found in _select((here / name for name in sorted(names)), folder):
            empty = empty and isinstance(found, LeftFile)
            yield found
    yield from (_missing(str(e.filename), e.strerror or "cannot be read") for e in unreadable)
    if empty and not unreadable:
        from rechroma.imaging import SUFFIXES

        hint = f"Searched for {', '.join(SUFFIXES)}, except hidden files and earlier results."
        yield _missing(str(folder), "no images in this folder", hint)


def _expand_pattern(pattern: str) -> Iterator[_Found]:
    base = _literal_folder(Path(pattern))
    escaped = str(Path(glob.escape(str(base)), Path(pattern).relative_to(base)))
    paths = map(Path, sorted(glob.iglob(escaped, recursive=True)))  # noqa: PTH207 - may be absolute
    wanted = (path for path in paths if not any(map(is_clutter, path.relative_to(base).parts)))
    found = list(_select(wanted, base))
    yield from found
    if not any(isinstance(item, SourceImage) for item in found):
        yield _missing(pattern, "no image matches this pattern")


def _literal_folder(pattern: Path) -> Path:
    """Return the folder that a pattern starts from; it can have brackets in its name."""
    folder = Path(pattern.anchor)
    for part in pattern.relative_to(folder).parts:
        if glob.has_magic(part) and not (folder / part).is_dir():
            break
        folder /= part
    return folder


def _select(paths: Iterable[Path], base: Path) -> Iterator[SourceImage | LeftFile]:
    """Tell images from other files, without clutter and earlier results."""
    for path in paths:
        if is_clutter(path.name) or _has_result_name(path):
            continue
        if _is_image(path):
            yield SourceImage(path, path.relative_to(base))
        elif path.is_file():
            yield LeftFile(path)


def _is_image(path: Path) -> bool:
    """Return whether a file is an image by its name, or by its content if it has no suffix."""
    from rechroma.imaging import is_image_file

    if path.suffix or not path.is_file():
        return has_image_suffix(path.name)
    return is_image_file(path)


def _missing(name: str, reason: str, hint: str | None = None) -> Missing:
    return Missing(name, SourceError(f"{name}: {reason}", hint=hint))


def has_image_suffix(name: str) -> bool:
    """Return whether a file's name has the suffix of a supported format."""
    from rechroma.imaging import SUFFIXES

    return Path(name).suffix.lower() in SUFFIXES


def _has_result_name(path: Path) -> bool:
    """Return whether a file is named like a result: `photo.color.jpg`, or `photo.color`."""
    stem, mark, suffix = path.name.rpartition(RESULT_SUFFIX)
    return bool(stem and mark) and (
        not suffix or (suffix == path.suffix and has_image_suffix(path.name))
    )


def _without_results(sources: list[SourceImage]) -> list[SourceImage]:
    """Leave out earlier results, which a shell's pattern lists along with their originals.

    A result is an image `photo.color.*` next to a `photo.*`, whatever the suffix.
    """
    if len(sources) == 1:
        return sources

    @cache
    def names_in(folder: Path) -> set[str]:
        """The names in a folder, and the stems of its images."""
        try:
            names = {path.name for path in folder.iterdir()}
        except OSError:
            return set()
        return names | {Path(name).stem for name in names if has_image_suffix(name)}

    return [
        source
        for source in sources
        if not _has_result_name(source.path)
        or source.path.name.rpartition(RESULT_SUFFIX)[0] not in names_in(source.path.parent)
    ]


def _target_rule(
    out: str | None, images: int, file_format: str | None
) -> Callable[[SourceImage], Path]:
    from rechroma.imaging import default_target, resolve_format

    if out is None:
        return lambda source: default_target(source.path, file_format)
    path = Path(out)
    if is_folder(out) or not path.suffix:
        mode = _target_mode(path)
        if mode is not None and not S_ISDIR(mode):
            raise TargetError(f"{path} is a file, but the results need a folder")

        def target_in_folder(source: SourceImage) -> Path:
            name = default_target(source.path, file_format).name
            return path / source.relative.with_name("".join(name.rsplit(RESULT_SUFFIX, 1)))

        return target_in_folder
    if images > 1:
        raise OptionError(
            f"{out} is a file, but there are {images} images",
            hint=f"Give a folder: -o {path.with_suffix('')}/",
        )

    def target(source: SourceImage) -> Path:
        resolve_format(path, file_format, source=source.path)
        return path

    return target


def _assign_targets(
    sources: Sequence[SourceImage], target_of: Callable[[SourceImage], Path], key: _Key
) -> list[FileTask]:
    """Give each source its target, first those that keep their suffix."""
    tasks = [FileTask(source.path, target_of(source)) for source in sources]
    taken: dict[tuple[str, str], Path] = {}
    order = sorted(tasks, key=lambda task: task.source.suffix != task.target.suffix)
    renamed = {}
    for task in order:
        source, target = task.source, task.target
        stem = source.stem
        while other := taken.get(key(target)):  # add the source's suffix until the name is free
            if not source.suffix or key(other)[0] != key(source)[0]:
                raise OptionError(
                    f"{other} and {source} would both become {target}",
                    hint="Color them in two runs with different output folders: -o FOLDER",
                )
            longer = stem + source.suffix
            target = target.with_name(longer + target.name.removeprefix(stem))
            stem = longer
        renamed[task] = FileTask(source, target)
        taken[key(target)] = source
    return [renamed[task] for task in tasks]
