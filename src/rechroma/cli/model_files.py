"""Model files: looking one up, filling in its card, exporting it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rechroma.cli.preflight import require_extra
from rechroma.errors import (
    CheckpointError,
    ModelNotFoundError,
    OptionError,
    RecipeError,
    SourceError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rechroma.export import WeightType
    from rechroma.models import ModelCard
    from rechroma.networks import ColorizationNetwork


def make_card(network: ColorizationNetwork, fields: Mapping[str, Any]) -> ModelCard:
    """Make the card of a network that is exported as a model file.

    Args:
        network: The network; the fields that the runtime needs come from it.
        fields: All other fields of the card.

    Raises:
        ModelContractError: A field is invalid.
    """
    import json

    from rechroma.models import ModelCard
    from rechroma.networks import network_config

    known: dict[str, Any] = {"version": "1", "size": 256}
    known |= {"license": "unstated", "authors": [], "data": [], **fields}
    known |= {"stride": network.stride, "scale": network.scale, "format": ModelCard.format}
    known |= {"bins": network.output_bins(), "hints": network.supports_hints}
    known["distribution_scale"] = network.distribution_scale
    known["network"] = network_config(network)
    return ModelCard.from_json(json.dumps(known))


def read_card_fields(path: Path | None) -> dict[str, Any]:
    """Read a JSON object with fields of a card; empty if there is no file.

    Raises:
        RecipeError: The file cannot be read, or is not a JSON object.
    """
    import json

    if path is None:
        return {}
    try:
        fields = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RecipeError(f"{path}: not a valid JSON card or report: {error}") from error
    if not isinstance(fields, dict):
        raise RecipeError(f"{path}: not a JSON card or report: expected an object")
    return fields


def read_metrics(report: Path) -> dict[str, Any]:
    """Read the model's metrics on all images from a report of `rechroma evaluate --json`.

    Raises:
        RecipeError: The file cannot be read, or is not such a report.
    """
    try:
        return dict(read_card_fields(report)["metrics"]["all"]["model"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecipeError(
            f"{report}: not a report of 'rechroma evaluate'",
            hint=f"Create one: rechroma evaluate MODEL SHARDS --json > {report}",
        ) from error


def resolve_model(model: str) -> Path:
    """Resolve a checkpoint (.pt), a run's folder, or a color model's name or path to its file.

    In a folder this is `model.onnx`, or else `checkpoint.pt`.

    Raises:
        ModelNotFoundError: There is no such model, or the folder contains neither file.
        ModelIntegrityError: A bundled model differs from the published one.
    """
    from rechroma.models import find_model

    path = Path(model)
    if path.suffix == ".pt" and not path.is_dir():
        return path
    for file in (path / "model.onnx", path / "checkpoint.pt"):
        if file.is_file():
            return file
    try:
        return find_model(model)
    except ModelNotFoundError as error:
        if not path.is_dir():
            raise
        raise ModelNotFoundError(
            f"{path}: the folder contains neither model.onnx nor checkpoint.pt",
            hint="Give a run's folder (-o of 'rechroma train'), a checkpoint or a color model.",
        ) from error


def find_checkpoint(run: Path) -> Path:
    """Return a checkpoint, given its path or the folder of its run.

    Raises:
        SourceError: The folder contains no checkpoint, or the file cannot be read.
    """
    from rechroma.models import check_readable

    hint = "'rechroma train' writes checkpoint.pt into its output folder (-o)."
    checkpoint = run / "checkpoint.pt"
    if not run.is_dir():
        check_readable(run, hint)
        return run
    if not checkpoint.is_file():
        raise SourceError(f"{run}: the folder contains no checkpoint.pt", hint=hint)
    return checkpoint


def export_model_file(
    network: ColorizationNetwork,
    card: ModelCard,
    out: Path,
    *,
    source: Path,
    weights: WeightType = "int8",
    overwrite: bool = False,
) -> None:
    """Export a network as a color model and print the deviation between the two.

    Args:
        network: The network; its weights are given up.
        card: The card to embed.
        out: The file to write.
        source: The checkpoint of the network, for error messages.
        weights: How the weights are stored.
        overwrite: Whether to replace an existing file.

    Raises:
        CheckpointError: The network outputs no usable colors; the message names the checkpoint.
        ParityError: The file disagrees with the network.
        FileError: The file cannot be written.
    """
    from rechroma.export import export_model

    def progress(line: str) -> None:
        click.echo(f"{out}: {line}", err=True)

    try:
        parity = export_model(
            network,
            card,
            out,
            weights=weights,
            overwrite=overwrite,
            keep_network=False,
            progress=progress,
        )
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error.message}", hint=error.hint) from error
    click.echo(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB; differs from the network by at most "
        f"{parity.file:.2g} in ab (rounding the weights by {parity.rounding:.2g} on average)"
    )


def import_named(module: str | None) -> None:
    """Import the module that `--import` names, if any.

    Raises:
        OptionError: It cannot be imported.
    """
    if module is not None:
        try:
            import_module(module)
        except ImportError as error:
            raise OptionError(
                f"--import {module}: {error}",
                hint="Install the package, or set PYTHONPATH to its folder.",
            ) from error


def import_onnx_file(
    source: Path,
    target: Path,
    contract: str | None,
    fields: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> None:
    """Write an ONNX file of another program as a color model, and print what is known of it.

    Args:
        source: The ONNX file.
        target: The file to write.
        contract: Name of its contract; None if it is to be recognized.
        fields: Fields of the card.
        overwrite: Whether to replace an existing target.

    Raises:
        MissingExtraError: onnx is not installed.
        RechromaError: As :func:`rechroma.onnx_import.import_onnx` raises it.
    """
    from rechroma.models import check_lacks_card

    check_lacks_card(source)
    require_extra("train", "onnx")
    from rechroma.onnx_import import import_onnx

    known = import_onnx(
        source,
        target,
        contract,
        fields=fields,
        overwrite=overwrite,
        progress=lambda line: click.echo(f"{source}: {line}", err=True),
    )
    click.echo(
        f"{target}: {target.stat().st_size / 1e6:.1f} MB; contract '{known.name}' "
        f"({known.paper}), whose authors published their weights under {known.license}; version "
        "and training data of this file are unknown"
    )
