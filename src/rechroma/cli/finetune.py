"""`rechroma finetune`: a model learns from one's own pictures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.training_common import (
    card_of,
    check_model_target,
    model_or_checkpoint,
    need_extra,
    path_option,
    report_progress,
    run_drawer,
    set_option,
    write_model,
)

if TYPE_CHECKING:
    from rechroma.models import ModelCard
    from rechroma.networks import ColorizationNetwork
    from rechroma.training import Recipe


@click.command("finetune")
@click.argument("model")
@click.argument("shards", nargs=-1, required=True, metavar="SHARDS...")
@path_option("-o", "--out", default="checkpoints/finetuned", help="The run's folder.")
@click.option("--steps", type=click.IntRange(min=1), help="Of 32 crops each.  [default: 300]")
@click.option("--name", help="Of the new model.  [default: that of the folder]")
@click.option("--license", default="unstated", help="Of your pictures, for the model's card.")
@set_option
@debug_option
def finetune_command(
    model: str,
    shards: tuple[str, ...],
    out: Path,
    steps: int | None,
    name: str | None,
    license: str,
    overrides: tuple[str, ...],
) -> None:
    """Teach a model your own pictures.

    \b
      rechroma finetune default shards/mine-*.tar -o checkpoints/mine
      rechroma photo.jpg --model checkpoints/mine/model.onnx

    MODEL is a checkpoint, a color model file, the name of a model, or a run's folder with a
    model.onnx or a checkpoint.pt in it. Some minutes on a CPU. Stopped and started again, it goes
    on where its last checkpoint stands. With validation.interval the model is the best by the
    validation pictures.
    """
    need_extra("train", "torch")
    target = out / "model.onnx"
    check_model_target(target)
    from rechroma.training import (
        changed_recipe,
        finetuning_recipe,
        is_main_process,
        train,
        trained_network,
    )

    start = model_or_checkpoint(model)
    plan = finetuning_recipe(start, shards, **({"steps": steps} if steps else {}))
    plan = changed_recipe(plan, overrides)
    train(plan, out, on_progress=report_progress, on_epoch=run_drawer(plan, out))
    if not is_main_process():
        return
    learned = _outcome(plan, out)
    network = trained_network(learned)
    card = _card(start, network, name or out.name, shards, license)
    write_model(network, card, target, source=learned, rounded=True)
    click.echo(f"Measure it with 'rechroma evaluate {target} SHARDS'.")


def _outcome(plan: Recipe, out: Path) -> Path:
    """The checkpoint to export; a run that ended before its first measurement has no best one."""
    best = out / "best.pt"
    return best if plan.validation.interval and best.is_file() else out / "checkpoint.pt"


def _card(
    start: Path, network: ColorizationNetwork, name: str, shards: tuple[str, ...], license: str
) -> ModelCard:
    """What it was before, and that it has seen these pictures since."""
    from rechroma.models import read_card
    from rechroma.training import TorchEngine

    known = TorchEngine(network).card if start.suffix == ".pt" else read_card(start)
    fields = asdict(known)
    seen = [{"name": Path(shard).name, "license": license} for shard in shards]
    fields |= {"name": name, "version": "1", "license": known.license or "unstated"}
    fields |= {"data": [*fields["data"], *seen], "metrics": {}, "commit": ""}
    origin = "a checkpoint" if start.suffix == ".pt" else known.name
    fields["description"] = f"Fine-tuned from {origin}."
    return card_of(network, fields)
