"""`rechroma train` and `rechroma finetune`: training by a recipe, or on top of a model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.model_files import export_model_file, import_named, make_card, resolve_model
from rechroma.cli.options import import_option, path_option, set_option
from rechroma.cli.preflight import check_model_target, require_extra
from rechroma.cli.progress import epoch_callback, report_progress
from rechroma.errors import TargetExistsError


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
      rechroma train recipes/coarse-to-fine.toml -o checkpoints/mine \\
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


@click.command("finetune")
@click.argument("model")
@click.argument("shards", nargs=-1, required=True, metavar="SHARDS...")
@path_option("-o", "--out", default="checkpoints/finetuned", help="The run's output folder.")
@click.option("--steps", type=click.IntRange(min=1), help="Training steps.  [default: 300]")
@click.option("--name", help="Name of the new model.  [default: the folder's]")
@click.option("--license", default="unstated", help="License of your images, for the card.")
@set_option
@import_option
@debug_option
def finetune_command(
    model: str,
    shards: tuple[str, ...],
    out: Path,
    steps: int | None,
    name: str | None,
    license: str,
    overrides: tuple[str, ...],
    module: str | None,
) -> None:
    """Fine-tune a model on your own images.

    \b
      rechroma finetune default shards/mine-*.tar -o checkpoints/mine
      rechroma photo.jpg --model checkpoints/mine/model.onnx

    MODEL is a checkpoint, a color model file, the name of a model, or a run's folder that contains
    a model.onnx or a checkpoint.pt. The model that ships takes a few minutes on a CPU, imported
    ones more. A run that was stopped continues from its last checkpoint. With validation
    (validation.interval), the result is the best model by validation loss.
    """
    target = out / "model.onnx"
    is_run = (out / "checkpoint.pt").is_file()
    if target.exists() and not is_run:
        raise TargetExistsError(
            f"{target} already exists, and is not of an earlier run",
            hint="Choose another folder with -o.",
        )
    check_model_target(target, overwrite=is_run)
    start = resolve_model(model)
    require_extra("train", "torch")
    import_named(module)
    from rechroma.models import read_card
    from rechroma.training import (
        TorchEngine,
        changed_recipe,
        finetuning_recipe,
        is_main_process,
        train,
        trained_network,
    )

    plan = finetuning_recipe(start, shards, **({"steps": steps} if steps else {}))
    plan = changed_recipe(plan, overrides)
    train(plan, out, on_progress=report_progress, on_epoch=epoch_callback(plan, out))
    if not is_main_process():
        return
    # The best checkpoint, or the last one of a run that ended before any validation.
    best = out / "best.pt"
    learned = best if plan.validation.interval and best.is_file() else out / "checkpoint.pt"
    network = trained_network(learned)

    known = TorchEngine(network).card if start.suffix == ".pt" else read_card(start)
    fields = asdict(known)
    seen = [{"name": Path(shard).name, "license": license} for shard in shards]
    fields |= {"name": name or out.name, "version": "1", "license": known.license or "unstated"}
    fields |= {"data": [*fields["data"], *seen], "metrics": {}, "commit": ""}
    origin = "a checkpoint" if start.suffix == ".pt" else known.name
    fields["description"] = f"Fine-tuned from {origin}."
    card = make_card(network, fields)
    export_model_file(network, card, target, source=learned, overwrite=True)
    click.echo(f"Measure it with 'rechroma evaluate {target} SHARDS'.")
