"""Tiny color models, valid and invalid, as real ONNX files."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper, save_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CARD: dict[str, Any] = {
    "format": 1,
    "name": "tiny",
    "version": "1",
    "stride": 8,
    "scale": 4,
    "size": 64,
    "hints": False,
    "license": "Apache-2.0",
    "authors": ["The Rechroma authors"],
    "data": [{"name": "nothing", "license": "CC0-1.0"}],
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
    """Write a model whose chroma is `ab` times L* / 100 of each cell.

    One with hints gives, of a cell with a hint in it, the mean of what was fixed there. One with
    bins gives a distribution: L* / 100 for the second of them, the rest for the first.

    Args:
        path: Where to write it.
        ab: The chroma of white; NaN and infinity are allowed.
        card: Fields of the card that differ from `CARD`.
    """
    fields = CARD | card
    pool = _pool_of(fields)
    inputs, outputs = [LIGHTNESS], [CHROMA]
    free = "free" if fields["hints"] else "chroma"
    nodes = [pool("lightness", "cells"), helper.make_node("Conv", ["cells", "weight"], [free])]
    weights = {"weight": np.array(ab, np.float32).reshape(2, 1, 1, 1) / np.float32(100)}
    if fields["hints"]:
        inputs.append(HINTS)
        nodes += _hint_nodes(pool)
        weights |= {"split": np.array([2, 1]), "zero": np.zeros(1, np.float32)}
    if count := len(fields.get("bins", ())):
        outputs.append(dataclasses.replace(DISTRIBUTION, shape=("N", count, "h", "w")))
        nodes.append(helper.make_node("Conv", ["cells", "slopes", "starts"], ["distribution"]))
        slopes = np.array([-0.01, 0.01] + [0.0] * (count - 2), np.float32)
        weights |= {"slopes": slopes.reshape(count, 1, 1, 1)}
        weights |= {"starts": np.eye(1, count, dtype=np.float32)[0]}
    return _write(path, nodes, inputs, outputs, weights, json.dumps(fields))


def _pool_of(fields: dict[str, Any]) -> Callable[[str, str], Any]:
    sides = [int(fields["scale"])] * 2
    return lambda planes, cells: helper.make_node(
        "AveragePool", [planes], [cells], kernel_shape=sides, strides=sides
    )


def _hint_nodes(pool: Callable[[str, str], Any]) -> list[Any]:
    """Combine `hints`, which are 0 elsewhere, with the unhinted chroma `free`."""
    return [
        pool("hints", "hinted"),
        helper.make_node("Split", ["hinted", "split"], ["sums", "share"], axis=1),
        helper.make_node("Div", ["sums", "share"], ["fixed"]),
        helper.make_node("Greater", ["share", "zero"], ["any"]),
        helper.make_node("Where", ["any", "fixed", "free"], ["chroma"]),
    ]


def write_constant_model(path: Path, ab: tuple[float, float], **card: Any) -> Path:
    """Write a model that predicts `ab` everywhere, including black and white."""
    fields = CARD | card
    weights = {
        "weight": np.zeros((2, 1, 1, 1), np.float32),
        "bias": np.array(ab, np.float32),
    }
    nodes = [
        _pool_of(fields)("lightness", "cells"),
        helper.make_node("Conv", ["cells", "weight", "bias"], ["chroma"]),
    ]
    return _write(path, nodes, [LIGHTNESS], [CHROMA], weights, json.dumps(fields))


def write_tensors(
    path: Path, inputs: list[Tensor], outputs: list[Tensor], card: str | None = None
) -> Path:
    """Write a model with the given inputs and outputs that returns zeros of the input's size.

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
