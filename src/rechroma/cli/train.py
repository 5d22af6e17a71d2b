"""`rechroma train`: a recipe in, a checkpoint out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.failures import debug_option
from rechroma.cli.workshop import (
    need_extra,
    path_option,
    report_progress,
    set_option,
    write_sheet,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rechroma.training import Recipe, Run

_SHEET_PICTURES = 24


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.toml")
@path_option("-o", "--out", default="checkpoints/run", help="The run's folder.")
@set_option
@debug_option
def train_command(recipe: Path, out: Path, overrides: tuple[str, ...]) -> None:
    """Train a network by a recipe.

    \b
      rechroma train recipes/classification.toml -o checkpoints/mine --set data.train=shards/

    Stopped at any moment and started again, a run goes on where its last checkpoint stands, to the
    same numbers. The folder also gets a log and, after each time through the pictures, a contact
    sheet of development pictures.
    """
    need_extra("train", "torch")
    from rechroma.training import load_recipe, train

    plan = load_recipe(recipe, overrides)
    run = train(plan, out, on_progress=report_progress, on_epoch=_sheet_maker(plan, out))
    click.echo(f"{out / 'checkpoint.pt'}: {run.step} steps done")


def _sheet_maker(recipe: Recipe, out: Path) -> Callable[[Run], None]:
    if not recipe.data.dev:
        return lambda _: None
    from rechroma.datasets import Shards

    pictures = Shards(recipe.data.dev)
    stride = max(1, len(pictures) // _SHEET_PICTURES)
    chosen = range(0, len(pictures), stride)[:_SHEET_PICTURES]

    def make(run: Run) -> None:
        from rechroma.colorizer import Colorizer
        from rechroma.evaluation import sheet
        from rechroma.training import TorchEngine

        colorizer = Colorizer(engine=TorchEngine(run.ema))
        path = out / f"sheet-{run.step:07}.jpg"
        write_sheet(sheet(colorizer, (pictures[number] for number in chosen)), path)
        click.echo(f"{path}: grey, model, truth")

    return make
