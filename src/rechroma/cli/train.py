"""`rechroma train`: a recipe in, a checkpoint out."""

from __future__ import annotations

from pathlib import Path

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.training_common import (
    need_extra,
    path_option,
    report_progress,
    run_drawer,
    set_option,
)


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.toml")
@path_option("-o", "--out", default="checkpoints/run", help="The run's folder.")
@click.option(
    "--encoder-weights",
    metavar="FILE",
    help="What the encoder starts from; short for --set network.encoder_weights=FILE.",
)
@set_option
@debug_option
def train_command(
    recipe: Path, out: Path, encoder_weights: str | None, overrides: tuple[str, ...]
) -> None:
    """Train a network by a recipe.

    \b
      rechroma train recipes/rechroma-1-classification.toml -o checkpoints/mine \\
        --set 'data.train=shards/train-*.tar' --set 'data.val=shards/val-*.tar' \\
        --encoder-weights default

    Stopped at any moment and started again, a run goes on where its last checkpoint stands, to the
    same numbers. The folder also gets a log (for TensorBoard, too: events/) and, after each time
    through the pictures, curves and a contact sheet of development pictures.

    \b
      torchrun --nproc-per-node 4 -m rechroma train RECIPE.toml

    trains with four processes; the recipe's batch is that of all of them together.
    """
    need_extra("train", "torch")
    from rechroma.training import is_main_process, load_recipe, train

    if encoder_weights is not None:
        overrides += (f"network.encoder_weights={encoder_weights}",)
    plan = load_recipe(recipe, overrides)
    run = train(plan, out, on_progress=report_progress, on_epoch=run_drawer(plan, out))
    if is_main_process():
        click.echo(f"{out / 'checkpoint.pt'}: {run.step} steps done")
