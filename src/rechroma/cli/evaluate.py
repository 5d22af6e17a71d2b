"""`rechroma evaluate`: how good a model is, beside gray and truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.options import json_option
from rechroma.cli.summary import progress_bar
from rechroma.cli.training_common import check_targets, need_extra, path_option, write_sheet

if TYPE_CHECKING:
    from pathlib import Path

    from rechroma.evaluation import Report

_SHEET_PICTURES = 60


@click.command("evaluate")
@click.argument("model")
@click.argument("shards", nargs=-1, required=True, metavar="SHARDS...")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many pictures, evenly spread.")
@click.option(
    "--size",
    type=int,
    metavar="PIXELS",
    help="Long side that the network sees, 64 to 2048.  [default: the model's own]",
)
@click.option("--aged", is_flag=True, help="Color old-looking prints of the pictures, too.")
@path_option("--features", default=None, help="Encoder weights (safetensors) to see them with.")
@click.option("--hints", is_flag=True, help="Measure with some of the true colors given, too.")
@click.option("--sizes", is_flag=True, help="Compare the colors at 256, 512 and 1024 pixels.")
@click.option("--old", multiple=True, metavar="SHARDS", help="Photographs without truth.")
@path_option("--sheet", default=None, help="Write a contact sheet there: gray, model, truth.")
@path_option("--html", default=None, help="Write the figures and pictures there as a page.")
@json_option("Print all figures as JSON.")
@debug_option
def evaluate_command(
    model: str,
    shards: tuple[str, ...],
    limit: int | None,
    size: int | None,
    aged: bool,
    features: Path | None,
    hints: bool,
    sizes: bool,
    old: tuple[str, ...],
    sheet: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Measure a model on shards of color photographs.

    \b
      rechroma evaluate default shards/dev-*.tar --sheet dev.jpg
      rechroma evaluate default shards/dev-*.tar --aged --sizes --html dev.html

    Hue hit and the areas under the curve (AuC) are per cent; cf is colorfulness. What each figure
    means stands in docs/evaluate.md.
    """
    need_extra("train", "torch")
    check_targets(sheet, html)
    from rechroma.colorizer import Colorizer
    from rechroma.datasets import Shards, evenly_spaced
    from rechroma.engines import OnnxEngine
    from rechroma.evaluation import (
        EvalConfig,
        FeatureNetwork,
        Predictor,
        draw_sheet,
        evaluate,
        render_page,
    )
    from rechroma.fs import write_atomically
    from rechroma.models import find_model

    engine, pictures = OnnxEngine(find_model(model)), Shards(shards)
    network = FeatureNetwork(features) if features else None
    config = EvalConfig(limit, size, aged, network, hints, sizes, Shards(old) if old else None)
    with progress_bar(config.total_steps(pictures), quiet=False) as advance:
        report = evaluate(engine, pictures, config, on_image=advance)
    click.echo(report.to_json()) if as_json else _print(report)
    if sheet is not None:
        chosen = evenly_spaced(len(pictures), _SHEET_PICTURES)
        colorizer = Colorizer(engine=engine)
        write_sheet(draw_sheet(colorizer, (pictures[number] for number in chosen), size), sheet)
    if html is not None:
        text = render_page(report, Predictor(engine, size), pictures, config.historical)
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
