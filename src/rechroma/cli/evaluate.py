"""`rechroma evaluate`: metrics of a model on color photographs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option, overwrite_option
from rechroma.cli.options import json_option, path_option
from rechroma.cli.preflight import check_no_inputs, check_targets, require_extra
from rechroma.cli.progress import progress_bar, write_jpeg

if TYPE_CHECKING:
    from rechroma.evaluation import Report

_SHEET_IMAGES = 60


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
@overwrite_option("Replace an existing contact sheet or page.")
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
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure a model on shards of color photographs.

    \b
      rechroma evaluate default shards/val-*.tar --sheet val.jpg
      rechroma evaluate default shards/val-*.tar --degraded --sizes --html val.html

    Hue hit and the areas under the curve (AuC) are percentages; cf is colorfulness. The metrics are
    defined in docs/evaluate.md.
    """
    check_targets(sheet, html, overwrite=overwrite)
    from rechroma.models import find_model

    file = find_model(model)
    read = [file, *map(Path, (*shards, *historical)), *([features] if features else [])]
    check_no_inputs((sheet, html), read)
    require_extra("train", "torch")
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

    engine, images = OnnxEngine(file), Shards(shards)
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
        drawn = draw_sheet(colorizer, (images[number] for number in chosen), size)
        write_jpeg(drawn, sheet, overwrite=overwrite)
    if html is not None:
        text = render_page(report, EvalPredictor(engine, size), images, config.historical)
        write_atomically(html, text.encode(), overwrite=overwrite)


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
