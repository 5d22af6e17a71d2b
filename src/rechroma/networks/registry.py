"""The registry of architectures: an explicit list, and networks of other packages.

To add an architecture here, write `networks/architectures/NAME.py` with a configuration dataclass,
a :class:`~rechroma.networks.ColorizationNetwork` and an `ARCHITECTURE`, and add that below.
A network of another package needs no entry: recipes name it `package.module:Class`.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import typing
from typing import TYPE_CHECKING, Any

from rechroma.errors import CheckpointError, RecipeError, TrainingError, did_you_mean
from rechroma.networks.architectures import (
    attention_gan,
    coarse_to_fine,
    ddcolor,
    deoldify,
    eccv16,
    fusion_autoencoder,
    inception_unet,
    rechroma,
    siggraph17,
    vgg_fcn,
)
from rechroma.networks.base import Architecture, ColorizationNetwork
from rechroma.networks.config import convert_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def register(architectures: Iterable[Architecture]) -> dict[str, Architecture]:
    """Index architectures by name.

    Raises:
        TrainingError: Two have the same name.
    """
    known: dict[str, Architecture] = {}
    for architecture in architectures:
        if architecture.name in known:
            raise TrainingError(f"two networks are called {architecture.name!r}")
        known[architecture.name] = architecture
    return known


ARCHITECTURES = register(
    (
        rechroma.ARCHITECTURE,
        coarse_to_fine.ARCHITECTURE,
        vgg_fcn.ARCHITECTURE,
        fusion_autoencoder.ARCHITECTURE,
        inception_unet.ARCHITECTURE,
        eccv16.ARCHITECTURE,
        siggraph17.ARCHITECTURE,
        attention_gan.ARCHITECTURE,
        ddcolor.ARCHITECTURE,
        ddcolor.TINY,
        *deoldify.ARCHITECTURES,
    )
)


def get_architecture(name: str) -> Architecture:
    """Look up an architecture by its name, or import it as `package.module:Class`.

    Raises:
        RecipeError: There is none, and the hint names the nearest; or the module cannot be
            imported, or has no such network with a configuration dataclass.
    """
    if ":" in name:
        path, _, attribute = name.partition(":")
        try:
            module = importlib.import_module(path)
        except ImportError as error:
            raise RecipeError(
                f"network {name!r}: cannot import {path!r}: {error}",
                hint="Install the package that holds it, or set PYTHONPATH.",
            ) from error
        kind = getattr(module, attribute, None)
        if not (isinstance(kind, type) and issubclass(kind, ColorizationNetwork)):
            raise RecipeError(
                f"network {name!r}: {path} has no ColorizationNetwork {attribute!r}",
                hint="Name it 'package.module:Class'.",
            )
        config = kind.__annotations__.get("config")
        if isinstance(config, str):
            config = getattr(module, config, None)
        if not (isinstance(config, type) and dataclasses.is_dataclass(config)):
            raise RecipeError(
                f"network {name!r}: its configuration is unknown",
                hint=f"Annotate 'config' in {attribute} with a dataclass of the same module.",
            )
        return Architecture(name, kind, config, paper="", character="")
    if name not in ARCHITECTURES:
        hint = did_you_mean(name, sorted(ARCHITECTURES))
        raise RecipeError(f"no network is called {name!r}", hint=hint)
    return ARCHITECTURES[name]


def check_is_imported(name: str, path: Path) -> None:
    """Check that creating the network `name` that a file holds imports no module.

    A recipe may name any module, as its author runs it; a file of weights may not, as it can come
    from anyone.

    Raises:
        CheckpointError: The module of the network is not imported; the message names the file.
    """
    module, colon, _ = name.partition(":")
    if colon and module not in sys.modules:
        raise CheckpointError(
            f"{path}: holds the network {name}, whose module is not imported",
            hint=f"Import {module} first (--import {module}): "
            "no code is run because a file names it.",
        )


def create_network(name: str, options: Mapping[str, Any]) -> ColorizationNetwork:
    """Create the network `name` with `options` for its configuration.

    Raises:
        RecipeError: The name is unknown, or an option is, or the value of one does not fit.
    """
    architecture = get_architecture(name)
    known = {field.name for field in dataclasses.fields(architecture.config)}
    if unknown := set(options) - known:
        option = min(unknown)
        hint = did_you_mean(option, sorted(known))
        raise RecipeError(f"network {name!r} has no option {option!r}", hint=hint)
    types = typing.get_type_hints(architecture.config)
    fields = {
        key: convert_values(value, types[key], f"network.options.{key}")
        for key, value in options.items()
    }
    return architecture.module(architecture.config(**fields))


def network_config(network: ColorizationNetwork) -> dict[str, Any]:
    """Give the `name` and the `options` of a network for :func:`create_network`, as in JSON."""
    names = {(each.module, each.config): each.name for each in ARCHITECTURES.values()}
    kind = type(network)
    fields = dataclasses.asdict(network.config)
    options = {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items()}
    outside = f"{kind.__module__}:{kind.__qualname__}"
    name = names.get((kind, type(network.config)), outside)
    return {"name": name, "options": options}
