"""`rechroma models`: listing, describing and importing color models."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from rechroma.cli.checks import check_model_target, require_extra
from rechroma.cli.error_reporting import debug_option, print_error
from rechroma.cli.model_files import export_model_file, make_card, read_card_fields
from rechroma.cli.options import json_option, path_option
from rechroma.cli.terminal import printable
from rechroma.errors import ModelError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.models import ModelCard


@click.group("models")
@debug_option
def models_group() -> None:
    """List and describe color models, and import published checkpoints."""


@models_group.command("list")
@json_option("Print the cards as a JSON list.")
@debug_option
@click.pass_context
def list_command(ctx: click.Context, as_json: bool) -> None:
    """List the color models; a star marks the default one.

    To add your own models, put them into a folder and set the environment variable RECHROMA_MODELS
    to it; or use one by its path: --model my.onnx
    """
    from rechroma.models import get_card, model_names

    cards, broken = [], []
    for name in model_names():
        try:
            cards.append(get_card(name))
        except ModelError as error:
            broken.append(error)
    if as_json:
        click.echo(json.dumps([_to_dict(card) for card in cards], indent=2))
    elif cards:
        _print_table(cards)
    else:
        click.echo("No color models found. Use one by its path: --model FILE.onnx")
    for fault in broken:
        print_error(fault)
    if broken:
        ctx.exit(broken[0].exit_code)


@models_group.command("info")
@click.argument("model", default="default", metavar="[NAME|FILE]")
@json_option("Print the card as JSON.")
@debug_option
def info_command(model: str, as_json: bool) -> None:
    """Show a model's card: license, authors, training data, metrics."""
    from rechroma.models import find_model, read_card

    fields = _to_dict(read_card(find_model(model)))
    if as_json:
        click.echo(json.dumps(fields, indent=2))
        return
    del fields["bins"]  # hundreds of numbers, for programs only
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(overflow="fold")  # by default rich cuts words that are longer than the column
    for name, value in fields.items():
        if text := _format_value(value):
            grid.add_row(Text(name, "bold"), Text(text))
    Console().print(grid)


@models_group.command("import")
@click.argument("checkpoint", type=click.Path(path_type=Path), metavar="CHECKPOINT")
@click.option("--as", "name", required=True, metavar="NETWORK", help="eccv16, siggraph17 ...")
@path_option(
    "-o", "--out", default=None, help="Color model file to write.  [default: NETWORK.onnx]"
)
@path_option(
    "--card", default=None, help="JSON file with fields of the card: description, metrics, ..."
)
@click.option("--rounded", is_flag=True, help="Round the weights, for a quarter of the size.")
@debug_option
def import_command(
    checkpoint: Path, name: str, out: Path | None, card: Path | None, rounded: bool
) -> None:
    """Convert a checkpoint published by the authors of a paper to a color model.

    \b
      rechroma models import siggraph17.pth --as siggraph17
      rechroma photo.jpg --model siggraph17.onnx

    CHECKPOINT is a PyTorch state dict or a safetensors file; no code in it is executed. It must
    contain exactly the weights of the network. The model's output is compared with the network's,
    and equals that of the published code. Respect the license of the weights, which the card names.
    """
    require_extra("train", "torch")
    target = Path(f"{name}.onnx") if out is None else out
    check_model_target(target)
    from rechroma.networks import get_architecture, load_published

    network, known = load_published(name, checkpoint), get_architecture(name)
    fields: dict[str, Any] = {"name": name, "description": known.paper}
    if known.license:
        data = [dataclasses.asdict(source) for source in known.data]
        fields |= {"license": known.license, "authors": list(known.authors), "data": data}
    written = make_card(network, fields | read_card_fields(card))
    export_model_file(network, written, target, source=checkpoint, rounded=rounded)


def _to_dict(card: ModelCard) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(card.to_json())
    return fields


def _print_table(cards: Sequence[ModelCard]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    default = _default_name(cards)
    table = Table(box=None)
    for title in ("", "Name", "Version", "Size", "Hints", "License", "About"):
        table.add_column(title, overflow="fold")
    for card in cards:
        star = "*" if card.name == default else ""
        hints = "yes" if card.hints else "no"
        cells = (star, card.name, card.version, f"{card.size} px", hints, card.license)
        table.add_row(*(Text(printable(cell)) for cell in (*cells, card.description)))
    Console().print(table)


def _default_name(cards: Sequence[ModelCard]) -> str | None:
    from rechroma.models import find_model

    try:
        default = find_model("default")
    except ModelNotFoundError:
        return None
    return next((card.name for card in cards if find_model(card.name) == default), None)


def _format_value(value: object) -> str:
    """Format a field of a card for people: rounded numbers, one line per nested field or source."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            # Four digits, but all of those before the point.
            return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        case dict():
            return "\n".join(_format_field(name, item) for name, item in value.items())
        case list():
            sources = any(isinstance(item, dict) for item in value)
            return ("\n" if sources else ", ").join(map(_format_item, value))
    return printable(str(value))


def _format_field(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f"{printable(name)}:\n{indent(_format_value(value), '  ')}"
    return f"{printable(name)}: {_format_value(value)}"


def _format_item(item: object) -> str:
    if not isinstance(item, dict):
        return printable(str(item))
    return printable(", ".join(str(value) for value in item.values() if value))
