"""Progress on the terminal: a bar for batches, a line for training steps."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import ProgressColumn

    from rechroma.training import Progress


@contextmanager
def progress_bar(
    total: int | None, *, quiet: bool, doing: str = "Coloring"
) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr if that is a terminal; yields a function to advance it.

    Args:
        total: The number of images; None if it is unknown.
        quiet: Show nothing.
        doing: The label of the bar.
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
        """Images per second, or seconds per image if that reads better."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            if not speed:
                return Text("")
            return Text(f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each")

    remaining = TimeRemainingColumn(elapsed_when_finished=True)
    return ["{task.description}", BarColumn(), MofNCompleteColumn(), Rate(), remaining]


def report_progress(progress: Progress) -> None:
    """Print the metrics of the last training steps."""
    losses = "  ".join(f"{name} {loss:.4f}" for name, loss in progress.losses.items())
    click.echo(
        f"step {progress.step}/{progress.steps}  epoch {progress.epoch:.2f}  "
        f"{losses}  {progress.images_per_second:.1f} img/s"
    )
