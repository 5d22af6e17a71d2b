"""ONNX export of networks, with weight compression and a parity check, and of frozen encoders.

The file holds every weight under its name, so that :func:`rechroma.networks.load_exported` can
build the network again. ONNX Runtime folds batch normalization as it loads the file; spectral
normalization, which no runtime supports, is folded by the export. Matrices and convolutions can be
stored rounded: large ones to float16, or all to float16 and large ones to int8 with a scale per
channel of the first axis, except in encoders that do not tolerate it. All arithmetic stays float32.

The parity check compares the file strictly with the rounded network, and reports separately what
rounding changed.
"""

from __future__ import annotations

import copy
import io
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper
from torch import Tensor, nn

from rechroma.engines import OnnxEngine
from rechroma.errors import CheckpointError, ParityError
from rechroma.fs import check_target, write_atomically
from rechroma.models import PROPERTY, ModelCard
from rechroma.networks import fold_normalization, load_encoder, no_hints, state_without_counters
from rechroma.networks.checkpoint_io import BYTES, HALF, PREFIX, STEP, is_finite
from rechroma.networks.encoders import make_encoder
from rechroma.networks.encoders.base import srgb_gray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from rechroma.networks import ColorizationNetwork, Encoder

    _Inputs = Sequence[tuple[Tensor, Tensor]]

WeightType = Literal["float32", "float16", "int8"]
TOLERANCE = 0.05  # largest difference in a* or b* between the file and the network
ROUNDING_TOLERANCE = 1.0  # root mean square of the effect of rounding: just noticeable
_FARTHEST = 10_000.0  # in a* or b*: no real color, and float32 barely resolves TOLERANCE there
_LARGE = 65_536  # weights of a layer from which on errors cancel out, and rounding saves space
_INT8 = 127
_OPSET = 20
# Fields of ONNX's messages: ModelProto, GraphProto and TensorProto; and protobuf's type of all.
_GRAPH, _INITIALIZER, _RAW_DATA, _LENGTH_DELIMITED = 7, 5, 9, 2
_SIZES = ((64, 64), (96, 160), (256, 192))
_HINT_SIDE = 8  # pixels
_HINTED = 0.05  # share of the locations with a hint
_FEATURE_OPSET = 17
_FEATURE_LEVELS = (8, 16, 32)  # reductions of the features, the last three of an encoder
OUTPUTS = (*(f"features_{level}" for level in _FEATURE_LEVELS), "pooled_head")
"""Names of the outputs."""


@dataclass(frozen=True)
class Parity:
    """Differences in a* or b*: the largest of the file, and the root mean square of rounding."""

    file: float
    rounding: float


class Deployed(nn.Module):
    """A network with the inputs and outputs of the color model contract."""

    def __init__(self, network: ColorizationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> tuple[Tensor, ...]:
        """Predict chroma (N, 2, h, w) and, if there are bins, their probabilities (N, Q, h, w)."""
        fixed = no_hints(lightness) if hints is None else hints
        prediction = self.network(lightness, fixed)
        chroma = self.network.chroma(prediction)
        if not self.network.output_bins():
            return (chroma,)
        return chroma, self.network.distribution(prediction)


def export_model(
    network: ColorizationNetwork,
    card: ModelCard,
    target: Path,
    *,
    weights: WeightType = "int8",
    overwrite: bool = False,
    keep_network: bool = True,
    progress: Callable[[str], object] = lambda _: None,
) -> Parity:
    """Export a network to a color model file and check the file against the network.

    Args:
        network: A trained network; it is not changed, unless `keep_network` is false.
        card: Metadata of the file.
        target: The file; it is only written if it passes the check.
        weights: How the weights are stored: as float32, float16 (half the size; small matrices
            stay float32) or int8 (a quarter).
        overwrite: Whether to replace an existing target.
        keep_network: Whether the network is still needed: otherwise its weights are given up before
            the file is checked, which takes three times their memory.
        progress: Called with a line of text as each step begins.

    Returns:
        The differences between the file and the network.

    Raises:
        CheckpointError: The network outputs no usable colors, before or after rounding.
        ParityError: The file differs from the rounded network by more than 0.05 in a* or b*, or
            rounding moves them by more than 1 (root mean square).
        TargetExistsError: The target exists, and `overwrite` is false.
        TargetError: The file cannot be written.
        ModelContractError: The network violates the contract.
    """
    check_target(target, overwrite=overwrite)  # now, and not after the work is done
    held = _shared_copy(network).eval()
    fold_normalization(held)
    inputs = list(_inputs(hints=held.supports_hints))
    rounded = exact = _colors(held, inputs)
    progress("checking the weights" if weights == "float32" else "rounding the weights")
    if weights != "float32":
        held = rounded_network(held, weights)
        rounded = _colors(held, inputs)
    progress("tracing the network")
    model = _trace(Deployed(held), card.stride)
    helper.set_model_props(model, {PROPERTY: card.to_json()})
    stored = _weights(held, model.graph)
    if weights != "float32":
        packed = {f"{PREFIX}{name}": int8 for name, _, int8 in _matrices(held, weights)}
        _insert(model.graph, [node for name in packed for node in _unpack(name, int8=packed[name])])
        stored = pack_weights(stored, packed)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / target.name
        with draft.open("wb") as file:
            _write_model(model, stored, file)
        del held, stored  # ONNX Runtime makes copies of the weights, too
        if not keep_network:
            network.to("meta")
        progress("comparing the file with the network")
        parity = _compare(draft, inputs, rounded, exact)
        # Written so that a NaN does not pass.
        if not parity.file <= TOLERANCE:
            raise ParityError(f"{target.name}: differs from its network by {parity.file:.3g} in ab")
        if not parity.rounding <= ROUNDING_TOLERANCE:
            raise ParityError(
                f"{target.name}: the rounding is too coarse, it moves ab by {parity.rounding:.3g}",
                hint="Store the weights as float16 or float32 (--weights).",
            )
        with draft.open("rb") as file:
            write_atomically(target, lambda out: shutil.copyfileobj(file, out), overwrite=overwrite)
    return parity


def _shared_copy(network: ColorizationNetwork) -> ColorizationNetwork:
    """Copy a network as float32 on the CPU; what is so already shares the original's memory."""
    shared: dict[int, Any] = {}
    for weights in network.parameters():
        values = weights.detach().float().cpu()
        shared[id(weights)] = nn.Parameter(values, weights.requires_grad)
    for values in network.buffers():
        shared[id(values)] = (values.float() if values.is_floating_point() else values).cpu()
    return copy.deepcopy(network, shared)


def _colors(network: ColorizationNetwork, inputs: _Inputs) -> list[Tensor]:
    """Compute the chroma of each input.

    Raises:
        CheckpointError: Weights or colors are not finite, or the colors far too large.
    """
    chroma = [_chroma(network, *each) for each in inputs]
    # Written so that a NaN does not pass.
    if not (
        all(float(each.abs().max()) <= _FARTHEST for each in chroma)
        and all(map(is_finite, state_without_counters(network).values()))
    ):
        raise CheckpointError(
            "gives no colors: its weights are not finite or far too large",
            hint="Use an earlier checkpoint, or train again with a lower optimizer.lr.",
        )
    return chroma


def rounded_network(
    network: ColorizationNetwork, weights: WeightType = "int8"
) -> ColorizationNetwork:
    """Copy a network with its matrices rounded as in the file, as float32."""
    rounded = copy.deepcopy(network)
    with torch.no_grad():
        for _, matrix, int8 in _matrices(rounded, weights):
            packed, step = _packed(matrix.numpy(), int8=int8)
            values = packed.astype(np.float32)
            matrix.copy_(torch.from_numpy(values if step is None else values * step))
    return rounded


def _packed(
    values: NDArray[np.float32], *, int8: bool
) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """Round weights to int8 with a scale per channel of the first axis, or to float16."""
    if not int8:
        with np.errstate(over="ignore"):  # the rounded network is checked, too
            return values.astype(np.float16), None
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
    step = np.maximum(largest / _INT8, np.float32(1e-12))
    return np.rint(values / step).astype(np.int8), step


def _matrices(
    network: ColorizationNetwork, weights: WeightType
) -> Iterable[tuple[str, nn.Parameter, bool]]:
    """Yield name and values of each matrix or convolution to round, and whether it becomes int8.

    These are nearly all weights; the others (normalization, biases) are few and sensitive.
    """
    delicate = network.encoder is not None and not network.encoder.tolerates_int8
    for name, matrix in network.named_parameters():
        is_large = matrix.numel() >= _LARGE
        if matrix.dim() > 1 and (is_large or weights != "float16"):
            exempt = weights == "float16" or (delicate and name.startswith("encoder."))
            yield name, matrix, is_large and not exempt


def pack_weights(
    weights: Mapping[str, NDArray[Any]], int8: Mapping[str, bool]
) -> dict[str, NDArray[Any]]:
    """Pack weights as a file stores them.

    Args:
        weights: The weights by name.
        int8: By name of each weight to pack: whether as int8 with a scale, or else as float16.

    Returns:
        All weights by their names in the file.
    """
    stored: dict[str, NDArray[Any]] = {}
    for name, values in weights.items():
        if name not in int8:
            stored[name] = values
            continue
        packed, step = _packed(values, int8=int8[name])
        stored[f"{name}{HALF if step is None else BYTES}"] = packed
        if step is not None:
            stored[f"{name}{STEP}"] = step
    return stored


def _unpack(name: str, *, int8: bool) -> list[onnx.NodeProto]:
    """Make the nodes that unpack a weight, which runtimes fold away at the start."""
    if not int8:
        return [helper.make_node("Cast", [f"{name}{HALF}"], [name], to=TensorProto.FLOAT)]
    whole = f"{name}.whole"
    return [
        helper.make_node("Cast", [f"{name}{BYTES}"], [whole], to=TensorProto.FLOAT),
        helper.make_node("Mul", [whole, f"{name}{STEP}"], [name]),
    ]


def _insert(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Insert nodes before all others."""
    for place, node in enumerate(nodes):
        graph.node.insert(place, node)


def _weights(network: ColorizationNetwork, graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """Collect the weights of a graph that was traced without, also those that it has no use for.

    So an auxiliary head is in the file, and training can continue from it. The exporter shares
    weights that are equal when traced, such as those of two new layers; here each gets its own.
    """
    for node in [node for node in graph.node if node.op_type == "Identity"]:
        if node.output[0].startswith(PREFIX):
            graph.node.remove(node)
    for each in [each for each in graph.input if each.name.startswith(PREFIX)]:
        graph.input.remove(each)
    used = {name for node in graph.node for name in node.input}
    kept = state_without_counters(network)
    kept |= {name: value for name, value in network.named_buffers() if f"{PREFIX}{name}" in used}
    return {f"{PREFIX}{name}": value.numpy() for name, value in kept.items()}


def _write_model(
    model: onnx.ModelProto, weights: Mapping[str, NDArray[Any]], file: BinaryIO
) -> None:
    """Write an ONNX file, with weights that the model lacks.

    As protobuf messages they would be copied several times: gigabytes, for a large network.
    """
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    heads = [_initializer_head(name, values) for name, values in weights.items()]
    size = len(graph) + sum(map(len, heads)) + sum(each.nbytes for each in weights.values())
    file.write(model.SerializeToString() + _field_head(_GRAPH, size) + graph)
    for head, values in zip(heads, weights.values(), strict=True):
        file.write(head)
        file.write(np.ascontiguousarray(values).data)


def _initializer_head(name: str, values: NDArray[Any]) -> bytes:
    """Make what precedes the values of a weight in the message of a graph."""
    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    tensor = TensorProto(name=name, dims=values.shape, data_type=kind)
    head: bytes = tensor.SerializeToString() + _field_head(_RAW_DATA, values.nbytes)
    return _field_head(_INITIALIZER, len(head) + values.nbytes) + head


def _field_head(number: int, size: int) -> bytes:
    """Encode the number of a field of a protobuf message, below 16, and its size in bytes."""
    head = bytearray([8 * number + _LENGTH_DELIMITED])
    while size > 0x7F:
        head.append(0x80 | size & 0x7F)
        size >>= 7
    return bytes([*head, size])


def _trace(deployed: Deployed, stride: int) -> onnx.ModelProto:
    # Hints in one of the two images, so that every operation of theirs is traced.
    lightness = torch.rand(2, 1, 3 * stride, 5 * stride) * 100
    hints = no_hints(lightness)
    hints[0, 2, :_HINT_SIDE, :_HINT_SIDE] = 1
    inputs = (lightness, hints) if deployed.network.supports_hints else (lightness,)
    names = ["lightness", "hints"][: len(inputs)]
    outputs = ["chroma", "distribution"][: 1 + bool(deployed.network.output_bins())]
    file: Any = io.BytesIO()  # which the exporter takes, though its annotations lack it
    with warnings.catch_warnings():
        # The exporter's own use of what it deprecates is not ours to mend.
        warnings.simplefilter("ignore")
        # By tracing: the newer exporter, `dynamo=True`, takes twenty times as long.
        torch.onnx.export(
            deployed.eval(),
            inputs,
            file,
            input_names=names,
            output_names=outputs,
            dynamic_axes={
                name: {0: "batch", 2: f"{name}_rows", 3: f"{name}_columns"}
                for name in (*names, *outputs)
            },
            opset_version=_OPSET,
            dynamo=False,
            export_params=False,  # it would hold several copies of them
            do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,  # or it would fold normalization
        )
    # Drop the exporter's notes: they contain paths of the machine that it ran on.
    model = onnx.load_from_string(file.getvalue())
    graph = model.graph
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.metadata_props[:]
    return model


def _compare(
    file: Path, inputs: _Inputs, rounded: Sequence[Tensor], exact: Sequence[Tensor]
) -> Parity:
    engine = OnnxEngine(file, provider="cpu")
    differences: list[float] = []
    rounding: list[float] = []
    for (lightness, hints), mine, plain in zip(inputs, rounded, exact, strict=True):
        given = hints.numpy() if engine.card.hints else None
        theirs = torch.from_numpy(engine.chroma(lightness.numpy(), given))
        differences.append(float((mine - theirs).abs().max()))
        if not hints.any():  # between hints as wild as these, the least change tips the scales
            rounding.append(float((mine - plain).square().mean().sqrt()))
    return Parity(max(differences), max(rounding))


@torch.inference_mode()
def _chroma(network: ColorizationNetwork, lightness: Tensor, hints: Tensor) -> Tensor:
    return network.chroma(network(lightness, hints))


def _inputs(*, hints: bool) -> Iterable[tuple[Tensor, Tensor]]:
    """Generate lightness, smooth as in photographs, of several sizes, also with random hints."""
    rng = torch.Generator().manual_seed(0)
    for height, width in _SIZES:
        coarse = torch.rand(1, 1, height // 16, width // 16, generator=rng)
        fine = torch.rand(1, 1, height, width, generator=rng)
        smooth = F.interpolate(coarse, (height, width), mode="bicubic")
        lightness = (90 * smooth + 10 * fine).clamp(0, 100)
        yield lightness, no_hints(lightness)
        if hints:
            places = torch.rand(1, 3, height // _HINT_SIDE, width // _HINT_SIDE, generator=rng)
            mask = (places[:, 2:] < _HINTED).float()
            colors = torch.cat([100 * places[:, :2] - 50, mask], dim=1)
            yield lightness, F.interpolate(colors, (height, width))


class _Features(nn.Module):
    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, lightness: Tensor) -> tuple[Tensor, ...]:
        features = self.encoder(srgb_gray(lightness))[-len(_FEATURE_LEVELS) :]
        return (*features, self.encoder.pooled_head(features[-1]))


def export_features(name: str, weights: Path, target: Path, size: int) -> None:
    """Write an encoder as an ONNX file from lightness (1, 1, S, S) in 0..100 to its features.

    Args:
        name: Name of the encoder, one that reaches 1/32.
        weights: Its weights (safetensors).
        target: The ONNX file.
        size: Side of the input in pixels, a multiple of 32.

    Raises:
        RecipeError: There is no encoder of that name.
        CheckpointError: The weights do not fit, or the encoder does not reach 1/32.
    """
    encoder = make_encoder(name)
    load_encoder(encoder, weights)
    module, lightness = _Features(encoder.eval()).eval(), torch.full((1, 1, size, size), 50.0)
    with torch.inference_mode():
        coarsest = module(lightness)[-2]
    if coarsest.shape[-1] != size // _FEATURE_LEVELS[-1]:
        raise CheckpointError(
            f"the encoder {name} does not reach 1/{_FEATURE_LEVELS[-1]} of the size",
            hint="Use efficientnet-lite2.",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the exporter itself
        torch.onnx.export(
            module,
            (lightness,),
            str(target),
            input_names=["lightness"],
            output_names=list(OUTPUTS),
            opset_version=_FEATURE_OPSET,
            dynamo=False,
        )
