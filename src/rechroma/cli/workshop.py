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


def write_sheet(sheet: Image, path: Path) -> None:
    """Write a contact sheet as a JPEG.

    Raises:
        TargetError: The file cannot be written.
    """
    from rechroma.imaging import write_atomically

    write_atomically(path, lambda file: sheet.save(file, "JPEG", quality=88), overwrite=True)
