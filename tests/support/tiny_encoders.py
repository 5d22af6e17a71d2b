"""A tiny feature encoder as an ONNX file: mean lightness of cells, at three scales and overall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from pathlib import Path


def write_encoder(
    path: Path,
    *,
    gain: float = 0.01,
    inputs: int = 1,
    channels: tuple[int, int, int, int] = (1, 1, 1, 1),
) -> Path:
    """Write an encoder whose features are `gain` times the mean lightness of each cell.

    Args:
        path: Where to.
        gain: The factor.
        inputs: How many inputs the file has.
        channels: Of the pooled head and of the features at 1/8, 1/16 and 1/32: equal ones.
    """
    nodes = [
        helper.make_node("Constant", [], ["gain"], value_float=gain),
        helper.make_node("Mul", ["lightness", "gain"], ["scaled"]),
        helper.make_node("GlobalAveragePool", ["scaled"], ["overall"]),
        helper.make_node("Flatten", ["overall"], ["head"]),
        helper.make_node("Concat", ["head"] * channels[0], ["pooled_head"], axis=1),
    ]
    names = ["pooled_head"]
    for cell, count in zip((8, 16, 32), channels[1:], strict=True):
        side = [cell, cell]
        name = f"features_{cell}"
        mean = f"mean_{cell}"
        nodes.append(
            helper.make_node("AveragePool", ["scaled"], [mean], kernel_shape=side, strides=side)
        )
        nodes.append(helper.make_node("Concat", [mean] * count, [name], axis=1))
        names.append(name)
    float32 = TensorProto.FLOAT
    given: list[tuple[str, list[str | int | None]]] = [("lightness", [1, 1, "h", "w"])]
    given += [("other", [1])] * (inputs - 1)
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info(name, float32, shape) for name, shape in given],
        [helper.make_tensor_value_info(name, float32, None) for name in names],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    onnx.save(model, path)
    return path
