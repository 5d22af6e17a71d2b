"""`rechroma models`: which are here, what each says about itself, and how others come in."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from rechroma.cli.error_reporting import debug_option, print_failure
from rechroma.cli.options import json_option
from rechroma.cli.terminal import printable
from rechroma.cli.training_common import (
    card_of,
    check_model_target,
    need_extra,
    path_option,
    read_fields,
    write_model,
)
from rechroma.errors import ModelError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.models import ModelCard


@click.group("models")
@debug_option
def models_group() -> None:
    """Show the color models that are here, and make some of published checkpoints."""


@models_group.command("list")
@json_option("Print the cards as a JSON list.")
@debug_option
@click.pass_context
def list_command(ctx: click.Context, as_json: bool) -> None:
    """List the color models; the default one is marked with a star.

    Models of your own go into the folder that the environment variable RECHROMA_MODELS names, or
    are given by their path: --model my.onnx
    """
    cards, broken = _cards()
    if as_json:
        click.echo(json.dumps([_fields(card) for card in cards], indent=2))
    elif cards:
        _print_table(cards)
    else:
        click.echo("There is no color model here; give one by its path: --model FILE.onnx")
    for error in broken:
        print_failure(error)
    if broken:
        ctx.exit(broken[0].exit_code)


@models_group.command("info")
@click.argument("model", default="default", metavar="[NAME|FILE]")
@json_option("Print the card as JSON.")
@debug_option
def info_command(model: str, as_json: bool) -> None:
    """Show a model's card: license, authors, training data, measured quality."""
    from rechroma.models import find_model, read_card

    fields = _fields(read_card(find_model(model)))
    if as_json:
        click.echo(json.dumps(fields, indent=2))
        return
    del fields["bins"]  # hundreds of numbers, of use to a program only
    shown = {name: _as_words(value) for name, value in fields.items()}
    _print_grid([(name, words) for name, words in shown.items() if words])


@models_group.command("import")
@click.argument("checkpoint", type=click.Path(path_type=Path), metavar="CHECKPOINT")
@click.option("--as", "name", required=True, metavar="NETWORK", help="eccv16, siggraph17 ...")
@path_option("-o", "--out", default=None, help="The color model file.  [default: NETWORK.onnx]")
@path_option("--card", default=None, help="JSON with the card's fields: description, metrics ...")
@click.option("--rounded", is_flag=True, help="Round the weights: a quarter of the size.")
@debug_option
def import_command(
    checkpoint: Path, name: str, out: Path | None, card: Path | None, rounded: bool
) -> None:
    """Turn a checkpoint that a paper's authors published into a color model.

    \b
      rechroma models import siggraph17.pth --as siggraph17
      rechroma photo.jpg --model siggraph17.onnx

    CHECKPOINT is a torch file of weights or safetensors; nothing in it is executed. It must hold
    exactly the weights of the network. The model is checked against the network, and gives what
    the published code gives. Mind the license of the weights: the card names it.
    """
    need_extra("train", "torch")
    target = Path(f"{name}.onnx") if out is None else out
    check_model_target(target)
    from rechroma.networks import find, load_published

    network, known = load_published(name, checkpoint), find(name)
    fields: dict[str, Any] = {"name": name, "description": known.paper}
    if known.license:
        data = [dataclasses.asdict(source) for source in known.data]
        fields |= {"license": known.license, "authors": list(known.authors), "data": data}
    written = card_of(network, fields | read_fields(card))
    write_model(network, written, target, source=checkpoint, rounded=rounded)


def _cards() -> tuple[list[ModelCard], list[ModelError]]:
    """The cards of all models that keep the contract, and what is wrong with the others."""
    from rechroma.models import get_card, model_names

    cards, broken = [], []
    for name in model_names():
        try:
            cards.append(get_card(name))
        except ModelError as error:
            broken.append(error)
    return cards, broken


def _fields(card: ModelCard) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(card.to_json())
    return fields


def _print_table(cards: Sequence[ModelCard]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    default = _default_name(cards)
    table = Table("", "Name", "Version", "Size", "Hints", "License", "About", box=None)
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


def _print_grid(rows: Sequence[tuple[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for name, words in rows:
        grid.add_row(Text(name, "bold"), Text(words))
    Console().print(grid)


def _as_words(value: object) -> str:
    """A field of a card as a person reads it: figures rounded, a nested field or source a line."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return _rounded(value)
        case dict():
            return "\n".join(_named(name, item) for name, item in value.items())
        case list():
            objects = any(isinstance(item, dict) for item in value)
            return ("\n" if objects else ", ").join(map(_source_or_text, value))
    return printable(str(value))


def _named(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f"{printable(name)}:\n{indent(_as_words(value), '  ')}"
    return f"{printable(name)}: {_as_words(value)}"


def _rounded(figure: float) -> str:
    """Four digits, and all of those before the point."""
    return f"{figure:.0f}" if abs(figure) >= 1000 else f"{figure:.4g}"


def _source_or_text(item: object) -> str:
    if not isinstance(item, dict):
        return printable(str(item))
    return printable(", ".join(str(value) for value in item.values() if value))
