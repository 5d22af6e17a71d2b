"""`rechroma evaluate`: how good a model is, beside grey and truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rechroma.cli.batch import progress_bar
from rechroma.cli.failures import debug_option
from rechroma.cli.options import json_option
from rechroma.cli.workshop import need_extra, path_option, write_sheet

if TYPE_CHECKING:
    from pathlib import Path

    from rechroma.evaluation import Report

_SHEET_PICTURES = 60
_COLUMNS = ("hue_hit", "ciede2000", "auc", "balanced_auc", "cf", "cf_abs", "delta_cf", "psnr")


@click.command("evaluate")
@click.argument("model")
@click.argument("shards", nargs=-1, required=True, metavar="SHARDS...")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many pictures, evenly spread.")
@click.option("--size", type=int, metavar="PIXELS", help="Long side that the network sees.")
@path_option("--sheet", default=None, help="Write a contact sheet there: grey, model, truth.")
@json_option("Print all figures as JSON.")
@debug_option
def evaluate_command(
    model: str,
    shards: tuple[str, ...],
    limit: int | None,
    size: int | None,
    sheet: Path | None,
    as_json: bool,
) -> None:
    """Measure a model on shards of colour photographs.

    \b
      rechroma evaluate default shards/dev-*.tar --sheet dev.jpg

    Hue hit and the areas under the curve (AuC) are per cent; cf is colourfulness.
    """
    need_extra("train", "torch")
    from rechroma.colorizer import Colorizer
    from rechroma.datasets import Shards
    from rechroma.evaluation import evaluate
    from rechroma.evaluation import sheet as draw

    colorizer, pictures = Colorizer(model), Shards(shards)
    numbers = _spread(len(pictures), limit)
    with progress_bar(len(numbers), quiet=False) as advance:
        report = evaluate(colorizer, pictures, numbers=numbers, size=size, on_picture=advance)
    click.echo(report.to_json()) if as_json else _print(report)
    if sheet is not None:
        chosen = _spread(len(pictures), _SHEET_PICTURES)
        write_sheet(draw(colorizer, (pictures[number] for number in chosen), size), sheet)


def _spread(count: int, limit: int | None) -> range:
    return range(0, count, max(1, count // (limit or count)))[: limit or count]


def _print(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("pictures", "", *(name.replace("_", " ") for name in _COLUMNS), box=None)
    for source, rows in report.figures.items():
        for row, figures in rows.items():
            first = f"{source} ({report.pictures[source]})" if row == "grey" else ""
            table.add_row(first, row, *(f"{figures[name]:.1f}" for name in _COLUMNS))
    console = Console(width=120)
    console.print(f"{report.model}")
    console.print(table)
    shift = report.figures["all"]["model"]
    console.print(
        f"lightness shift: mean {shift['lightness_shift']:.3f}, "
        f"largest of a picture {shift['lightness_shift_max']:.3f}"
    )
