"""Contact sheets that the training and evaluation commands write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL.Image import Image

    from rechroma.training import Recipe, TrainState

_SHEET_IMAGES = 24


def write_sheet(sheet: Image, path: Path) -> None:
    """Write a contact sheet as a JPEG.

    Raises:
        TargetError: The file cannot be written.
    """
    from rechroma.fs import write_atomically

    write_atomically(path, lambda file: sheet.save(file, "JPEG", quality=88), overwrite=True)


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

    pictures = Shards(recipe.data.val) if recipe.data.val else None

    def draw_epoch(state: TrainState) -> None:
        draw_curves(out / "log.jsonl", out / "curves.png")
        if pictures is not None:
            chosen = (pictures[number] for number in evenly_spaced(len(pictures), _SHEET_IMAGES))
            path = out / f"sheet-{state.step:07}.jpg"
            write_sheet(draw_sheet(Colorizer(engine=TorchEngine(state.ema)), chosen), path)
            click.echo(f"{path}: gray, model, truth")

    return draw_epoch
