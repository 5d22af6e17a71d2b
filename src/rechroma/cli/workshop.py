"""What the commands that train, measure and export have in common."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rechroma.errors import MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

    from rechroma.training import Progress

_Command = TypeVar("_Command", bound=Callable[..., Any])


def need_extra(extra: str, module: str) -> None:
    """Make sure that an optional dependency is there.

    Raises:
        MissingExtraError: It is not; the hint says how to install it.
    """
    if find_spec(module) is None:
        raise MissingExtraError(
            f"this command needs {module}, which is not installed",
            hint=f'Install it: pip install "rechroma[{extra}]"',
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
    help="Change a key of the recipe, such as optimiser.rate=1e-3; may be repeated.",
)


def report_progress(progress: Progress) -> None:
    """Print a run's figures of the last few steps."""
    costs = "  ".join(f"{name} {cost:.4f}" for name, cost in progress.costs.items())
    click.echo(
        f"step {progress.step}/{progress.steps}  epoch {progress.epoch:.2f}  "
        f"{costs}  {progress.pictures_per_second:.1f} img/s"
    )


def write_sheet(sheet: Image, path: Path) -> None:
    """Write a contact sheet as a JPEG.

    Raises:
        TargetError: The file cannot be written.
    """
    from rechroma.imaging import write_atomically

    write_atomically(path, lambda file: sheet.save(file, "JPEG", quality=88), overwrite=True)
