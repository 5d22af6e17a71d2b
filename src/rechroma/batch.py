"""Colorization of many files in a thread pool, with one result or failure per file."""

from __future__ import annotations

import os
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from traceback import clear_frames
from typing import TYPE_CHECKING, Unpack

from rechroma.colorizer import check_file_options
from rechroma.engines import check_hints_supported
from rechroma.errors import InternalError, OptionError, RechromaError
from rechroma.fs import make_path_key
from rechroma.imaging import default_target
from rechroma.options import check_int

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future

    from rechroma.colorizer import Colorizer, FileKwargs, Result


@dataclass(frozen=True)
class Failure:
    """A file of a batch that could not be colorized, and why."""

    source: Path
    target: Path
    error: RechromaError


def colorize_many(
    colorizer: Colorizer,
    sources: Iterable[str | os.PathLike[str] | tuple[Path, Path]],
    *,
    jobs: int | None = None,
    **options: Unpack[FileKwargs],
) -> Generator[Result | Failure]:
    """Colorize many image files; a failed one never stops the others.

    Args:
        colorizer: What to colorize them with.
        sources: Paths, or pairs of source and target. An iterator is consumed lazily.
        jobs: Number of files at a time; None for the number of the colorizer's threads.
        **options: Keyword arguments of :meth:`Colorizer.colorize_file`, the same for every file.

    Returns:
        A generator of one result or failure per file, in the order of completion. Closing it
        stops after the files in progress. An unexpected exception is a failure, too, with an
        `InternalError` that it is the cause of. So is a source of an iterator whose target
        another one has got already.

    Raises:
        OptionError: An argument is of the wrong type or out of range, or two sources of a list
            have the same target; no file is read.
        ModelFeatureError: There are hints, but the model does not support them; likewise.
    """
    if isinstance(sources, str | bytes | os.PathLike):
        raise OptionError(f"{sources!r} is one path", hint="Give a list of paths.")
    if not hasattr(sources, "__iter__"):
        raise OptionError(f"sources must be paths, not {sources!r:.60}")
    jobs = colorizer.threads if jobs is None else jobs
    check_int("jobs", jobs, 1, None)
    check_file_options(options)
    if len(hints := options.get("hints", ())):
        check_hints_supported(colorizer.card, hints)

    pairs = _pairs(sources, options.get("format"))
    claims = _Claims()
    color = partial(colorizer.colorize_file, **options)
    if isinstance(sources, Collection):
        checked = list(pairs)
        for source, target in checked:
            claims.add(source, target)
        return run_batch(color, checked, jobs)

    def color_if_free(source: Path, target: Path) -> Result:
        claims.add(source, target)
        return color(source, target)

    return run_batch(color_if_free, pairs, jobs)


def _pairs(
    sources: Iterable[str | os.PathLike[str] | tuple[Path, Path]],
    format: str | None,  # noqa: A002 - as in the options
) -> Iterator[tuple[Path, Path]]:
    """Yield source and target of each photograph."""
    for source in sources:
        if isinstance(source, tuple):
            yield Path(source[0]), Path(source[1])
        else:
            yield Path(source), default_target(Path(source), format)


class _Claims:
    """The targets of a batch, each of which one source can have; safe to use from threads."""

    def __init__(self) -> None:
        self._key = make_path_key()
        self._claims: dict[tuple[str, str], tuple[Path]] = {}

    def add(self, source: Path, target: Path) -> None:
        """Claim a target for a source.

        Raises:
            OptionError: Another source has it.
        """
        claim = (source,)
        first = self._claims.setdefault(self._key(target), claim)
        if first is not claim:
            raise OptionError(
                f"{first[0]} and {source} would both become {target}",
                hint="Give each photograph a target of its own, and each only once.",
            )


def run_batch(
    color: Callable[[Path, Path], Result], pairs: Iterable[tuple[Path, Path]], jobs: int
) -> Generator[Result | Failure]:
    """Call a function for pairs of source and target like :func:`colorize_many`.

    Args:
        color: Writes the target; called in several threads.
        pairs: The pairs; consumed lazily.
        jobs: Number of files at a time.
    """
    pairs = iter(pairs)

    def attempt(source: Path, target: Path) -> Result | Failure:
        try:
            return color(source, target)
        except RechromaError as error:
            return Failure(source, target, _without_frames(error))
        except Exception as error:
            internal = InternalError.from_exception(error, source)
            return Failure(source, target, _without_frames(internal))

    pool = ThreadPoolExecutor(jobs)
    running: set[Future[Result | Failure]] = set()
    try:
        while True:
            # No more than this is queued: the list of sources can be long, and lazy.
            fresh = islice(pairs, 2 * jobs - len(running))
            running |= {pool.submit(attempt, *pair) for pair in fresh}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        pool.shutdown(cancel_futures=True)


def _without_frames(error: RechromaError) -> RechromaError:
    """Release the images that the error's traceback references: failures can be kept for long."""
    chain: BaseException | None = error
    while chain is not None:
        clear_frames(chain.__traceback__)
        chain = chain.__cause__ or chain.__context__
    return error
