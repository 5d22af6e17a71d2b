"""Coloring many pictures: what became of each, the progress bar, and the account at the end."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import hint_of, print_traceback
from rechroma.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import ProgressColumn

    from rechroma.errors import RechromaError


class Status(StrEnum):
    """What became of a picture."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture, as `--json` prints it.

    Attributes:
        source: The picture, as it was named or found.
        target: The file of the result; None where there was nothing to color.
        status: Colored, already there, or failed.
        error: Why it failed.
        seconds: Wall-clock time from opening the source to the finished target.
        width: Of the result, in pixels.
        height: Of the result, in pixels.
        had_color: Whether the source was in color or toned.
        pages: How many pictures the source holds, of which the first was colored.
    """

    source: str
    target: str | None
    status: Status
    error: RechromaError | None = None
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    had_color: bool | None = None
    pages: int | None = None

    def to_json(self) -> str:
        """One line of JSON with every key; ASCII, so that odd file names survive any pipe."""
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
                "had_color": self.had_color,
                "pages": self.pages,
            }
        )


@dataclass(slots=True)
class Account:
    """Counts outcomes as they come in and words the sum of them.

    Attributes:
        as_json: Print each outcome on stdout as one line of JSON.
        counts: How many pictures ended in each status.
        failures: The sources that failed and their errors, in order.
        partial: The sources of which only the first picture was colored, and how many they hold.
        last: The outcome that came in last.
        started: When the work began, by `time.perf_counter`.
    """

    as_json: bool = False
    counts: Counter[Status] = field(default_factory=Counter)
    failures: list[tuple[str, RechromaError]] = field(default_factory=list)
    partial: list[tuple[str, int]] = field(default_factory=list)
    last: Outcome | None = None
    started: float = field(default_factory=perf_counter)

    def add(self, outcome: Outcome) -> None:
        """Count one picture, and print it where that was asked for."""
        self.counts[outcome.status] += 1
        self.last = outcome
        if outcome.error:
            self.failures.append((outcome.source, outcome.error))
        if outcome.pages and outcome.pages > 1:
            self.partial.append((outcome.source, outcome.pages))
        if self.as_json:
            click.echo(outcome.to_json())

    def print_partial(self) -> None:
        """Name on stderr the sources that hold more pictures than were colored, one line each."""
        for source, pages in self.partial:
            warn_of_pages(source, pages)

    def print_failures(self) -> None:
        """Name every failure on stderr, one line each."""
        for source, error in self.failures:
            print_traceback(error)
            message = error.message if source in error.message else f"{source}: {error.message}"
            hint = hint_of(error)
            say(f"rechroma: error: {message}" + (f" (hint: {hint})" if hint else ""))

    def __str__(self) -> str:
        if self.counts.total() == 1 and self.last and not self.failures:
            return _words_for_one(self.last)
        parts = [f"{self.counts[Status.DONE]} colored"]
        if self.counts[Status.SKIPPED]:
            parts.append(f"{self.counts[Status.SKIPPED]} already there")
        if self.counts[Status.FAILED]:
            parts.append(f"{self.counts[Status.FAILED]} failed")
        return f"{', '.join(parts)} in {perf_counter() - self.started:.1f} s"


def warn_of_pages(source: str, pages: int) -> None:
    """Say on stderr that the other pictures of a file were left."""
    say(
        f"rechroma: warning: {source}: only the first of its {pages} pictures was colored; "
        f"{pages - 1} left"
    )


def _words_for_one(outcome: Outcome) -> str:
    if outcome.status is Status.SKIPPED:
        return f"{outcome.target} is already there (--overwrite colors it again)"
    return f"{outcome.source} -> {outcome.target} in {outcome.seconds:.1f} s"


@contextmanager
def progress_bar(
    total: int | None, *, quiet: bool, doing: str = "Coloring"
) -> Iterator[Callable[[], None]]:
    """Show a bar on stderr, if that is a terminal; yields what to call after each picture.

    Args:
        total: How many pictures there are, where that is known.
        quiet: Show nothing.
        doing: What is done to them.
    """
    if quiet or (total is not None and total < 2) or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    progress = Progress(*_columns(), console=Console(stderr=True))
    bar = progress.add_task(doing, total=total)
    try:
        progress.start()
        yield lambda: progress.advance(bar)
    finally:
        with suppress(OSError):  # the terminal may have been closed
            progress.stop()


def _columns() -> list[str | ProgressColumn]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Pictures per second, or seconds per picture where that reads better."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            if not speed:
                return Text("")
            return Text(f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each")

    remaining = TimeRemainingColumn(elapsed_when_finished=True)
    return ["{task.description}", BarColumn(), MofNCompleteColumn(), Rate(), remaining]
