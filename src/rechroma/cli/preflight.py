"""Checks before the work: installed extras, and targets that can be written."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from rechroma.errors import MissingExtraError, OptionError, TargetError, install_hint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def has_module(name: str) -> bool:
    """Return whether a module is installed, without importing it."""
    return find_spec(name) is not None


def require_extra(extra: str, module: str) -> None:
    """Check that an optional dependency is installed.

    Raises:
        MissingExtraError: It is not; the hint tells how to install it.
    """
    if not has_module(module):
        raise MissingExtraError(
            f"this command needs {module}, which is not installed",
            hint=install_hint(extra),
        )


def check_targets(*targets: Path | None, overwrite: bool) -> None:
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


def check_no_inputs(targets: Iterable[Path | None], inputs: Iterable[Path]) -> None:
    """Check that no target is one of the files that a command reads.

    Args:
        targets: The files to write or replace; None for one that was not requested.
        inputs: Photographs, models, shards and results, as named on the command line or as found.

    Raises:
        TargetError: One is.
    """
    from rechroma.evaluation.photo_folder import list_images

    existing = [target for target in targets if target is not None and target.exists()]
    for path in inputs if existing else ():
        if path.is_dir():
            files = [*list_images(path), *path.glob("*.tar"), *path.glob("checkpoint.pt")]
        else:
            files = [path] if path.is_file() else list(path.parent.glob(path.name))
        for target in existing:
            if any(file.exists() and target.samefile(file) for file in files):
                raise TargetError(
                    f"{target} is one of the inputs, which are never replaced",
                    hint="Choose another name.",
                )


def check_model_target(target: Path, *, overwrite: bool) -> None:
    """Check the path of a color model before it is made.

    Args:
        target: The file.
        overwrite: Whether an existing one will be replaced.

    Raises:
        OptionError: The name does not end with `.onnx`, by which models are recognized.
        TargetExistsError: It exists, and `overwrite` is false.
        TargetError: The file cannot be written.
    """
    if not target.name.endswith(".onnx"):
        raise OptionError(
            f"{target}: the name of a color model must end with .onnx",
            hint=f"Name it {target}.onnx, so that --model accepts it.",
        )
    check_targets(target, overwrite=overwrite)
