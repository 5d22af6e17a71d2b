"""`rechroma export`: a checkpoint in, a color model file out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from rechroma.cli.error_reporting import debug_option
from rechroma.cli.training_common import (
    card_of,
    check_model_target,
    checkpoint_in,
    need_extra,
    path_option,
    read_fields,
    read_metrics,
    write_model,
)


@click.command("export")
@click.argument("checkpoint", type=click.Path(path_type=Path), metavar="CHECKPOINT")
@path_option("-o", "--out", default="model.onnx", help="The color model file.")
@click.option("--name", help="Of the model.  [default: the card's, or that of the file]")
@path_option("--card", default=None, help="JSON with the card's fields: license, data, metrics ...")
@path_option(
    "--report", default=None, help="What 'evaluate --json' printed, for the card's metrics."
)
@click.option("--commit", default="", help="The commit that trained it, for the card.")
@click.option("--temperature", type=click.FloatRange(0.01, 2), help="Annealing: lower is bolder.")
@click.option("--regression-share", type=click.FloatRange(0, 1), help="Share of the ab head.")
@click.option("--saturation", type=click.FloatRange(0, 3), help="Factor on the chroma.")
@click.option("--exact", is_flag=True, help="Do not round the weights: the file is larger.")
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
    """Turn a checkpoint into a color model that any Rechroma can use.

    \b
      rechroma export checkpoints/mine/checkpoint.pt -o mine.onnx --card card.json
      rechroma photo.jpg --model mine.onnx

    CHECKPOINT is such a file, or a run's folder with a checkpoint.pt in it.
    The file is checked against the network: a difference above 0.05 in a* or b* is an error.
    """
    need_extra("train", "torch")
    check_model_target(out)
    checkpoint = checkpoint_in(checkpoint)
    fields = {"name": out.stem, **read_fields(card), **({"name": name} if name else {})}
    if report is not None:
        fields["metrics"] = read_metrics(report)
    from rechroma.training import trained_network

    decoding = {
        "temperature": temperature,
        "regression_share": regression_share,
        "saturation": saturation,
    }
    network = trained_network(checkpoint, {k: v for k, v in decoding.items() if v is not None})
    written = replace(card_of(network, fields), commit=commit)
    write_model(network, written, out, source=checkpoint, rounded=not exact)
