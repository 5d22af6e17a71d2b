"""Tiny colour models, good and bad, written as real ONNX files."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper, save_model

if TYPE_CHECKING:
    from pathlib import Path

CARD: dict[str, Any] = {
    "format": 1,
    "name": "tiny",
    "version": "1",
    "stride": 8,
    "scale": 4,
    "size": 64,
    "hints": False,
    "licence": "Apache-2.0",
    "authors": ["The Rechroma authors"],
    "data": [{"name": "nothing", "licence": "CC0-1.0"}],
    "metrics": {"auc": 50.0},
    "commit": "0" * 40,
    "description": "For tests.",
}


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output of a model under construction."""

    name: str
    shape: tuple[int | str, ...]
    type: int = TensorProto.FLOAT


LIGHTNESS = Tensor("lightness", ("N", 1, "H", "W"))
HINTS = Tensor("hints", ("N", 3, "H", "W"))
CHROMA = Tensor("chroma", ("N", 2, "h", "w"))
DISTRIBUTION = Tensor("distribution", ("N", 3, "h", "w"))


def write_model(path: Path, *, ab: tuple[float, float] = (20.0, 30.0), **card: Any) -> Path:
    """A model that gives `ab` times L* / 100 of each cell: a known answer everywhere.

    Args:
        path: Where to write it.
        ab: The chroma of white; NaN and infinity are allowed.
        card: Fields of the card that differ from `CARD`.
    """
    fields = CARD | card
    scale = int(fields["scale"])
    weight = np.array(ab, np.float32).reshape(2, 1, 1, 1) / np.float32(100)
    nodes = [
        helper.make_node(
            "AveragePool", ["lightness"], ["cells"], kernel_shape=[scale] * 2, strides=[scale] * 2
        ),
        helper.make_node("Conv", ["cells", "weight"], ["chroma"]),
    ]
    inputs = [LIGHTNESS, HINTS] if fields["hints"] else [LIGHTNESS]
    return _write(path, nodes, inputs, [CHROMA], {"weight": weight}, json.dumps(fields))


def write_constant_model(path: Path, ab: tuple[float, float], **card: Any) -> Path:
    """A model that gives `ab` everywhere, black and white included."""
    fields = CARD | card
    scale = int(fields["scale"])
    weights = {
        "weight": np.zeros((2, 1, 1, 1), np.float32),
        "bias": np.array(ab, np.float32),
    }
    nodes = [
        helper.make_node(
            "AveragePool", ["lightness"], ["cells"], kernel_shape=[scale] * 2, strides=[scale] * 2
        ),
        helper.make_node("Conv", ["cells", "weight", "bias"], ["chroma"]),
    ]
    return _write(path, nodes, [LIGHTNESS], [CHROMA], weights, json.dumps(fields))


def write_tensors(
    path: Path, inputs: list[Tensor], outputs: list[Tensor], card: str | None = None
) -> Path:
    """A model with the given inputs and outputs, which gives zeros of the input's height and width.

    Args:
        path: Where to write it.
        inputs: Its inputs, used or not.
        outputs: Its outputs.
        card: The text of the metadata property; without, that of `CARD`; "" leaves it out.
    """
    nodes, weights = [], {}
    if LIGHTNESS in inputs:
        nodes.append(helper.make_node("Shape", ["lightness"], ["shape"]))
    for tensor in outputs:
        shape = [size if isinstance(size, int) else 1 for size in tensor.shape]
        dtype = helper.tensor_dtype_to_np_dtype(tensor.type)
        weights[f"{tensor.name}_zeros"] = np.zeros(shape, dtype)
        kind, *feeds = ("Expand", "shape") if LIGHTNESS in inputs else ("Identity",)
        nodes.append(helper.make_node(kind, [f"{tensor.name}_zeros", *feeds], [tensor.name]))
    return _write(path, nodes, inputs, outputs, weights, json.dumps(CARD) if card is None else card)


def _write(
    path: Path,
    nodes: list[Any],
    inputs: list[Tensor],
    outputs: list[Tensor],
    weights: dict[str, Any],
    card: str,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info(part.name, part.type, part.shape) for part in inputs],
        [helper.make_tensor_value_info(part.name, part.type, part.shape) for part in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model: ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    if card:
        helper.set_model_props(model, {"rechroma": card})
    save_model(model, path)
    return path
