"""Small networks with the contracts of the ONNX files of DDColor and DeOldify."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from onnx import ModelProto, helper, numpy_helper

from rechroma.color import lab_to_srgb, srgb_to_lab

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

_TO_AB = np.array([[60, -20, 10], [-30, 50, 40]], np.float32)
_TO_AB_BIAS = np.array([-20, 15], np.float32)
_TO_RGB = np.array([[3, 1, 0], [0, 2, -1], [-2, 0, 4]], np.float32)
_TO_RGB_BIAS = np.array([-1, 0.5, -2], np.float32)

Sides = tuple[int | str, int | str]


def ddcolor(sides: Sides = ("h", "w"), *, opset: int = 17, **options: Any) -> ModelProto:
    """Make a network from gray RGB in 0..1 to a*b*, with the operators of DDColor."""
    nodes = [
        helper.make_node("Conv", ["input", "weight", "bias"], ["mixed"]),
        *_whole("mixed"),
        helper.make_node("Erf", ["mean"], ["shift"]),
        helper.make_node("Mul", ["mixed", "one"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["output"]),
    ]
    weights = {"weight": _TO_AB[:, :, None, None], "bias": _TO_AB_BIAS}
    return _model(nodes, weights, sides, 2, opset, **options)


def deoldify(sides: Sides = ("h", "w"), *, opset: int = 17, **options: Any) -> ModelProto:
    """Make a network from gray RGB in 0..255 to RGB in 0..255, with the operators of DeOldify."""
    nodes = [
        helper.make_node("MaxPool", ["input"], ["pooled"], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Conv", ["pooled", "weight", "bias"], ["mixed"]),
        *_whole("mixed"),
        helper.make_node("Mul", ["mixed", "one"], ["scaled"]),
        helper.make_node("Sigmoid", ["scaled"], ["share"]),
        helper.make_node("Mul", ["share", "white"], ["output"]),
    ]
    weights = {"weight": _TO_RGB[:, :, None, None] / np.float32(255), "bias": _TO_RGB_BIAS}
    weights["white"] = np.array(options.pop("white", 255), np.float32)
    return _model(nodes, weights, sides, 3, opset, **options)


def _whole(name: str) -> list[Any]:
    """Compute the mean of a tensor, and its softmax, which is 1."""
    return [
        helper.make_node("ReduceMean", [name], ["mean"], keepdims=1),
        helper.make_node("Softmax", ["mean"], ["one"], axis=1),
    ]


def _model(
    nodes: list[Any],
    weights: dict[str, NDArray[Any]],
    sides: Sides,
    channels: int,
    opset: int,
    *,
    dtype: Any = np.float32,
    batch: int | str = 1,
    weights_are_inputs: bool = False,
) -> ModelProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    inputs = [helper.make_tensor_value_info("input", kind, (batch, 3, *sides))]
    if weights_are_inputs:
        inputs += [
            helper.make_tensor_value_info(name, kind, value.shape)
            for name, value in weights.items()
        ]
    graph = helper.make_graph(
        nodes,
        "network",
        inputs,
        [helper.make_tensor_value_info("output", kind, (batch, channels, *sides))],
        [numpy_helper.from_array(value.astype(dtype), name) for name, value in weights.items()],
    )
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=3 if weights_are_inputs else 8,
    )


def rename(model: ModelProto, names: dict[str, str]) -> ModelProto:
    """Give tensors of a network other names; it is modified in place."""
    graph = model.graph
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for part in (*graph.input, *graph.output, *graph.initializer):
        part.name = names.get(part.name, part.name)
    return model


def ddcolor_chroma(lightness: Array, sides: tuple[int, int]) -> Array:
    """Compute what `ddcolor` gives for lightness (H, W) at a network size: a*b* (2, H, W)."""
    mixed = _mix(_TO_AB, _TO_AB_BIAS, _resize(_gray(lightness), *sides))
    return _resize(mixed + np.float32(math.erf(mixed.mean())), *lightness.shape)


def deoldify_chroma(lightness: Array, sides: tuple[int, int]) -> Array:
    """Compute likewise what `deoldify` gives, by OpenCV's Y'UV: a*b* (2, H, W)."""
    seen = np.pad(_resize(_gray(lightness), *sides), ((0, 0), (1, 1), (1, 1)), mode="edge")
    pooled = sliding_window_view(seen, (3, 3), axis=(1, 2)).max(axis=(3, 4))
    rgb = np.asarray(1 / (1 + np.exp(-_mix(_TO_RGB, _TO_RGB_BIAS, pooled))), np.float32)
    yuv = cv2.cvtColor(_resize(rgb, *lightness.shape).transpose(1, 2, 0), cv2.COLOR_RGB2YUV)
    yuv[..., 0] = _gray(lightness)[0]
    yuv[..., 2] = (yuv[..., 2] - 0.5).clip(-128 / 255, 127 / 255) + 0.5
    picture = cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB).clip(0, 1)
    return np.asarray(srgb_to_lab(picture)[..., 1:].transpose(2, 0, 1), np.float32)


def _gray(lightness: Array) -> Array:
    lab = np.stack([lightness, np.zeros_like(lightness), np.zeros_like(lightness)], axis=-1)
    return np.asarray(lab_to_srgb(lab, np.float32).transpose(2, 0, 1), np.float32)


def _mix(matrix: Array, bias: Array, image: Array) -> Array:
    return np.asarray(np.tensordot(matrix, image, 1) + bias[:, None, None], np.float32)


def _resize(image: Array, height: int, width: int) -> Array:
    planes = [cv2.resize(plane, (width, height)) for plane in image]
    return np.asarray(planes, np.float32)
