"""Networks out of color model files, to be trained on.

The export writes every weight of a network under its own name, led by `PREFIX`; a weight that it
rounds to float16 has `HALF` behind the name, one that it rounds to int8 has `BYTES`, and beside it
under `STEP` how much one step is worth in each output channel. The card says which network to
build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rechroma.errors import CheckpointError
from rechroma.models import read_card
from rechroma.networks.layers.spectral_norm import fold_spectral_norm
from rechroma.networks.registry import build, fill

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from rechroma.networks.base import ColorizationNetwork

PREFIX = "network."
HALF = ".half"
BYTES = ".int8"
STEP = ".step"


def load_exported(path: Path) -> ColorizationNetwork:
    """The network that a color model file was exported from, its weights rounded as there.

    Args:
        path: A file that `rechroma export` wrote.

    Returns:
        The network in evaluation mode.

    Raises:
        ModelContractError: The file is no color model.
        CheckpointError: The file does not say which network it holds, or lacks weights of it.
        RecipeError: No such network is known here.
    """
    plan = read_card(path).network
    if not plan:
        raise CheckpointError(
            f"{path}: does not say which network it holds",
            hint="Export it again from its checkpoint with 'rechroma export'.",
        )
    network = build(plan["name"], plan["options"])
    fold_spectral_norm(network)  # as it is in the file
    fill(network, _weights(path), path)
    return network.eval()


def _weights(path: Path) -> dict[str, Tensor]:
    import onnx

    initializers = onnx.load(path).graph.initializer
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in initializers}
    for name in [name for name in arrays if name.endswith(BYTES)]:
        whole = name.removesuffix(BYTES)
        arrays[whole] = arrays.pop(name).astype("float32") * arrays.pop(f"{whole}{STEP}")
    return {_name(name): torch.from_numpy(array.copy()).float() for name, array in arrays.items()}


def _name(initializer: str) -> str:
    return initializer.removeprefix(PREFIX).removesuffix(HALF)
