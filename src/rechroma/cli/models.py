"""`rechroma models` and `rechroma export`: color models, listed, imported and exported."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from rechroma.cli.error_reporting import debug_option, overwrite_option, print_error
from rechroma.cli.model_files import (
    export_model_file,
    find_checkpoint,
    import_named,
    import_onnx_file,
    make_card,
    read_card_fields,
    read_metrics,
)
from rechroma.cli.options import (
    contract_option,
    import_option,
    json_option,
    path_option,
    weights_option,
)
from rechroma.cli.preflight import check_model_target, has_module, require_extra
from rechroma.cli.terminal import printable
from rechroma.errors import (
    ModelError,
    ModelNotFoundError,
    OptionError,
    RecipeError,
    did_you_mean,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rechroma.export import WeightType
    from rechroma.models import ModelCard


@click.group("models")
@debug_option
def models_group() -> None:
    """List and describe color models, download published ones, and manage your shelf of them."""


@models_group.command("list")
@json_option("Print the cards as a JSON list.")
@click.option(
    "--published", is_flag=True, help="List the models that 'rechroma models get' can download."
)
@debug_option
@click.pass_context
def list_command(ctx: click.Context, as_json: bool, published: bool) -> None:
    """List the color models; a star marks the default one.

    They are the bundled models and those on your shelf: the folder that the environment variable
    RECHROMA_MODELS names, or else one in your data folder. 'rechroma models add' and 'get' put
    models there. Any other model is used by its path: --model my.onnx
    """
    if published:
        _print_published(as_json=as_json)
        return
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

    path = find_model(model)
    fields = _to_dict(read_card(path))
    if as_json:
        click.echo(json.dumps(fields, indent=2))
        return
    fields["file"] = str(path)
    del fields["bins"]  # hundreds of numbers, for programs only
    fields["data"] = fields.pop("data")  # can be long: the others stay in view
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
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--as", "name", metavar="NETWORK", help="Of a checkpoint: eccv16, siggraph17 ...")
@path_option(
    "-o", "--out", default=None, help="Color model file to write.  [default: NETWORK.onnx]"
)
@path_option(
    "--card", default=None, help="JSON file with fields of the card: description, metrics, ..."
)
@weights_option("float32")
@contract_option
@overwrite_option()
@debug_option
def import_command(
    source: Path,
    name: str | None,
    out: Path | None,
    card: Path | None,
    weights: WeightType,
    contract: str | None,
    overwrite: bool,
) -> None:
    """Convert a published checkpoint, or an ONNX file of another program, to a color model.

    \b
      rechroma models import siggraph17.pth --as siggraph17
      rechroma photo.jpg --model siggraph17.onnx
      rechroma models import ddcolor_artistic.onnx -o artistic.onnx

    A checkpoint is a PyTorch file of weights, as published by the authors of a paper (.pth,
    pytorch_model.bin) or as safetensors; no code in it is executed. It must contain exactly the
    weights of the network. The model's output is compared with the network's, and equals that of
    the published code. Respect the license of the weights, which the card names.

    ONNX files (.onnx) of DDColor and DeOldify are recognized by their inputs, outputs and
    operators, and keep their weights as they are; for others of the same kind there is --contract.
    """
    from rechroma.models import check_readable

    if source.suffix.lower() == ".onnx":
        if name is not None or weights != "float32":
            option = "--as" if name is not None else "--weights"
            raise OptionError(
                f"{source}: {option} is for checkpoints, not for ONNX files",
                hint="Name the contract of an ONNX file with --contract, and its result with -o.",
            )
        if out is None:
            raise OptionError(
                f"{source}: the name of the result is missing", hint="Add -o OUT.onnx"
            )
        check_model_target(out, overwrite=overwrite)
        fields = {"name": out.stem} | read_card_fields(card)
        import_onnx_file(source, out, contract, fields, overwrite=overwrite)
        return
    if name is None:
        check_readable(source, "Name the file of weights that the authors of a network published.")
        raise OptionError(
            f"{source}: a checkpoint does not say its network",
            hint="Add --as NETWORK; 'rechroma models list --published' lists the networks.",
        )
    if contract is not None:
        raise OptionError(f"{source}: --contract is for ONNX files, which end in .onnx")
    target = Path(f"{name}.onnx") if out is None else out
    check_model_target(target, overwrite=overwrite)
    _check_network_name(name)
    check_readable(source, f"Name the file of weights that the authors of {name} published.")
    given = read_card_fields(card)
    require_extra("train", "torch")
    _import_checkpoint(source, name, target, given, weights=weights, overwrite=overwrite)


def _import_checkpoint(
    checkpoint: Path,
    name: str,
    target: Path,
    given: Mapping[str, Any],
    *,
    weights: WeightType,
    overwrite: bool,
) -> None:
    """Write a published checkpoint as a color model.

    Args:
        checkpoint: The file of weights.
        name: Its network.
        target: The file to write.
        given: Fields of the card that differ from those that are known of the network.
        weights: How the weights are stored.
        overwrite: Whether to replace an existing target.
    """
    from rechroma.networks import fold_normalization, get_architecture, load_published

    network, known = load_published(name, checkpoint), get_architecture(name)
    fold_normalization(network)  # as the export does, which would keep both kinds of weights
    fields: dict[str, Any] = {"name": name, "description": known.paper, "size": known.size}
    if known.license:
        data = [dataclasses.asdict(source) for source in known.data]
        fields |= {"license": known.license, "authors": list(known.authors), "data": data}
    written = make_card(network, fields | dict(given))
    export_model_file(
        network, written, target, source=checkpoint, weights=weights, overwrite=overwrite
    )


def _check_network_name(name: str) -> None:
    """Check the name of a published network before PyTorch, whose networks know all names.

    Raises:
        RecipeError: PyTorch is not installed, and no published network has the name.
    """
    from rechroma.models import published_models

    known = {entry.architecture for entry in published_models().values()}
    if not has_module("torch") and ":" not in name and name not in known:
        hint = did_you_mean(name, sorted(known))
        raise RecipeError(f"no published network is called {name!r}", hint=hint)


def _to_dict(card: ModelCard) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(card.to_json())
    return fields


def _print_table(cards: Sequence[ModelCard]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from rechroma.models import find_model, shelf_models

    try:
        path = find_model("default")
        default = next((card.name for card in cards if find_model(card.name) == path), None)
    except ModelNotFoundError:
        default = None
    table = Table(box=None)
    for title in ("", "Name", "Version", "Size", "Hints", "License", "Place", "About"):
        table.add_column(title, overflow="fold")
    shelf = shelf_models()
    for card in cards:
        star = "*" if card.name == default else ""
        hints = "yes" if card.hints else "no"
        place = "shelf" if find_model(card.name) == shelf.get(card.name) else "bundled"
        cells = (star, card.name, card.version, f"{card.size} px", hints, card.license, place)
        table.add_row(*(Text(printable(cell)) for cell in (*cells, card.description)))
    Console().print(table)


def _print_published(*, as_json: bool) -> None:
    from rechroma.models import published_models

    entries = published_models().values()
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(entry) for entry in entries], indent=2))
        return
    for entry in entries:
        size = f"{entry.size / 1e6:.0f} MB" if entry.size else "unknown size"
        click.echo(f"{entry.name}: {entry.paper}\n  {entry.license}, {size}, {entry.page}")


def _format_value(value: object) -> str:
    """Format a field of a card for people: rounded numbers, one line per nested field or source."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            # Four digits, but all of those before the point.
            return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        case dict():
            lines = []
            for name, item in value.items():
                text = _format_value(item)
                text = f"\n{indent(text, '  ')}" if isinstance(item, dict) else f" {text}"
                lines.append(f"{printable(name)}:{text}")
            return "\n".join(lines)
        case list():
            lines = [
                ", ".join(str(part) for part in item.values() if part)
                if isinstance(item, dict)
                else str(item)
                for item in value
            ]
            nested = any(isinstance(item, dict) for item in value)
            return ("\n" if nested else ", ").join(map(printable, lines))
    return printable(str(value))


@click.command("export")
@click.argument("checkpoint", type=click.Path(path_type=Path), metavar="CHECKPOINT")
@path_option("-o", "--out", default="model.onnx", help="The color model file.")
@click.option("--name", help="Name of the model.  [default: the card's, or else the file's]")
@path_option("--card", default=None, help="JSON file with fields of the card: license, data, ...")
@path_option(
    "--report", default=None, help="Output of 'evaluate --json', for the metrics of the card."
)
@click.option("--commit", default="", help="Commit that trained it, for the card.")
@click.option(
    "--temperature",
    type=click.FloatRange(0.01, 2),
    help="Annealing temperature: lower is more vivid.",
)
@click.option("--regression-share", type=click.FloatRange(0, 1), help="Weight of the ab head.")
@click.option("--saturation", type=click.FloatRange(0, 3), help="Factor on the chroma, 0 to 3.")
@weights_option("int8")
@overwrite_option()
@import_option
@debug_option
def export_command(
    checkpoint: Path,
    out: Path,
    name: str | None,
    card: Path | None,
    report: Path | None,
    commit: str,
    temperature: float | None,
    regression_share: float | None,
    saturation: float | None,
    weights: WeightType,
    overwrite: bool,
    module: str | None,
) -> None:
    """Convert a checkpoint to a color model file.

    \b
      rechroma export checkpoints/mine/checkpoint.pt -o mine.onnx --card card.json
      rechroma photo.jpg --model mine.onnx

    CHECKPOINT is a checkpoint, or a run's folder that contains a checkpoint.pt. The exported file
    is compared with the network: a difference above 0.05 in a* or b* is an error.
    """
    check_model_target(out, overwrite=overwrite)
    checkpoint = find_checkpoint(checkpoint)
    fields = {"name": out.stem, **read_card_fields(card), **({"name": name} if name else {})}
    if report is not None:
        fields["metrics"] = read_metrics(report)
    require_extra("train", "torch")
    from rechroma.training import trained_network

    import_named(module)
    decoding = {
        "temperature": temperature,
        "regression_share": regression_share,
        "saturation": saturation,
    }
    network = trained_network(checkpoint, {k: v for k, v in decoding.items() if v is not None})
    written = replace(make_card(network, fields), commit=commit)
    export_model_file(
        network, written, out, source=checkpoint, weights=weights, overwrite=overwrite
    )
