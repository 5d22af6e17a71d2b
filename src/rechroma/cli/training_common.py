"""What the commands that train, measure and export have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rechroma.errors import (
    CheckpointError,
    MissingExtraError,
    ModelNotFoundError,
    OptionError,
    RecipeError,
    install_hint,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from rechroma.models import ModelCard
    from rechroma.networks import ColorizationNetwork
    from rechroma.training import Progress, Recipe, TrainState

_SHEET_PICTURES = 24

_Command = TypeVar("_Command", bound=Callable[..., Any])


def need_extra(extra: str, module: str) -> None:
    """Make sure that an optional dependency is there.

    Raises:
        MissingExtraError: It is not; the hint says how to install it.
    """
    if find_spec(module) is None:
        raise MissingExtraError(
            f"this command needs {module}, which is not installed",
            hint=install_hint(extra),
        )


def path_option(*names: str, default: str | None, help: str) -> Callable[[_Command], _Command]:  # noqa: A002 - as click names it
    """An option whose value is a path."""
    return click.option(
        *names,
        type=click.Path(path_type=Path),
        default=default,
        show_default=default is not None,
        help=help,
    )


set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a key of the recipe, such as optimizer.lr=1e-3; may be repeated.",
)


def report_progress(progress: Progress) -> None:
    """Print a run's figures of the last few steps."""
    losses = "  ".join(f"{name} {loss:.4f}" for name, loss in progress.losses.items())
    click.echo(
        f"step {progress.step}/{progress.steps}  epoch {progress.epoch:.2f}  "
        f"{losses}  {progress.images_per_second:.1f} img/s"
    )


def run_drawer(recipe: Recipe, out: Path) -> Callable[[TrainState], None]:
    """What draws how a run stands: its curves, and a contact sheet where there is something to see.

    Args:
        recipe: Whose development pictures are shown.
        out: The run's folder.
    """
    from rechroma.datasets import Shards, spread
    from rechroma.training import draw_curves

    pictures = Shards(recipe.data.val) if recipe.data.val else None

    def draw(state: TrainState) -> None:
        draw_curves(out / "log.jsonl", out / "curves.png")
        if pictures is not None:
            chosen = (pictures[number] for number in spread(len(pictures), _SHEET_PICTURES))
            path = out / f"sheet-{state.step:07}.jpg"
            write_sheet(_drawn(state, chosen), path)
            click.echo(f"{path}: gray, model, truth")

    return draw


def _drawn(state: TrainState, pictures: Iterator[NDArray[np.uint8]]) -> Image:
    from rechroma.colorizer import Colorizer
    from rechroma.evaluation import sheet
    from rechroma.training import TorchEngine

    return sheet(Colorizer(engine=TorchEngine(state.ema)), pictures)


def check_targets(*targets: Path | None) -> None:
    """Refuse files that could not be written, before the work whose result they are to hold.

    Args:
        targets: The files; None where none was asked for.

    Raises:
        TargetError: One is a folder, or in a place where nothing can be written.
    """
    from rechroma.fs import check_target

    for target in targets:
        if target is not None:
            check_target(target, overwrite=True)


def check_model_target(target: Path) -> None:
    """Refuse a place for a color model, before it is made, where it could not be found or written.

    Raises:
        OptionError: The name does not end with `.onnx`, by which models are known.
        TargetError: It could not be written.
    """
    if not target.name.endswith(".onnx"):
        raise OptionError(
            f"{target}: the name of a color model ends with .onnx",
            hint=f"Name it {target}.onnx, so that --model takes it.",
        )
    check_targets(target)


def write_sheet(sheet: Image, path: Path) -> None:
    """Write a contact sheet as a JPEG.

    Raises:
        TargetError: The file cannot be written.
    """
    from rechroma.fs import write_atomically

    write_atomically(path, lambda file: sheet.save(file, "JPEG", quality=88), overwrite=True)


def card_of(network: ColorizationNetwork, fields: Mapping[str, Any]) -> ModelCard:
    """The card of a network that becomes a model file.

    Args:
        network: It tells what the runtime must know.
        fields: What else is known of it.

    Raises:
        ModelContractError: A field is not what it should be.
    """
    import json

    from rechroma.models import ModelCard
    from rechroma.networks import describe

    known: dict[str, Any] = {"version": "1", "size": 256}
    known |= {"license": "unstated", "authors": [], "data": [], **fields}
    known |= {"stride": network.stride, "scale": network.scale, "format": ModelCard.format}
    known |= {"bins": network.output_bins(), "hints": network.takes_hints}
    known["distribution_scale"] = network.distribution_scale
    known["network"] = describe(network)
    return ModelCard.from_json(json.dumps(known))


def read_fields(path: Path | None) -> dict[str, Any]:
    """What a JSON file says of a model, by field; nothing where no file is named.

    Raises:
        RecipeError: The file cannot be read, or holds no object.
    """
    import json

    if path is None:
        return {}
    try:
        fields = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RecipeError(f"{path}: not a readable JSON card or report: {error}") from error
    if not isinstance(fields, dict):
        raise RecipeError(f"{path}: not a JSON card or report: holds no object")
    return fields


def read_metrics(report: Path) -> dict[str, Any]:
    """The model's figures on all pictures, from what `rechroma evaluate --json` printed.

    Raises:
        RecipeError: The file cannot be read, or is no such report.
    """
    try:
        return dict(read_fields(report)["figures"]["all"]["model"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecipeError(
            f"{report}: not a report of 'rechroma evaluate'",
            hint=f"Make one: rechroma evaluate MODEL SHARDS --json > {report}",
        ) from error


def model_or_checkpoint(model: str) -> Path:
    """The file that a checkpoint (.pt), a run's folder or a color model stands for.

    Of a folder it is the `model.onnx` in it, else the `checkpoint.pt`.

    Raises:
        ModelNotFoundError: There is no such model, or the folder holds neither.
        ModelIntegrityError: A bundled model is not the one that was published.
    """
    from rechroma.models import find_model

    path = Path(model)
    if path.suffix == ".pt" and not path.is_dir():
        return path
    inside = [path / name for name in ("model.onnx", "checkpoint.pt")]
    if there := [file for file in inside if file.is_file()]:
        return there[0]
    try:
        return find_model(model)
    except ModelNotFoundError as error:
        if not path.is_dir():
            raise
        raise ModelNotFoundError(
            f"{path}: this folder holds neither model.onnx nor checkpoint.pt",
            hint="Name a run's folder (-o of 'rechroma train'), a checkpoint or a color model.",
        ) from error


def checkpoint_in(run: Path) -> Path:
    """A checkpoint, where it or the folder of its run is named.

    Raises:
        CheckpointError: The folder holds none.
    """
    if not run.is_dir():
        return run
    inside = run / "checkpoint.pt"
    if not inside.is_file():
        raise CheckpointError(
            f"{run}: this folder holds no checkpoint.pt",
            hint="'rechroma train' writes checkpoint.pt into the folder of its run (-o).",
        )
    return inside


def write_model(
    network: ColorizationNetwork, card: ModelCard, out: Path, *, source: Path, rounded: bool
) -> None:
    """Export a network and say how it went.

    Args:
        network: It is left as it was.
        card: What the file says of itself.
        out: The file.
        source: The checkpoint that the network is from.
        rounded: Whether the weights are rounded.

    Raises:
        CheckpointError: The network gives no colors; the message names the checkpoint.
        ParityError: The file differs from the network.
        TargetError: It cannot be written.
    """
    from rechroma.export import export_model

    try:
        parity = export_model(network, card, out, rounded=rounded)
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error.message}", hint=error.hint) from error
    click.echo(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB; differs from the network by at most "
        f"{parity.file:.2g} in ab (rounding the weights by {parity.rounding:.2g} on average)"
    )
