"""`rechroma train`: training by a recipe."""

from __future__ import annotations

from pathlib import Path

import click

from rechroma.cli.checks import require_extra
from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import path_option, set_option
from rechroma.cli.progress import report_progress
from rechroma.cli.sheets import epoch_callback


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.toml")
@path_option("-o", "--out", default="checkpoints/run", help="The run's output folder.")
@click.option(
    "--encoder-weights",
    metavar="FILE",
    help="Initial weights of the encoder; short for --set network.encoder_weights=FILE.",
)
@set_option
@debug_option
def train_command(
    recipe: Path, out: Path, encoder_weights: str | None, overrides: tuple[str, ...]
) -> None:
    """Train a network from a recipe.

    \b
      rechroma train recipes/rechroma-1-classification.toml -o checkpoints/mine \\
        --set 'data.train=shards/train-*.tar' --set 'data.val=shards/val-*.tar' \\
        --encoder-weights default

    A run that was stopped continues from its last checkpoint, with exactly the same results. The
    folder also gets a log (for TensorBoard, too: events/) and, after each epoch, curves and a
    contact sheet of validation images.

    \b
      torchrun --nproc-per-node 4 -m rechroma train RECIPE.toml

    trains with four processes; the recipe's batch size is their total.
    """
    require_extra("train", "torch")
    from rechroma.training import is_main_process, load_recipe, train

    if encoder_weights is not None:
        overrides += (f"network.encoder_weights={encoder_weights}",)
    plan = load_recipe(recipe, overrides)
    run = train(plan, out, on_progress=report_progress, on_epoch=epoch_callback(plan, out))
    if is_main_process():
        click.echo(f"{out / 'checkpoint.pt'}: {run.step} steps done")
