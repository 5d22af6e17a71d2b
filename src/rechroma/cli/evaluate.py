"""`rechroma evaluate` and `rechroma leaderboard`: metrics of models on color photographs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.model_files import resolve_model
from rechroma.cli.options import json_option, path_option
from rechroma.cli.preflight import check_targets, require_extra
from rechroma.cli.progress import progress_bar, write_jpeg
from rechroma.errors import ModelNotFoundError, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rechroma.evaluation import LeaderboardRow, Report
    from rechroma.training import TrainingCost

_SHEET_IMAGES = 60
_FIGURES = {
    "hue_hit": ("hue hit", 1),
    "ciede2000": ("CIEDE2000", 2),
    "auc": ("AuC", 1),
    "balanced_auc": ("balanced AuC", 1),
    "cf_abs": ("CF abs", 1),
    "psnr": ("PSNR", 1),
    "ssim": ("SSIM", 3),
}


@click.command("evaluate")
@click.argument("model")
@click.argument("shards", nargs=-1, required=True, metavar="SHARDS...")
@click.option(
    "--limit", type=click.IntRange(min=1), help="Use only this many images, evenly spread."
)
@click.option(
    "--size",
    type=int,
    metavar="PIXELS",
    help="Long side of the network input, 64 to 2048.  [default: the model's own]",
)
@click.option("--degraded", is_flag=True, help="Also color artificially degraded versions.")
@path_option(
    "--features",
    default=None,
    help="Encoder weights (safetensors) for Frechet and kernel distances.",
)
@click.option(
    "--hints", is_flag=True, help="Also measure with hints taken from the original colors."
)
@click.option("--sizes", is_flag=True, help="Compare network inputs of 256, 512 and 1024 pixels.")
@click.option(
    "--historical",
    multiple=True,
    metavar="SHARDS",
    help="Also measure photographs whose original colors are unknown. Can be repeated.",
)
@path_option("--sheet", default=None, help="Write a contact sheet: gray, model, original.")
@path_option("--html", default=None, help="Write the metrics and example images as an HTML page.")
@json_option("Print all metrics as JSON.")
@debug_option
def evaluate_command(
    model: str,
    shards: tuple[str, ...],
    limit: int | None,
    size: int | None,
    degraded: bool,
    features: Path | None,
    hints: bool,
    sizes: bool,
    historical: tuple[str, ...],
    sheet: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Measure a model on shards of color photographs.

    \b
      rechroma evaluate default shards/val-*.tar --sheet val.jpg
      rechroma evaluate default shards/val-*.tar --degraded --sizes --html val.html

    Hue hit and the areas under the curve (AuC) are percentages; cf is colorfulness. The metrics are
    defined in docs/evaluate.md.
    """
    require_extra("train", "torch")
    check_targets(sheet, html)
    from rechroma.colorizer import Colorizer
    from rechroma.datasets import Shards, evenly_spaced
    from rechroma.engines import OnnxEngine
    from rechroma.evaluation import (
        EvalConfig,
        EvalPredictor,
        FeatureNetwork,
        draw_sheet,
        evaluate,
        render_page,
    )
    from rechroma.fs import write_atomically
    from rechroma.models import find_model

    engine, images = OnnxEngine(find_model(model)), Shards(shards)
    network = FeatureNetwork(features) if features else None
    config = EvalConfig(
        limit, size, degraded, network, hints, sizes, Shards(historical) if historical else None
    )
    with progress_bar(config.total_steps(images), quiet=False) as advance:
        report = evaluate(engine, images, config, on_image=advance)
    click.echo(report.to_json()) if as_json else _print(report)
    if sheet is not None:
        chosen = evenly_spaced(len(images), _SHEET_IMAGES)
        colorizer = Colorizer(engine=engine)
        write_jpeg(draw_sheet(colorizer, (images[number] for number in chosen), size), sheet)
    if html is not None:
        text = render_page(report, EvalPredictor(engine, size), images, config.historical)
        write_atomically(html, text.encode(), overwrite=True)


def _print(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    from rechroma.evaluation import tables

    console = Console(width=120)
    console.print(report.model)
    for table in tables(report):
        console.print(f"\n{table.title}", style="bold")
        shown = Table(*table.header, box=None)
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)


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
    from rechroma.models import find_model
    from rechroma.training import training_cost

    named = {}
    for model in models:
        file = resolve_model(model)
        if file.suffix == ".pt" and file.is_file():
            raise ModelNotFoundError(
                f"{file} is a checkpoint, not a color model: export it first",
                hint=f"rechroma export {file} -o {file.with_name('model.onnx')}",
            )
        named[Path(model).name.removesuffix(".onnx")] = find_model(file)
    if len(named) < len(models) or named.keys() & {"gray", "truth"}:
        raise OptionError(
            "two rows of the table would have the same name",
            hint="A file is listed by its name without .onnx, a run by the name of its folder.",
        )
    images = Shards(shards)
    numbers = evenly_spaced(len(images), limit)
    with progress_bar(len(numbers), quiet=False, doing="Comparing") as advance:
        leaderboard = build_leaderboard(named, images, numbers, on_image=advance)

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
