"""`rechroma leaderboard`: a comparison of models on the same images."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.checks import require_extra
from rechroma.cli.error_reporting import debug_option
from rechroma.cli.model_files import resolve_model
from rechroma.cli.options import json_option
from rechroma.cli.progress import progress_bar
from rechroma.errors import ModelNotFoundError, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rechroma.evaluation import LeaderboardRow
    from rechroma.training import TrainingCost

_FIGURES = {
    "hue_hit": ("hue hit", 1),
    "ciede2000": ("CIEDE2000", 2),
    "auc": ("AuC", 1),
    "balanced_auc": ("balanced AuC", 1),
    "cf_abs": ("CF abs", 1),
    "psnr": ("PSNR", 1),
    "ssim": ("SSIM", 3),
}


@click.command("leaderboard")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--data",
    "shards",
    multiple=True,
    required=True,
    metavar="SHARDS",
    help="Shards of color photographs. Can be repeated.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="Use only this many images, evenly spread."
)
@json_option("Print all metrics as JSON.")
@debug_option
def leaderboard_command(
    models: tuple[str, ...], shards: tuple[str, ...], limit: int | None, as_json: bool
) -> None:
    """Compare models on shards of color photographs, along with gray and the original.

    \b
      rechroma leaderboard default checkpoints/mine --data 'shards/val-*.tar' > table.md

    MODEL is the name of a model, a color model file, or a run's folder that contains a model.onnx;
    for a run, the table includes the cost of training. The table is Markdown, sorted by balanced
    AuC.
    """
    require_extra("train", "torch")
    from rechroma.datasets import Shards, evenly_spaced
    from rechroma.evaluation import build_leaderboard
    from rechroma.training import training_cost

    named = _by_name(models)
    pictures = Shards(shards)
    numbers = evenly_spaced(len(pictures), limit)
    with progress_bar(len(numbers), quiet=False, doing="Comparing") as advance:
        leaderboard = build_leaderboard(named, pictures, numbers, on_image=advance)

    runs = [Path(model) for model in models if (Path(model) / "checkpoint.pt").is_file()]
    costs = {run.name: training_cost(run) for run in runs}
    if not as_json:
        click.echo(_markdown(leaderboard, costs))
        return
    rows = {
        name: asdict(row) | ({"training": asdict(costs[name])} if name in costs else {})
        for name, row in leaderboard.items()
    }
    click.echo(json.dumps(rows, indent=2))


def _by_name(models: tuple[str, ...]) -> dict[str, Path]:
    named = {Path(model).name.removesuffix(".onnx"): _file(model) for model in models}
    if len(named) < len(models) or named.keys() & {"gray", "truth"}:
        raise OptionError(
            "two rows of the table would have the same name",
            hint="A file is listed by its name without .onnx, a run by the name of its folder.",
        )
    return named


def _file(model: str) -> Path:
    from rechroma.models import find_model

    file = resolve_model(model)
    if file.suffix == ".pt" and file.is_file():
        raise ModelNotFoundError(
            f"{file} is a checkpoint, not a color model: export it first",
            hint=f"rechroma export {file} -o {file.with_name('model.onnx')}",
        )
    return find_model(file)


def _markdown(leaderboard: Mapping[str, LeaderboardRow], costs: Mapping[str, TrainingCost]) -> str:
    rows = [_row(name, row, costs.get(name)) for name, row in leaderboard.items()]
    header = [name for name in rows[1] if any(row[name] for row in rows)]
    lines = [header, ["---"] * len(header), *([row[name] for name in header] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(name: str, row: LeaderboardRow, cost: TrainingCost | None) -> dict[str, str]:
    known = row.metrics
    metrics = {
        title: f"{known[key]:.{digits}f}" if key in known else ""
        for key, (title, digits) in _FIGURES.items()
    }
    size = {"weights": "", "MB": "", "ms": ""}
    if row.weights:
        size = {
            "weights": f"{row.weights / 1e6:.1f} M",
            "MB": f"{row.megabytes:.1f}",
            "ms": f"{row.milliseconds:.0f}",
        }
    training = {"crops": "", "minutes": "", "labels": ""}
    if cost is not None:
        found = "" if cost.accuracy is None else f"{cost.accuracy:.1f}"
        minutes = f"{cost.minutes:.0f}"
        training = {"crops": str(cost.images), "minutes": minutes, "labels": found}
    return {"": name, **metrics, **size, **training}
