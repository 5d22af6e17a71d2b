"""`rechroma export`: a checkpoint in, a colour model file out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rechroma.cli.failures import debug_option
from rechroma.cli.workshop import need_extra, path_option

if TYPE_CHECKING:
    from rechroma.models import ModelCard
    from rechroma.networks import ColourNetwork


@click.command("export")
@click.argument("checkpoint", type=click.Path(path_type=Path), metavar="CHECKPOINT")
@path_option("-o", "--out", default="model.onnx", help="The colour model file.")
@path_option("--card", default=None, help="JSON with the card's fields: licence, data, metrics ...")
@path_option(
    "--report", default=None, help="What 'evaluate --json' printed, for the card's metrics."
)
@click.option("--commit", default="", help="The commit that trained it, for the card.")
@click.option("--temperature", type=click.FloatRange(0.01, 2), help="Annealing: lower is bolder.")
@click.option("--regression-share", type=click.FloatRange(0, 1), help="Share of the ab head.")
@click.option("--saturation", type=click.FloatRange(0, 3), help="Factor on the chroma.")
@debug_option
def export_command(
    checkpoint: Path,
    out: Path,
    card: Path | None,
    report: Path | None,
    commit: str,
    temperature: float | None,
    regression_share: float | None,
    saturation: float | None,
) -> None:
    """Turn a checkpoint into a colour model that any Rechroma can use.

    \b
      rechroma export checkpoints/mine/checkpoint.pt -o mine.onnx --card card.json
      rechroma photo.jpg --model mine.onnx

    The file is checked against the network: a difference above 0.05 in a* or b* is an error.
    """
    need_extra("train", "torch")
    from rechroma.export import export_model
    from rechroma.training import trained_network

    decoding = {
        "temperature": temperature,
        "regression_share": regression_share,
        "saturation": saturation,
    }
    network = trained_network(checkpoint, {k: v for k, v in decoding.items() if v is not None})
    written = replace(_card(card, report, network, out.stem), commit=commit)
    parity = export_model(network, written, out)
    click.echo(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB; differs from the network by at most "
        f"{parity.file:.2g} in ab (rounding the weights by {parity.rounding:.2g} on average)"
    )


def _card(path: Path | None, report: Path | None, network: ColourNetwork, name: str) -> ModelCard:
    import json

    from rechroma.models import ModelCard
    from rechroma.networks import describe

    fields: dict[str, Any] = {"name": name, "version": "1", "size": 256}
    fields |= {"licence": "unstated", "authors": [], "data": []}
    if path is not None:
        fields |= _read_json(path)
    if report is not None:
        fields["metrics"] = _read_json(report)["figures"]["all"]["model"]
    fields |= {"stride": network.stride, "scale": network.scale, "format": ModelCard.format}
    fields |= {"bins": network.centres.tolist(), "hints": network.takes_hints}
    fields["network"] = describe(network)
    return ModelCard.from_json(json.dumps(fields))


def _read_json(path: Path) -> dict[str, Any]:
    import json

    from rechroma.errors import RecipeError

    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: not a readable JSON card or report: {error}") from error
