"""Batch execution: skip existing results, color the rest, and report one result per file."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from stat import S_ISREG
from time import perf_counter
from typing import TYPE_CHECKING

import click

from rechroma.cli.batch_plan import BatchPlan, FileTask
from rechroma.cli.error_reporting import hint_of, print_traceback
from rechroma.cli.progress import progress_bar
from rechroma.cli.signals import Stopped, defer_signals
from rechroma.cli.terminal import echo_err
from rechroma.errors import TargetError, TargetExistsError
from rechroma.fs import is_disk_full

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from rechroma.batch import Failure
    from rechroma.cli.options import CliRequest
    from rechroma.colorizer import Result
    from rechroma.errors import RechromaError
    from rechroma.project import ImageEdit

TRUNCATED_CODE = 3
"""Exit code if everything was colored, but pixels of a source were missing."""

_Version = tuple[int, int]
_DAMAGES = {
    "end_missing": "the file lacks its last bytes, but no pixels",
    "truncated": "the file is truncated; what is missing is gray (--strict rejects such files)",
}


class BatchRun:
    """Executes a plan and keeps track of its progress."""

    def __init__(
        self,
        plan: BatchPlan,
        request: CliRequest,
        summary: BatchSummary,
        edits: Mapping[Path, ImageEdit],
    ) -> None:
        self._plan = plan
        self._request = request
        self._summary = summary
        self._edits = edits
        self._pending: dict[FileTask, _Version | None] = {}  # and the targets' current versions

    def execute(self) -> None:
        """Color every image that has no result yet.

        Raises:
            Stopped: The disk is full.
        """
        for missing in self._plan.missing:
            self._summary.add(FileResult(missing.name, None, Status.FAILED, missing.error))
        for path in self._plan.results:
            self._summary.add(FileResult(str(path), None, Status.SKIPPED))
        for task in self._plan.tasks:
            before = _version(task.target)
            if before is None or self._request.overwrite:
                self._pending[task] = before
            else:
                skipped = FileResult(str(task.source), str(task.target), Status.SKIPPED)
                self._summary.add(skipped)
        with (
            progress_bar(len(self._pending), quiet=self._request.quiet) as advance,
            closing(self._color()) as results,
        ):
            for result in results:
                with defer_signals():  # every image is counted once, whenever the run is stopped
                    del self._pending[FileTask(result.source, result.target)]
                    self._summary.add(_to_file_result(result, self._request))
                    advance()
                if self._pending and is_disk_full(getattr(result, "error", None)):
                    raise Stopped(TargetError.exit_code)

    def add_finished(self) -> None:
        """Count the images that were still finished while the run was being stopped."""
        for task, before in self._pending.items():
            if _version(task.target) not in (None, before):
                self._summary.add(FileResult(str(task.source), str(task.target), Status.DONE))

    def _color(self) -> Generator[Result | Failure]:
        if not self._pending:
            return  # repeating a finished run does not load the model
        from rechroma.batch import colorize_many
        from rechroma.colorizer import Colorizer

        request = self._request
        pairs_of = defaultdict(list)  # by model
        for task in self._pending:
            edit = self._edits.get(task.source)
            pairs_of[(edit and edit.model) or request.model].append((task.source, task.target))
        for model, pairs in pairs_of.items():
            colorizer = Colorizer(model, provider=request.provider)
            own = {path: self._edits[path].options() for path, _ in pairs if path in self._edits}
            options = request.file_options()
            yield from colorize_many(colorizer, pairs, jobs=request.jobs, options_of=own, **options)


def _version(target: Path) -> _Version | None:
    """Identify the version of a file, to detect its replacement; None if there is no file."""
    try:
        found = target.stat()
    except OSError:
        return None  # such as a name that is too long; writing it gives the error
    return (found.st_ino, found.st_mtime_ns) if S_ISREG(found.st_mode) else None


def _to_file_result(result: Result | Failure, request: CliRequest) -> FileResult:
    from rechroma.batch import Failure

    names = (str(result.source), str(result.target))
    if not isinstance(result, Failure):
        return FileResult(
            *names,
            Status.DONE,
            seconds=result.seconds,
            width=result.width,
            height=result.height,
            was_color=result.was_color,
            pages=result.pages,
            damage=result.damage,
        )
    made_by_other_run = isinstance(result.error, TargetExistsError) and _version(result.target)
    if made_by_other_run and not request.overwrite:  # the same command runs twice
        return FileResult(*names, Status.SKIPPED)
    return FileResult(*names, Status.FAILED, result.error)


class Status(StrEnum):
    """Final state of a file in a batch."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result of one file, as printed by `--json`.

    Attributes:
        source: The image, as it was named or found.
        target: The result's path; None if there was nothing to color.
        status: Colored, skipped or failed.
        error: The reason of a failure.
        seconds: Wall-clock time from opening the source to the finished target.
        width: Width of the result in pixels.
        height: Height of the result in pixels.
        was_color: Whether the source was in color or toned.
        pages: The number of pages or frames in the source; only the first is colored.
        damage: Damage of the source, such as "truncated".
    """

    source: str
    target: str | None
    status: Status
    error: RechromaError | None = None
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    was_color: bool | None = None
    pages: int | None = None
    damage: str | None = None

    def to_json(self) -> str:
        """Format as a line of JSON with every key; ASCII, so that any name survives a pipe."""
        return json.dumps(
            {
                "source": self.source,
                "target": self.target,
                "status": self.status,
                "error": type(self.error).__name__ if self.error else None,
                "message": self.error.message if self.error else None,
                "seconds": None if self.seconds is None else round(self.seconds, 3),
                "width": self.width,
                "height": self.height,
                "was_color": self.was_color,
                "pages": self.pages,
                "damage": self.damage,
            }
        )


@dataclass(slots=True)
class BatchSummary:
    """Counts the results and formats the summary.

    Attributes:
        as_json: Whether to print each result on stdout as one line of JSON.
        counts: The number of files by status.
        failures: The sources that failed and their errors, in order.
        incomplete: The results of which something is missing: pages, or damaged parts.
        last: The last result.
        started: The start of the batch, by `time.perf_counter`.
    """

    as_json: bool = False
    counts: Counter[Status] = field(default_factory=Counter)
    failures: list[tuple[str, RechromaError]] = field(default_factory=list)
    incomplete: list[FileResult] = field(default_factory=list)
    last: FileResult | None = None
    started: float = field(default_factory=perf_counter)

    def add(self, result: FileResult) -> None:
        """Count one file, and print it if `as_json` is set."""
        self.counts[result.status] += 1
        self.last = result
        if result.error:
            self.failures.append((result.source, result.error))
        if result.damage or (result.pages or 1) > 1:
            self.incomplete.append(result)
        if self.as_json:
            click.echo(result.to_json())

    @property
    def truncated(self) -> bool:
        """True if pixels of a source were missing."""
        return any(result.damage == "truncated" for result in self.incomplete)

    def print_warnings(self) -> None:
        """Warn on stderr of sources of which something was missing."""
        for result in self.incomplete:
            print_warnings(result.source, result.pages or 1, result.damage)

    def print_failures(self) -> None:
        """Print every failure on stderr, one line each."""
        for source, error in self.failures:
            print_traceback(error)
            message = error.message if source in error.message else f"{source}: {error.message}"
            hint = hint_of(error)
            echo_err(f"rechroma: error: {message}" + (f" (hint: {hint})" if hint else ""))

    def __str__(self) -> str:
        if self.counts.total() == 1 and self.last and not self.failures:
            if self.last.status is Status.SKIPPED:
                return f"{self.last.target} already exists (use --overwrite to color it again)"
            return f"{self.last.source} -> {self.last.target} in {self.last.seconds:.1f} s"
        parts = [f"{self.counts[Status.DONE]} colored"]
        if self.counts[Status.SKIPPED]:
            parts.append(f"{self.counts[Status.SKIPPED]} already present")
        if self.counts[Status.FAILED]:
            parts.append(f"{self.counts[Status.FAILED]} failed")
        return f"{', '.join(parts)} in {perf_counter() - self.started:.1f} s"


def print_warnings(source: str, pages: int, damage: str | None) -> None:
    """Warn on stderr of what a result lacks: pages or frames, or the rest of a truncated file."""
    if pages > 1:
        echo_err(f"rechroma: warning: {source}: colored only the first of {pages} pages or frames")
    if damage:
        echo_err(f"rechroma: warning: {source}: {_DAMAGES[damage]}")
