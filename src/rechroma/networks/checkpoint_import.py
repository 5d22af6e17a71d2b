"""Checkpoints that the authors of a network published, loaded strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rechroma.errors import CheckpointError
from rechroma.networks.registry import build, read_safetensors, weights_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rechroma.networks.base import ColorizationNetwork

_COUNTER = "num_batches_tracked"  # some checkpoints have these counters; nothing needs them


def load_published(name: str, path: Path) -> ColorizationNetwork:
    """The network `name`, as its paper has it, with the weights of a published checkpoint.

    Args:
        name: An architecture of the registry.
        path: A torch file of weights by name, or safetensors. Nothing in it is executed.

    Returns:
        The network in evaluation mode.

    Raises:
        RecipeError: There is no such architecture.
        CheckpointError: The file cannot be read; or it holds other weights than the network has,
            less or more, or some of another shape or not finite.
    """
    if not path.is_file():
        raise CheckpointError(
            f"{path}: cannot be read: there is no such file",
            hint=f"Name the file of weights that the authors of {name} published.",
        )
    weights = _without_counters(_read(path), path)
    network = build(name, {})
    _check_names(weights_of(network), weights, path)
    for key, wanted in weights_of(network).items():
        _check_values(key, weights[key], wanted.shape, path)
    network.load_state_dict(weights, strict=False)  # but for the counters, checked above
    return network.eval()


def _read(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:  # a damaged file can lead the unpickler into any error
        raise CheckpointError(
            f"{path}: not a file of weights alone",
            hint="It must be a state dict that torch.save wrote, or safetensors.",
        ) from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: holds a {type(values).__name__}, not weights by name")
    return values


def _without_counters(values: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    for key, value in values.items():
        if not (isinstance(key, str) and isinstance(value, Tensor)):
            raise CheckpointError(f"{path}: {key!r:.60} is no weight")
    return {key: value for key, value in values.items() if not key.endswith(_COUNTER)}


def _check_names(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path) -> None:
    if missing := [key for key in wanted if key not in found]:
        raise CheckpointError(f"{path}: lacks the network's {missing[0]!r}")
    if unknown := [key for key in found if key not in wanted]:
        raise CheckpointError(f"{path}: holds {unknown[0]!r:.60}, which the network has not")


def _check_values(key: str, value: Tensor, shape: torch.Size, path: Path) -> None:
    if value.shape != shape:
        found, wanted = tuple(value.shape), tuple(shape)
        raise CheckpointError(f"{path}: {key!r} has the shape {found} instead of {wanted}")
    plain = value.layout is torch.strided and value.is_floating_point()
    if not (plain and value.device.type == "cpu"):
        raise CheckpointError(f"{path}: {key!r} is not of plain floating-point numbers")
    if not torch.isfinite(value).all():
        raise CheckpointError(f"{path}: {key!r} is not finite (NaN or infinity)")
