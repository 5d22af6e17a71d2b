"""Model lookup: in the package, in the user's model folder, or by path.

Bundled models are package data with a published SHA-256; `bundled/manifest.json` lists them and
names the default. The user's models are the .onnx files in the folder given by the environment
variable `RECHROMA_MODELS`, named by their file names.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rechroma.errors import ModelIntegrityError, ModelNotFoundError, OptionError, did_you_mean
from rechroma.models.contract import read_card

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rechroma.models.card import ModelCard

BUNDLED = Path(__file__).parent / "bundled"
FOLDER_VARIABLE = "RECHROMA_MODELS"
_LIST = "'rechroma models list' lists the available models."


def list_models() -> list[ModelCard]:
    """List the cards of the bundled models and of those in the user's folder, sorted by name.

    Raises:
        ModelNotFoundError: The user's folder does not exist.
        ModelIntegrityError: A bundled model is not the published one.
        ModelContractError: A model violates the contract; it names the file.
    """
    return [get_card(name) for name in model_names()]


def model_names() -> list[str]:
    """List the names of the bundled models and of those in the user's folder, opening none.

    Raises:
        ModelNotFoundError: The user's folder does not exist.
    """
    return sorted(_own() | _manifest()["models"])


def get_card(name: str) -> ModelCard:
    """Read the card of a model, with the name that the model is found by.

    Raises:
        ModelError: There is no such model, or it is damaged or violates the contract.
    """
    return dataclasses.replace(read_card(find_model(name)), name=name)


def find_model(name_or_path: str | os.PathLike[str] = "default") -> Path:
    """Find the file of a model.

    Args:
        name_or_path: "default", the name of a bundled model or of one in the user's folder, or
            the path of an .onnx file.

    Raises:
        ModelNotFoundError: No model has that name, or no file that path; or the name is not a
            bundled one, and the user's folder does not exist.
        ModelIntegrityError: A bundled model is not the published one.
        OptionError: `name_or_path` is neither a string nor a path.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise OptionError(f"a model must be a name or a path, not {name_or_path!r:.60}")
    wanted = os.fspath(name_or_path)
    if wanted.endswith(".onnx"):
        if not Path(wanted).is_file():
            raise ModelNotFoundError(f"there is no model file {wanted}", hint=_LIST)
        return Path(wanted)
    manifest = _manifest()
    name = manifest["default"] if wanted == "default" else wanted
    if name in manifest["models"]:  # a bundled one keeps its name, whatever the user's folder holds
        return _bundled(manifest["models"][name])
    own = _own()
    if name not in own:
        if Path(wanted).exists():
            raise ModelNotFoundError(
                f"{wanted} is not a color model: color model files end in .onnx", hint=_LIST
            )
        known = sorted(own | manifest["models"])
        hint = f"Give a path, or set {FOLDER_VARIABLE} to a folder of .onnx files."
        raise ModelNotFoundError(
            f"there is no model '{name}'", hint=did_you_mean(name, known) if known else hint
        )
    return own[name]


def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((BUNDLED / "manifest.json").read_text("utf-8"))
    return manifest


def _own() -> dict[str, Path]:
    """Map the names of the models in the user's folder to their files."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder and not Path(folder).is_dir():
        raise ModelNotFoundError(
            f"the model folder {folder} does not exist",
            hint=f"Set {FOLDER_VARIABLE} to an existing folder, or unset it.",
        )
    return {path.stem: path for path in Path(folder).glob("*.onnx")} if folder else {}


def _bundled(entry: Mapping[str, str]) -> Path:
    """Return the file of a manifest entry after checking its SHA-256."""
    path = BUNDLED / entry["file"]
    reinstall = "Install Rechroma again: pip install --force-reinstall rechroma"
    if not path.is_file():
        raise ModelIntegrityError(f"the bundled model {path} is missing", hint=reinstall)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != entry["sha256"]:
        raise ModelIntegrityError(
            f"the bundled model {path} is damaged: its SHA-256 is not the published one",
            hint=reinstall,
        )
    return path
