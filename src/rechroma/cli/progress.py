"""Progress of long commands: a bar for batches, lines and contact sheets for training."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PIL.Image import Image

    from rechroma.training import Progress, Recipe, TrainState


_SHEET_IMAGES = 24


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
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
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
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), Rate(), remaining)
    progress = Progress(*columns, console=Console(stderr=True))
    bar = progress.add_task(doing, total=total)
    try:
        progress.start()
        yield lambda: progress.advance(bar)
    finally:
        with suppress(OSError):  # the terminal may have been closed
            progress.stop()


def report_progress(progress: Progress) -> None:
    """Print the metrics of the last training steps."""
    losses = "  ".join(f"{name} {loss:.4f}" for name, loss in progress.losses.items())
    click.echo(
        f"step {progress.step}/{progress.steps}  epoch {progress.epoch:.2f}  "
        f"{losses}  {progress.images_per_second:.1f} img/s"
    )


def write_jpeg(image: Image, path: Path, *, quality: int = 88, overwrite: bool) -> None:
    """Write an image, such as a contact sheet, as a JPEG.

    Raises:
        TargetExistsError: The file exists, and `overwrite` is false.
        TargetError: It cannot be written.
    """
    from rechroma.fs import write_atomically

    write_atomically(
        path, lambda file: image.save(file, "JPEG", quality=quality), overwrite=overwrite
    )


def epoch_callback(recipe: Recipe, out: Path) -> Callable[[TrainState], None]:
    """Return a training callback that draws the curves and a contact sheet of validation images.

    Args:
        recipe: The recipe; without `data.val` there is no contact sheet.
        out: The run's folder.
    """
    from rechroma.colorizer import Colorizer
    from rechroma.datasets import Shards, evenly_spaced
    from rechroma.evaluation import draw_sheet
    from rechroma.training import TorchEngine, draw_curves

    images = Shards(recipe.data.val) if recipe.data.val else None

    def draw_epoch(state: TrainState) -> None:
        draw_curves(out / "log.jsonl", out / "curves.png")
        if images is not None:
            chosen = (images[number] for number in evenly_spaced(len(images), _SHEET_IMAGES))
            path = out / f"sheet-{state.step:07}.jpg"
            sheet = draw_sheet(Colorizer(engine=TorchEngine(state.ema)), chosen)
            write_jpeg(sheet, path, overwrite=True)  # of this run, before it was stopped
            click.echo(f"{path}: gray, model, truth")

    return draw_epoch
