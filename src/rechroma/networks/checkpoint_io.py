"""Weights in and out of networks: safetensors, published checkpoints and color model files.

The export writes every weight of a network under its own name, after `PREFIX`. Weights rounded to
float16 have the suffix `HALF`; those rounded to int8 have `BYTES`, and `STEP` holds their scale in
each output channel. The card names the network to create.
"""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

from rechroma.errors import CheckpointError, SourceError
from rechroma.models import read_card
from rechroma.networks.registry import (
    ARCHITECTURES,
    check_is_imported,
    create_network,
    get_architecture,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rechroma.networks.base import ColorizationNetwork

PREFIX = "network."
HALF = ".half"
BYTES = ".int8"
STEP = ".step"

_COUNTER = "num_batches_tracked"  # of batch normalization; not a weight
_WEIGHT = "weight"
_CONTAINERS = ("params", "model", "state_dict")  # keys of the weights in published checkpoints
_OLD_NAME = re.compile(r"\.weight_(orig|u|v|g)$")
# The tensors of torch.nn.utils.spectral_norm and weight_norm, as `parametrizations` names them.
_SPECTRAL_NORM = {"orig": "original", "u": "0._u", "v": "0._v"}
_WEIGHT_NORM = {"g": "original0", "v": "original1"}


def load_encoder(encoder: nn.Module, path: Path) -> None:
    """Load pretrained weights, float16 or float32, into an encoder from a safetensors file.

    Extra weights (a classifier's) are ignored; a missing one is an error.

    Raises:
        SourceError: The file is missing or cannot be read.
        CheckpointError: Its keys or shapes do not fit.
    """
    hint = "network.encoder_weights names it; if empty, the encoder starts from scratch."
    weights = {key: value.float() for key, value in read_safetensors(path, hint).items()}
    load_weights(encoder, weights, path)


def read_safetensors(path: Path, hint: str | None = None) -> dict[str, Tensor]:
    """Read the weights of a safetensors file by name.

    Args:
        path: The file.
        hint: Hint of the error if it cannot be read.

    Raises:
        SourceError: The file is missing or cannot be read.
        CheckpointError: It is not a safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        path.open("rb").close()  # safetensors' own error lacks the reason
        weights: dict[str, Tensor] = load_file(path)
    except OSError as error:
        reason = error.strerror or error
        raise SourceError(f"{path}: cannot be read: {reason}", hint=hint) from error
    except SafetensorError as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors: {error}") from error
    return weights


def state_without_counters(module: nn.Module) -> dict[str, Tensor]:
    """Return a module's state by name, without the batch counters of batch normalization."""
    state = module.state_dict()
    return {key: value for key, value in state.items() if not key.endswith(_COUNTER)}


def is_finite(values: Tensor) -> bool:
    """Check that no value is NaN or infinite, in one pass without memory of its own."""
    extremes = values.float().aminmax() if values.numel() else ()
    return all(bool(each.isfinite()) for each in extremes)


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load all weights of a module by name; extra `weights` are ignored.

    Weights without spectral or weight normalization, as in a model file, also fit a module with it.

    Raises:
        CheckpointError: One is missing or of another shape; the message begins with `path`.
    """
    is_folded = not any(f"parametrizations.{_WEIGHT}." in name for name in weights)
    folded = fold_normalization(module) if is_folded else {}
    wanted = set(state_without_counters(module))
    if missing := wanted - set(weights):
        raise CheckpointError(f"{path}: lacks the network's {min(missing)!r}")
    try:
        module.load_state_dict({key: weights[key] for key in wanted}, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: does not fit the network: {error}") from error
    for layer, normalize in folded.items():
        normalize(layer, _WEIGHT)


def load_exported(path: Path) -> ColorizationNetwork:
    """Load the network of an exported color model file, with the file's rounded weights.

    Args:
        path: A file that `rechroma export` wrote.

    Returns:
        The network in evaluation mode.

    Raises:
        ModelContractError: The file is no color model.
        CheckpointError: The file does not say which network it holds, or lacks weights of it.
        RecipeError: The network is not registered.
    """
    plan = read_card(path).network
    if not plan:
        raise CheckpointError(
            f"{path}: does not name the network it holds",
            hint="Export it again from its checkpoint with 'rechroma export'.",
        )
    check_is_imported(plan["name"], path)
    network = create_network(plan["name"], plan["options"])
    fold_normalization(network)  # as it is in the file
    load_weights(network, _read_onnx(path), path)
    return network.eval()


def _read_onnx(path: Path) -> dict[str, Tensor]:
    import onnx

    initializers = onnx.load(path).graph.initializer
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in initializers}
    for name in [name for name in arrays if name.endswith(BYTES)]:
        whole = name.removesuffix(BYTES)
        arrays[whole] = arrays.pop(name).astype("float32") * arrays.pop(f"{whole}{STEP}")
    return {
        name.removeprefix(PREFIX).removesuffix(HALF): torch.from_numpy(array.copy()).float()
        for name, array in arrays.items()
    }


def load_published(name: str, path: Path) -> ColorizationNetwork:
    """Create the network `name` of a paper with the weights of a published checkpoint.

    Args:
        name: An architecture of the registry.
        path: A torch file of weights by name, plain or under one of the keys in `_CONTAINERS`, or
            safetensors. Nothing in it is executed.

    Returns:
        The network in evaluation mode.

    Raises:
        RecipeError: There is no such architecture.
        SourceError: The file is missing or cannot be read.
        CheckpointError: It is damaged, or its weights are not exactly those of the network, have
            another shape, or are not finite.
    """
    rename = get_architecture(name).rename
    values = _read(path, f"Name the file of weights that the authors of {name} published.")
    for key, value in values.items():
        if not (isinstance(key, str) and isinstance(value, Tensor)):
            raise CheckpointError(f"{path}: {key!r:.60} is not a weight")
    published = {key: value for key, value in values.items() if not key.endswith(_COUNTER)}
    weights = _rename(published, rename)
    with _parameters_without_memory():
        network = create_network(name, {})
    wanted = state_without_counters(network)
    try:
        if missing := [key for key in wanted if key not in weights]:
            raise CheckpointError(f"{path}: lacks the network's {missing[0]!r}")
        if unknown := [key for key in weights if key not in wanted]:
            raise CheckpointError(f"{path}: holds {unknown[0]!r:.60}, which is not in the network")
        for key, weight in weights.items():
            _check_values(key, weight, wanted[key].shape, path)
    except CheckpointError as error:
        owners = [each for each in ARCHITECTURES if each != name and _fits(published, each)]
        hint = f"These are the weights of {owners[0]}." if owners else error.hint
        raise CheckpointError(error.message, hint=hint) from error
    plain = {key: weight.float().contiguous() for key, weight in weights.items()}
    network.load_state_dict(plain, strict=False, assign=True)  # but for the counters, checked above
    return network.eval()


@contextmanager
def _parameters_without_memory() -> Iterator[None]:
    """Give the parameters of networks created in this thread shapes, but neither memory nor values.

    Initial values that a checkpoint replaces would take seconds and gigabytes in a large network.
    Buffers are created as always, since not all of them are in checkpoints.
    """
    thread = get_ident()

    def without_memory(_module: nn.Module, _name: str, parameter: nn.Parameter | None) -> Any:  # noqa: ANN401 - the hook's annotation lacks the result
        if parameter is None or get_ident() != thread:
            return parameter
        return nn.Parameter(parameter.to("meta"), parameter.requires_grad)

    hook = register_module_parameter_registration_hook(without_memory)
    try:
        yield
    finally:
        hook.remove()


def _rename(
    weights: Mapping[str, Tensor], rename: Callable[[str], str | None]
) -> dict[str, Tensor]:
    """Name published weights as the network does, those of normalized layers too."""

    def new_name(old: re.Match[str]) -> str:
        is_split = f"{old.string[: old.start()]}.weight_g" in weights
        names = _WEIGHT_NORM if is_split else _SPECTRAL_NORM
        return f".parametrizations.weight.{names.get(old[1], old[1])}"

    renamed = {rename(_OLD_NAME.sub(new_name, key)): weights[key] for key in weights}
    return {key: value for key, value in renamed.items() if key is not None}


def _fits(weights: Mapping[str, Tensor], name: str) -> bool:
    """Check whether published weights have the names and shapes of an architecture's."""
    architecture = ARCHITECTURES[name]
    if not architecture.license:
        return False
    with _parameters_without_memory():
        state = state_without_counters(create_network(name, {}))
    renamed = _rename(weights, architecture.rename)
    return {k: v.shape for k, v in renamed.items()} == {k: v.shape for k, v in state.items()}


def load_plain(path: Path) -> Any:  # noqa: ANN401 - what torch.save wrote
    """Read a PyTorch file without executing anything in it, and without warnings.

    Raises:
        OSError: It cannot be read.
        Exception: It is damaged, or has other content than tensors and plain values: nearly any.
    """
    # The optimizer state in DeOldify's files refers to slices, which are harmless. What PyTorch
    # warns of, such as another pickle protocol, comes with an error that says enough.
    with torch.serialization.safe_globals([slice]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def _read(path: Path, hint: str) -> Mapping[str, Any]:
    if path.suffix == ".safetensors":
        return read_safetensors(path, hint)
    try:
        values = load_plain(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}", hint=hint) from error
    except Exception as error:  # a damaged file can lead the unpickler into any error
        raise CheckpointError(
            f"{path}: not a file of weights alone",
            hint="It must be a state dict that torch.save wrote, or safetensors.",
        ) from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: holds a {type(values).__name__}, not weights by name")
    inside = (values[key] for key in _CONTAINERS if isinstance(values.get(key), dict))
    return next(inside, values)


def _check_values(key: str, value: Tensor, shape: torch.Size, path: Path) -> None:
    if value.shape != shape:
        found, wanted = tuple(value.shape), tuple(shape)
        raise CheckpointError(f"{path}: {key!r} has the shape {found} instead of {wanted}")
    plain = value.layout is torch.strided and value.is_floating_point()
    if not (plain and value.device.type == "cpu"):
        raise CheckpointError(f"{path}: {key!r} is not of plain floating-point numbers")
    if not is_finite(value):
        raise CheckpointError(f"{path}: {key!r} is not finite (NaN or infinity)")


def fold_normalization(network: nn.Module) -> dict[nn.Module, Callable[..., nn.Module]]:
    """Fold spectral and weight normalization into plain weights.

    Returns:
        The layers, each with the function that normalizes it.
    """
    layers: dict[nn.Module, Callable[..., nn.Module]] = {}
    for layer in network.modules():
        if not is_parametrized(layer, _WEIGHT):
            continue
        is_split = hasattr(getattr(layer.parametrizations, _WEIGHT), _WEIGHT_NORM["g"])
        layers[layer] = weight_norm if is_split else spectral_norm
        # Not by remove_parametrizations: a copy shares its class with the original, which would
        # lose its weights too.
        weights = nn.Parameter(getattr(layer, _WEIGHT).detach())
        layer.__class__ = type_before_parametrizations(layer)
        del layer.parametrizations
        layer.register_parameter(_WEIGHT, weights)
    return layers
