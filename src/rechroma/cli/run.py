"""Batch execution: skip existing results, color the rest, count the results."""

from __future__ import annotations

from contextlib import closing
from stat import S_ISREG
from typing import TYPE_CHECKING

from rechroma.cli.inputs import BatchPlan, FileTask
from rechroma.cli.progress import progress_bar
from rechroma.cli.signals import Stopped, defer_signals
from rechroma.cli.summary import BatchSummary, FileResult, Status
from rechroma.errors import TargetError, TargetExistsError
from rechroma.fs import is_disk_full

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from rechroma.batch import Failure
    from rechroma.cli.request import CliRequest
    from rechroma.colorizer import Result

_Version = tuple[int, int]


class BatchRun:
    """Executes a plan and keeps track of its progress."""

    def __init__(self, plan: BatchPlan, request: CliRequest, summary: BatchSummary) -> None:
        self._plan = plan
        self._request = request
        self._summary = summary
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
        colorizer = Colorizer(request.model, provider=request.provider)
        pairs = [(task.source, task.target) for task in self._pending]
        yield from colorize_many(colorizer, pairs, jobs=request.jobs, **request.file_options())


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
        )
    made_by_other_run = isinstance(result.error, TargetExistsError) and _version(result.target)
    if made_by_other_run and not request.overwrite:  # the same command runs twice
        return FileResult(*names, Status.SKIPPED)
    return FileResult(*names, Status.FAILED, result.error)
