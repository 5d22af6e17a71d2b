"""The model store: bundled models, the user's shelf, and model files by path.

Bundled models are package data with a published SHA-256; `bundled/manifest.json` lists them and
names the default. The shelf is a folder of .onnx files, named by their file names: that of the
environment variable `RECHROMA_MODELS`, or else `models` in the platform's data folder.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_path

from rechroma.errors import (
    ModelContractError,
    ModelIntegrityError,
    ModelNotFoundError,
    OptionError,
    SourceError,
    TargetError,
    did_you_mean,
)
from rechroma.fs import check_target, file_sha256, translate_os_errors, write_atomically
from rechroma.models.contract import peek_card, read_card
from rechroma.models.index import published_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rechroma.models.card import ModelCard

BUNDLED = Path(__file__).parent / "bundled"
FOLDER_VARIABLE = "RECHROMA_MODELS"
_LIST = "'rechroma models list' lists the available models."
_NAME = re.compile(r"\w[\w.-]{0,99}")


def list_models() -> list[ModelCard]:
    """List the cards of the bundled models and of those on the shelf, sorted by name.

    Raises:
        ModelNotFoundError: The folder `RECHROMA_MODELS` does not exist.
        ModelIntegrityError: A bundled model is not the published one.
        ModelContractError: A file has no valid card; the message names it.
    """
    return [get_card(name) for name in model_names()]


def model_names() -> list[str]:
    """List the names of the bundled models and of those on the shelf, opening none.

    Raises:
        ModelNotFoundError: The folder `RECHROMA_MODELS` does not exist.
    """
    return sorted(shelf_models() | _manifest()["models"])


def get_card(name: str) -> ModelCard:
    """Read the card of a model, with the name that the model is found by, but not the model itself.

    Raises:
        ModelError: There is no such model, or it is damaged or has no valid card.
    """
    return dataclasses.replace(peek_card(find_model(name)), name=name)


def find_model(name_or_path: str | os.PathLike[str] = "default") -> Path:
    """Find the file of a model.

    Args:
        name_or_path: "default", the name of a bundled model or of one on the shelf, or the
            path of an .onnx file.

    Raises:
        ModelNotFoundError: No model has that name, or no file that path; or the name is not a
            bundled one, and the folder `RECHROMA_MODELS` does not exist.
        ModelIntegrityError: A bundled model is not the published one.
        OptionError: `name_or_path` is neither a string nor a path.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise OptionError(f"a model must be a name or a path, not {name_or_path!r:.60}")
    wanted = os.fspath(name_or_path)
    if wanted.endswith(".onnx"):
        if not os.path.isfile(wanted):  # noqa: PTH113, false for a name that is too long
            raise ModelNotFoundError(f"there is no model file {wanted}", hint=_LIST)
        return Path(wanted)
    manifest = _manifest()
    name = manifest["default"] if wanted == "default" else wanted
    if name in manifest["models"]:  # a bundled one keeps its name, whatever the shelf holds
        return _bundled(manifest["models"][name])
    shelf = shelf_models()
    if name not in shelf:
        if os.path.exists(wanted):  # noqa: PTH110, likewise
            raise ModelNotFoundError(
                f"{wanted} is not a color model: color model files end in .onnx", hint=_LIST
            )
        raise _not_found(name, sorted(shelf | manifest["models"]))
    return shelf[name]


def _not_found(name: str, known: list[str]) -> ModelNotFoundError:
    if hint := _download_hint(name):
        pass
    elif known:
        hint = did_you_mean(name, known)
    else:
        hint = f"Give a path, or set {FOLDER_VARIABLE} to a folder of .onnx files."
    return ModelNotFoundError(f"there is no model '{name}'", hint=hint)


def _download_hint(name: str) -> str | None:
    """Tell how to download a published model; None if there is none of that name."""
    return f"Download it: rechroma models get {name}" if name in published_models() else None


def shelf_folder() -> Path:
    """Return the folder of the shelf, which may not exist yet."""
    folder = os.environ.get(FOLDER_VARIABLE)
    return Path(folder) if folder else user_data_path("rechroma", appauthor=False) / "models"


def shelf_models() -> dict[str, Path]:
    """Map the names of the models on the shelf to their files.

    Raises:
        ModelNotFoundError: The folder `RECHROMA_MODELS` does not exist.
    """
    folder = shelf_folder()
    if os.environ.get(FOLDER_VARIABLE) and not folder.is_dir():
        raise ModelNotFoundError(
            f"the model folder {folder} does not exist",
            hint=f"Set {FOLDER_VARIABLE} to an existing folder, or unset it.",
        )
    # Hidden files are those of macOS and of unfinished copies.
    paths = (path for path in folder.glob("*.onnx") if not path.name.startswith("."))
    return {path.stem: path for path in paths if path.is_file()}


def shelf_path(name: str, origin: str = "") -> Path:
    """Return the file that a new model on the shelf gets.

    Args:
        name: Its name.
        origin: Where the name comes from, such as "the file's name", if the user did not choose it.

    Raises:
        OptionError: The name is invalid, or that of a bundled model.
        TargetError: There is such a model already, or the folder is not writable.
    """
    source = f", which is {origin}," if origin else ""
    if not _NAME.fullmatch(name) or name.endswith(".onnx"):
        raise OptionError(
            f"{name!r:.60}{source} cannot be the name of a model",
            hint="Choose one with --as NAME: at most 100 letters, digits, '-', '_' and '.', "
            "beginning with a letter or digit, without .onnx.",
        )
    if name in {"default", *_manifest()["models"]}:
        raise OptionError(
            f"the name {name!r}{source} is reserved for the bundled model",
            hint="Choose another name: --as NAME",
        )
    path = shelf_folder() / f"{name}.onnx"
    if os.path.lexists(path):
        raise TargetError(
            f"there is a model {name!r} already: {path}",
            hint=f"Remove it: rechroma models remove {name}. Or choose another name, which "
            "'models add' takes: --as NAME",
        )
    check_target(path, overwrite=False)
    return path


def add_to_shelf(file: Path, name: str | None = None, *, sha256: str | None = None) -> Path:
    """Copy a color model file to the shelf.

    Args:
        file: A file that satisfies the contract.
        name: Its name on the shelf; None for that of its card.
        sha256: Expected SHA-256 in hexadecimal; None if it is unknown.

    Returns:
        The new file.

    Raises:
        SourceError: The file cannot be read.
        ModelIntegrityError: It is not the expected one.
        ModelContractError: It is not a color model; the message names the part.
        OptionError: The name is invalid, or that of a bundled model.
        TargetError: There is such a model already, or the copy cannot be written.
    """
    check_sha256(file, sha256)
    try:
        card = read_card(file)
    except ModelContractError as error:
        hint = "Checkpoints of published networks: rechroma models import FILE --as NETWORK"
        raise ModelContractError(error.message, hint=hint) from error
    target = shelf_path(card.name, "the name in its card") if name is None else shelf_path(name)
    with file.open("rb") as opened:
        write_atomically(target, lambda out: shutil.copyfileobj(opened, out), overwrite=False)
    return target


def check_readable(file: Path, hint: str) -> None:
    """Check that a file can be read.

    Raises:
        SourceError: It cannot; the hint is the given one, or tells how to download the published
            model of that name.
    """
    try:
        file.open("rb").close()
    except OSError as error:
        raise _unreadable(file, error, hint) from error


def _unreadable(file: Path, error: OSError, hint: str | None = None) -> SourceError:
    if isinstance(error, FileNotFoundError):
        hint = _download_hint(str(file)) or hint
    return SourceError(f"{file}: cannot be read: {error.strerror}", hint=hint)


def check_sha256(file: Path, sha256: str | None) -> None:
    """Check that a file can be read, and its SHA-256 in hexadecimal if that is known.

    Raises:
        SourceError: The file cannot be read.
        ModelIntegrityError: It is not the expected one.
    """
    try:
        found = file_sha256(file)
    except OSError as error:
        raise _unreadable(file, error) from error
    if sha256 is not None and found != sha256.lower():
        raise ModelIntegrityError(f"{file}: its SHA-256 is {found}, but {sha256} was expected")


def remove_from_shelf(name: str) -> Path:
    """Delete a model from the shelf and return the path that it had.

    Raises:
        ModelNotFoundError: There is none of that name.
        OptionError: It is a bundled model.
        TargetError: The file system refuses.
    """
    if name == "default" or name in _manifest()["models"]:
        raise OptionError(
            f"{name!r} is a bundled model, which cannot be removed",
            hint="RECHROMA_MODEL and --model choose another one.",
        )
    shelf = shelf_models()
    if name not in shelf:
        hint = did_you_mean(name, sorted(shelf)) if shelf else f"The shelf is {shelf_folder()}."
        raise ModelNotFoundError(f"there is no model {name!r} on the shelf", hint=hint)
    with translate_os_errors(shelf[name], "It was not removed."):
        shelf[name].unlink()
    return shelf[name]


def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((BUNDLED / "manifest.json").read_text("utf-8"))
    return manifest


def _bundled(entry: Mapping[str, str]) -> Path:
    """Return the file of a manifest entry after checking its SHA-256."""
    path = BUNDLED / entry["file"]
    reinstall = "Install Rechroma again: pip install --force-reinstall rechroma"
    if not path.is_file():
        raise ModelIntegrityError(f"the bundled model {path} is missing", hint=reinstall)
    stat = path.stat()
    if _digest(path, (stat.st_size, stat.st_mtime_ns, stat.st_ino)) != entry["sha256"]:
        raise ModelIntegrityError(
            f"the bundled model {path} is damaged: its SHA-256 is not the published one",
            hint=reinstall,
        )
    return path


@cache
def _digest(path: Path, _version: tuple[int, int, int]) -> str:
    """Compute the SHA-256 of a file once, not at every look-up, as long as its version stays."""
    return file_sha256(path)
