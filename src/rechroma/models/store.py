"""Where color models are found: in the package, in a folder of the user's, or by their path.

Bundled models are package data with a published SHA-256; `bundled/manifest.json` lists them and
says which is the default. The user's own lie in the folder that the environment variable
`RECHROMA_MODELS` names and are called by their file names.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rechroma.errors import ModelIntegrityError, ModelNotFoundError, OptionError, did_you_mean
from rechroma.models.session import read_card

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rechroma.models.card import ModelCard

BUNDLED = Path(__file__).parent / "bundled"
FOLDER_VARIABLE = "RECHROMA_MODELS"


def list_models() -> list[ModelCard]:
    """The cards of the bundled models and of those in the user's folder, by name.

    Raises:
        ModelNotFoundError: The user's folder is not there.
        ModelIntegrityError: A bundled model is not the one that was published.
        ModelContractError: A model breaks the contract; it names the file.
    """
    return [get_card(name) for name in model_names()]


def model_names() -> list[str]:
    """The names of the bundled models and of those in the user's folder; no model is opened.

    Raises:
        ModelNotFoundError: The user's folder is not there.
    """
    return sorted(_own() | _manifest()["models"])


def get_card(name: str) -> ModelCard:
    """The card of the model that has this name here, whatever name it gives itself.

    Raises:
        ModelError: There is no such model, or it is damaged or breaks the contract.
    """
    return dataclasses.replace(read_card(find_model(name)), name=name)


def find_model(name_or_path: str | os.PathLike[str] = "default") -> Path:
    """The file of a color model.

    Args:
        name_or_path: "default", the name of a bundled model or of one in the user's folder, or
            the path of an .onnx file.

    Raises:
        ModelNotFoundError: No model has that name, or no file that path; or a name that is not
            bundled is asked for, and the user's folder is not there.
        ModelIntegrityError: A bundled model is not the one that was published.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise OptionError(f"a model must be a name or a path, not {name_or_path!r:.60}")
    wanted = os.fspath(name_or_path)
    if wanted.endswith(".onnx"):
        return _file_at(Path(wanted))
    manifest = _manifest()
    name = manifest["default"] if wanted == "default" else wanted
    if name in manifest["models"]:  # a bundled one keeps its name, whatever the user's folder holds
        return _bundled(manifest["models"][name])
    own = _own()
    if name not in own:
        raise _no_model(wanted) if Path(wanted).exists() else _unknown(name, model_names())
    return own[name]


def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((BUNDLED / "manifest.json").read_text("utf-8"))
    return manifest


def _own() -> dict[str, Path]:
    """The models in the user's folder by their names."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder and not Path(folder).is_dir():
        raise ModelNotFoundError(
            f"there is no folder of models {folder}",
            hint=f"{FOLDER_VARIABLE} names it: set it to one that is there, or unset it.",
        )
    return {path.stem: path for path in Path(folder).glob("*.onnx")} if folder else {}


def _file_at(path: Path) -> Path:
    if not path.is_file():
        raise ModelNotFoundError(
            f"there is no model file {path}", hint="See 'rechroma models list' for those at hand."
        )
    return path


def _no_model(path: str) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"{path} is no color model: the name of one ends with .onnx",
        hint="See 'rechroma models list' for those at hand; 'rechroma export' makes others.",
    )


def _unknown(name: str, known: list[str]) -> ModelNotFoundError:
    hint = f"Put your own .onnx files in the folder that {FOLDER_VARIABLE} names, or give a path."
    if known:
        hint = did_you_mean(name, known)
    return ModelNotFoundError(f"there is no model '{name}'", hint=hint)


def _bundled(entry: Mapping[str, str]) -> Path:
    """The file of an entry of the manifest, after a look at its SHA-256."""
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
