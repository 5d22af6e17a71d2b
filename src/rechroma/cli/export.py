"""`rechroma export`: conversion of a checkpoint to a color model file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from rechroma.cli.checks import check_model_target, require_extra
from rechroma.cli.error_reporting import debug_option
from rechroma.cli.model_files import (
    export_model_file,
    find_checkpoint,
    make_card,
    read_card_fields,
    read_metrics,
)
from rechroma.cli.options import path_option


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
@click.option("--exact", is_flag=True, help="Do not round the weights: a larger file.")
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
    exact: bool,
) -> None:
    """Convert a checkpoint to a color model file.

    \b
      rechroma export checkpoints/mine/checkpoint.pt -o mine.onnx --card card.json
      rechroma photo.jpg --model mine.onnx

    CHECKPOINT is a checkpoint, or a run's folder that contains a checkpoint.pt. The exported file
    is compared with the network: a difference above 0.05 in a* or b* is an error.
    """
    require_extra("train", "torch")
    check_model_target(out)
    checkpoint = find_checkpoint(checkpoint)
    fields = {"name": out.stem, **read_card_fields(card), **({"name": name} if name else {})}
    if report is not None:
        fields["metrics"] = read_metrics(report)
    from rechroma.training import trained_network

    decoding = {
        "temperature": temperature,
        "regression_share": regression_share,
        "saturation": saturation,
    }
    network = trained_network(checkpoint, {k: v for k, v in decoding.items() if v is not None})
    written = replace(make_card(network, fields), commit=commit)
    export_model_file(network, written, out, source=checkpoint, rounded=not exact)
