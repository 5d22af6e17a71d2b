"""Batch execution: skip existing results, color the rest, and report one result per file."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import click

from rechroma.cli.batch_plan import BatchPlan, FileTask
from rechroma.cli.error_reporting import hint_of, print_traceback
from rechroma.cli.ledger import (
    LEDGER_NAME,
    ColorizationSettings,
    Ledger,
    Standing,
    read_stamp,
    read_version,
)
from rechroma.cli.progress import progress_bar
from rechroma.cli.signals import Stopped, defer_signals
from rechroma.cli.terminal import echo_err
from rechroma.errors import COPY_AGAIN, BrokenImageError, TargetError, TargetExistsError
from rechroma.fs import is_disk_full

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from rechroma.batch import Failure
    from rechroma.cli.options import CliRequest
    from rechroma.colorizer import Colorizer, EncodedImage, Result
    from rechroma.engines import Engine
    from rechroma.errors import RechromaError
    from rechroma.project import ImageEdit

TRUNCATED_CODE = 3
"""Exit code if everything was colored, but pixels of a source were missing."""

_CHANGED = "colored again: the photograph is another than before"
_REASSIGNED = "replaced the result of another photograph, which gets another name"
_OTHER_OPTIONS = "kept: it was colored with another model or other options"
_OTHER_TIME = "kept: its modification time is not the photograph's"
_REPLACED = {Standing.OUTDATED: _CHANGED, Standing.REASSIGNED: _REASSIGNED}
_PROBLEMS = {
    Standing.EDITED: "and was edited since it was made; the photograph has changed, too:",
    Standing.TAKEN: "as the result of another photograph than",
    Standing.UNKNOWN: "but is not known as a result of",
}
_COPY_LEDGER = (
    f"If they were copied here, copy the hidden file {LEDGER_NAME} of their folder, too. Otherwise "
    "choose another folder with -o, or color again with --overwrite."
)
_TIME_PRECISION_NS = 2 * 10**9  # of FAT
_MAX_KINDS = 6
_MANY = 4  # images for each job
_DAMAGES = {
    "end_missing": "the file lacks its last bytes, but no pixels",
    "truncated": "the file is truncated; its missing part is blank (--strict rejects such files)",
}


class BatchRun:
    """Executes a plan and keeps track of its progress."""

    def __init__(
        self,
        plan: BatchPlan,
        request: CliRequest,
        summary: BatchSummary,
        edits: Mapping[Path, ImageEdit],
        loading: Future[Engine] | None = None,
    ) -> None:
        self._plan = plan
        self._request = request
        self._summary = summary
        self._edits = edits  # by source
        self._loading = loading  # if all images are colored with one model
        self._ledger = Ledger([task.source for task in plan.tasks])
        self._settings: dict[CliRequest, ColorizationSettings] = {}
        self._pending: dict[FileTask, Standing] = {}
        self._finished: set[Path] = set()  # targets

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
            self._examine(task)
        with (
            progress_bar(len(self._pending), quiet=self._request.quiet) as advance,
            closing(self._color()) as results,
        ):
            for result in results:
                with defer_signals():  # every image is counted once, whenever the run is stopped
                    standing = self._pending.pop(FileTask(result.source, result.target))
                    self._summary.add(_to_file_result(result, self._request, standing))
                    advance()
                if self._pending and is_disk_full(getattr(result, "error", None)):
                    raise Stopped(TargetError.exit_code)

    def add_finished(self) -> None:
        """Count the images that were still finished while the run was being stopped."""
        for task in self._pending:
            if task.target in self._finished:
                self._summary.add(FileResult(str(task.source), str(task.target), Status.DONE))

    def _examine(self, task: FileTask) -> None:
        """Find out whether an image has a result already."""
        request = self._request_of(task.source)
        if request not in self._settings:
            self._settings[request] = request.settings()
        standing = self._ledger.standing(task.source, task.target, self._settings[request])
        if standing is Standing.ABSENT or standing in _REPLACED or self._request.overwrite:
            self._pending[task] = standing
        else:
            self._summary.add(self._keep(task, standing, request))

    def _keep(self, task: FileTask, standing: Standing, request: CliRequest) -> FileResult:
        """Report an image whose result, or another file in its place, stays as it is."""
        names = (str(task.source), str(task.target))
        if problem := _PROBLEMS.get(standing):
            error = TargetExistsError(f"{task.target} already exists, {problem} {task.source}")
            if standing is Standing.UNKNOWN:
                self._summary.unknown[task.target.parent].append(str(task.source))
            return FileResult(*names, Status.FAILED, error)
        omissions = self._ledger.omissions(task.target)
        if omissions.damage and request.strict:
            rejection = BrokenImageError(
                f"{task.source}: the JPEG is truncated; its earlier result {task.target} is kept",
                hint=COPY_AGAIN,
            )
            return FileResult(*names, Status.FAILED, rejection)
        note = _OTHER_OPTIONS if standing is Standing.OTHER_OPTIONS else None
        if request.keep_time and not note and not _has_time_of(task.source, task.target):
            note = _OTHER_TIME
        return FileResult(*names, Status.SKIPPED, note=note, **omissions._asdict())

    def _color(self) -> Generator[Result | Failure]:
        if not self._pending:
            return  # repeating a finished run does not load the model
        from rechroma.batch import run_batch
        from rechroma.colorizer import Colorizer
        from rechroma.engines import available_threads

        pairs_of = defaultdict(list)  # by model
        for task in self._pending:
            model = self._request_of(task.source).model
            pairs_of[model].append((task.source, task.target))
        for model, pairs in pairs_of.items():
            jobs = self._request.jobs or available_threads()
            threads = _share_threads(len(pairs), jobs)
            engine = self._loading.result() if self._loading else None
            provider = self._request.provider
            colorizer = Colorizer(model, provider=provider, threads=threads, engine=engine)
            yield from run_batch(partial(self._color_one, colorizer), pairs, jobs)

    def _request_of(self, source: Path) -> CliRequest:
        """Return the request for one image: its edit in the project replaces the options."""
        if source not in self._edits:
            return self._request
        edit = self._edits[source]
        return replace(self._request, model=edit.model or self._request.model, **edit.options())

    def _color_one(self, colorizer: Colorizer, source: Path, target: Path) -> Result:
        request = self._request_of(source)
        standing = self._pending[FileTask(source, target)]
        overwrite = request.overwrite or standing in _REPLACED
        version = read_version(source)
        options = request.file_options() | {"overwrite": overwrite}
        result = colorizer.colorize_file(source, target, **options)
        if version:
            self._ledger.add(result, version, self._settings[request])
        self._finished.add(target)
        return result


def _share_threads(images: int, jobs: int) -> int | None:
    """Return the number of threads for each of many images; None where a few share all threads.

    Many keep the processors busy by themselves: more threads would only wait for each other.
    OpenCV has threads of its own.
    """
    import cv2

    from rechroma.engines import available_threads

    if images < _MANY * jobs:
        return None  # the last ones would leave processors idle
    threads = max(1, available_threads() // jobs)
    cv2.setNumThreads(threads)
    return threads


def _has_time_of(source: Path, target: Path) -> bool:
    """Return whether a result has its photograph's modification time, as far as disks keep it."""
    original, made = read_stamp(source), read_stamp(target)
    if original is None or made is None:
        return True
    return abs(original.mtime_ns - made.mtime_ns) <= _TIME_PRECISION_NS


def _to_file_result(
    result: Result | Failure, request: CliRequest, standing: Standing
) -> FileResult:
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
            unreadable_metadata=result.unreadable_metadata,
            note=_REPLACED.get(standing),
        )
    made_by_other_run = isinstance(result.error, TargetExistsError) and read_stamp(result.target)
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
        pages: The number of pages or frames in the source.
        damage: Damage of the source, such as "truncated".
        unreadable_metadata: The kinds of its metadata that could not be read, such as "EXIF".
        note: Why the image was colored again, or what differs in a result that is kept.
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
    unreadable_metadata: tuple[str, ...] = ()
    note: str | None = None

    def to_json(self) -> str:
        """Format as a line of JSON with every key; ASCII, so that any name survives a pipe."""
        return json.dumps(
            {
                "source": self.source,
                "target": self.target,
                "status": self.status,
                "error": type(self.error).__name__ if self.error else None,
                "message": self.error.message if self.error else self.note,
                "seconds": None if self.seconds is None else round(self.seconds, 3),
                "width": self.width,
                "height": self.height,
                "was_color": self.was_color,
                "pages": self.pages,
                "damage": self.damage,
                "unreadable_metadata": self.unreadable_metadata,
            }
        )


@dataclass(slots=True)
class BatchSummary:
    """Counts the results and formats the summary.

    Attributes:
        as_json: Whether to print each result on stdout as one line of JSON.
        counts: The number of files by status.
        failures: The sources that failed and their errors, in order.
        unknown: The sources among these at the place of whose results are files that are not
            recorded as results, by the folder of those.
        incomplete: The results of which something is missing: pages, or damaged parts.
        notes: The number of results by their notes.
        left: The number of other files in the folders by their suffix.
        in_color: The number of colored files that were in color or toned before.
        last: The last result.
        started: The start of the batch, by `time.perf_counter`.
    """

    as_json: bool = False
    counts: Counter[Status] = field(default_factory=Counter)
    failures: list[tuple[str, RechromaError]] = field(default_factory=list)
    unknown: defaultdict[Path, list[str]] = field(default_factory=lambda: defaultdict(list))
    incomplete: list[FileResult] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    in_color: int = 0
    last: FileResult | None = None
    started: float = field(default_factory=perf_counter)

    def add(self, result: FileResult) -> None:
        """Count one file, and print it if `as_json` is set."""
        self.counts[result.status] += 1
        self.last = result
        self.in_color += bool(result.was_color)
        if result.note:
            self.notes[result.note] += 1
        if result.error:
            self.failures.append((result.source, result.error))
        if result.damage or result.unreadable_metadata or (result.pages or 1) > 1:
            self.incomplete.append(result)
        if self.as_json:
            click.echo(result.to_json())

    @property
    def truncated(self) -> bool:
        """True if pixels of a source were missing."""
        return any(result.damage == "truncated" for result in self.incomplete)

    def print_warnings(self, *, first_only: bool) -> None:
        """Warn on stderr of what is missing: pages after the first, or parts of a source."""
        for result in self.incomplete:
            print_warnings(result.source, result, first_only=first_only)

    def print_left(self, *, quiet: bool) -> None:
        """Tell on stderr, or as JSON on stdout, which files in the folders were left."""
        if self.left and self.as_json:
            click.echo(json.dumps({"left": dict(self.left.most_common())}))
        elif self.left and not quiet:
            echo_err(f"rechroma: {format_left(self.left)}")

    def print_failures(self) -> None:
        """Print every failure on stderr, one line each; unknown files of a folder share one."""
        reported = set()
        for folder, sources in self.unknown.items():
            if len(sources) > 1:
                reported.update(sources)
                echo_err(
                    f"rechroma: error: {folder}: {len(sources)} files are in the places of results,"
                    f" but not known as such, the first of {sources[0]} (hint: {_COPY_LEDGER})"
                )
        for source, error in self.failures:
            if source in reported:
                continue
            print_traceback(error)
            message = error.message if source in error.message else f"{source}: {error.message}"
            hint = hint_of(error)
            echo_err(f"rechroma: error: {message}" + (f" (hint: {hint})" if hint else ""))

    def __str__(self) -> str:
        if self.counts.total() == 1 and self.last and not self.failures:
            if self.last.status is Status.SKIPPED:
                reason = f", {self.last.note}" if self.last.note else ""
                return (
                    f"{self.last.target} already exists{reason} (use --overwrite to color it again)"
                )
            lost = ", in place of its own colors" if self.in_color else ""
            return f"{self.last.source} -> {self.last.target} in {self.last.seconds:.1f} s{lost}"
        done = {
            "again, as the photograph has changed": self.notes[_CHANGED],
            _REASSIGNED: self.notes[_REASSIGNED],
            "in color or toned before": self.in_color,
        }
        kept = {
            "with another model or other options; see --overwrite": self.notes[_OTHER_OPTIONS],
            "with another modification time; see --overwrite": self.notes[_OTHER_TIME],
        }
        parts = [f"{self.counts[Status.DONE]} colored{_in_brackets(done)}"]
        if self.counts[Status.SKIPPED]:
            parts.append(f"{self.counts[Status.SKIPPED]} already present{_in_brackets(kept)}")
        if self.counts[Status.FAILED]:
            parts.append(f"{self.counts[Status.FAILED]} failed")
        return f"{', '.join(parts)} in {perf_counter() - self.started:.1f} s"


def _in_brackets(counts: Mapping[str, int]) -> str:
    found = "; ".join(f"{count} {words}" for words, count in counts.items() if count)
    return f" ({found})" if found else ""


def format_left(left: Counter[str]) -> str:
    """Format the number of files that were left, the most frequent suffixes first."""
    kinds = [f"{count} {suffix or 'without suffix'}" for suffix, count in left.most_common()]
    if len(kinds) > _MAX_KINDS:
        rest = sum(sorted(left.values())[:-_MAX_KINDS])
        kinds[_MAX_KINDS:] = [f"{rest} others"]
    files = "file" if left.total() == 1 else "files"
    return f"left {left.total()} {files}: {', '.join(kinds)}"


def print_warnings(source: str, result: FileResult | EncodedImage, *, first_only: bool) -> None:
    """Warn on stderr of what a result lacks.

    Args:
        source: The name of the photograph.
        result: Its result.
        first_only: Whether only the first of its pages was to be colored.
    """
    warnings = []
    if first_only and (result.pages or 1) > 1:
        warnings.append(
            f"colored only the first of {result.pages} pages or frames"
            " (--pages all colors all pages of a TIFF)"
        )
    if result.damage:
        warnings.append(_DAMAGES[result.damage])
    if kinds := result.unreadable_metadata:
        warnings.append(f"metadata that cannot be read is not in the result: {', '.join(kinds)}")
    for warning in warnings:
        echo_err(f"rechroma: warning: {source}: {warning}")
