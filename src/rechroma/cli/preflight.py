"""Checks before the work: installed extras, and targets that can be written."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from rechroma.errors import MissingExtraError, OptionError, install_hint

if TYPE_CHECKING:
    from pathlib import Path


def require_extra(extra: str, module: str) -> None:
    """Check that an optional dependency is installed.

    Raises:
        MissingExtraError: It is not; the hint tells how to install it.
    """
    if find_spec(module) is None:
        raise MissingExtraError(
            f"this command needs {module}, which is not installed",
            hint=install_hint(extra),
        )


def check_targets(*targets: Path | None, overwrite: bool = True) -> None:
    """Check that files can be written, before the work whose results they will hold.

    Args:
        targets: The files; None for one that was not requested.
        overwrite: Whether existing files will be replaced.

    Raises:
        TargetExistsError: One exists, and `overwrite` is false.
        TargetError: One is a folder, or in a place where nothing can be written.
    """
    from rechroma.fs import check_target

    for target in targets:
        if target is not None:
            check_target(target, overwrite=overwrite)


def check_model_target(target: Path) -> None:
    """Check the path of a color model before it is made.

    Raises:
        OptionError: The name does not end with `.onnx`, by which models are recognized.
        TargetError: The file cannot be written.
    """
    if not target.name.endswith(".onnx"):
        raise OptionError(
            f"{target}: the name of a color model must end with .onnx",
            hint=f"Name it {target}.onnx, so that --model accepts it.",
        )
    check_targets(target)
