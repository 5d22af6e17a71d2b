"""From a trained network to a colour model file, with proof that both say the same.

Batch normalisation is folded into the convolutions, then the weights are rounded to float16 and
stand so in the file; all arithmetic stays float32. The parity check compares the file with the
rounded network, strictly, and reports what the rounding itself did.
"""

from __future__ import annotations

import copy
import logging
import tempfile
import warnings
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from rechroma.engines import OnnxEngine
from rechroma.errors import ParityError
from rechroma.imaging import write_atomically
from rechroma.models import PROPERTY, ModelCard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rechroma.networks import ColourNetwork

TOLERANCE = 0.05  # largest difference in a* or b* between the file and the network
ROUNDING_TOLERANCE = 1.0  # what rounding the weights may do: just noticeable
_OPSET = 20
_LEAST_ROUNDED = 256  # smaller tensors stay float32: they weigh nothing and may be constants
_SIZES = ((64, 64), (96, 160), (256, 192))


@dataclass(frozen=True)
class Parity:
    """Largest differences in a* or b*: of the file, and of rounding the weights to float16."""

    file: float
    rounding: float


class Deployed(nn.Module):
    """A network as the colour model contract wants it: lightness in, chroma and bins out."""

    def __init__(self, network: ColourNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """Chroma (N, 2, h, w) and the bins' probabilities (N, Q, h, w)."""
        prediction = self.network(lightness)
        return self.network.chroma(prediction), torch.softmax(prediction.logits, dim=1)


def export_model(network: ColourNetwork, card: ModelCard, target: Path) -> Parity:
    """Write a network as a colour model and check the file against the network.

    Args:
        network: A trained network; it is left as it was.
        card: What the file says of itself.
        target: Where it goes; only a file that passed the check is put there.

    Returns:
        How far the file is from the network.

    Raises:
        ParityError: The file differs from the rounded network by more than 0.05 in a* or b*, or
            rounding moves them by more than 1.
        TargetError: The file cannot be written.
        ModelContractError: The network does not keep the contract.
    """
    network = folded(network)
    rounded = rounded_to_float16(network)
    model = halve_weights(_trace(Deployed(rounded), card.stride))
    helper.set_model_props(model, {PROPERTY: card.to_json()})
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / target.name
        onnx.save(model, draft)
        parity = _compare(draft, rounded, network)
        _check(parity, target.name)
        write_atomically(target, draft.read_bytes(), overwrite=True)
    return parity


def folded(network: ColourNetwork) -> ColourNetwork:
    """A float32 copy on the CPU, to be run only, with normalisation inside the convolutions.

    It folds where a sequence has a convolution right before its batch normalisation.
    """
    network = copy.deepcopy(network).cpu().float().eval()
    for sequence in network.modules():
        if isinstance(sequence, nn.Sequential):
            _fold(sequence)
    return network


def _fold(sequence: nn.Sequential) -> None:
    for place, (first, second) in enumerate(pairwise(list(sequence))):
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            sequence[place] = fuse_conv_bn_eval(first, second)
            sequence[place + 1] = nn.Identity()


def _check(parity: Parity, name: str) -> None:
    # Written so that a NaN does not pass.
    if not parity.file <= TOLERANCE:
        raise ParityError(f"{name}: differs from its network by {parity.file:.3g} in ab")
    if not parity.rounding <= ROUNDING_TOLERANCE:
        raise ParityError(f"{name}: float16 is too coarse, it moves ab by {parity.rounding:.3g}")


def rounded_to_float16(network: ColourNetwork) -> ColourNetwork:
    """A copy whose weights are the nearest float16 values, still held as float32."""
    rounded = copy.deepcopy(network)
    with torch.no_grad():
        for weights in rounded.parameters():
            weights.copy_(weights.half().float())
    return rounded


def halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 weights as float16, each followed by a cast that runtimes fold away."""
    graph = model.graph
    large = [w for w in graph.initializer if w.data_type == TensorProto.FLOAT and _is_large(w)]
    casts = [_halve(weights) for weights in large]
    for place, cast in enumerate(casts):
        graph.node.insert(place, cast)
    return model


def _is_large(weights: TensorProto) -> bool:
    return bool(np.prod(weights.dims) >= _LEAST_ROUNDED)


def _halve(weights: TensorProto) -> onnx.NodeProto:
    name = weights.name
    values = numpy_helper.to_array(weights).astype(np.float16)
    weights.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
    return helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT)


def _trace(deployed: Deployed, stride: int) -> onnx.ModelProto:
    rows, columns = torch.export.Dim("rows", max=512), torch.export.Dim("columns", max=512)
    batch = torch.export.Dim("batch", max=4096)
    example = torch.rand(2, 1, 3 * stride, 5 * stride) * 100
    with warnings.catch_warnings():
        # The exporter's own use of what it deprecates is not ours to mend, nor does it matter that
        # torchvision is not there.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program: Any = torch.onnx.export(
            deployed.eval(),
            (example,),
            input_names=["lightness"],
            output_names=["chroma", "distribution"],
            dynamic_shapes=({0: batch, 2: stride * rows, 3: stride * columns},),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    model: onnx.ModelProto = program.model_proto
    return _without_traces(model)


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the exporter's notes: they name the files of the machine that it ran on."""
    graph = model.graph
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.metadata_props[:]
    return model


def _compare(file: Path, rounded: ColourNetwork, network: ColourNetwork) -> Parity:
    engine = OnnxEngine(file, provider="cpu")
    pictures = list(_pictures())
    differences = []
    with torch.inference_mode():
        for lightness in pictures:
            mine, plain = (_chroma(each, lightness) for each in (rounded, network))
            theirs = torch.from_numpy(engine.chroma(lightness.numpy()))
            differences.append(((mine - theirs).abs().max(), (mine - plain).abs().max()))
    file_worst, rounding_worst = (max(float(d[i]) for d in differences) for i in (0, 1))
    return Parity(file_worst, rounding_worst)


def _chroma(network: ColourNetwork, lightness: Tensor) -> Tensor:
    return network.chroma(network(lightness))


def _pictures() -> Iterable[Tensor]:
    """Smooth random lightness of several sizes and aspects: nearer to photographs than noise."""
    dice = torch.Generator().manual_seed(0)
    for height, width in _SIZES:
        coarse = torch.rand(1, 1, height // 16, width // 16, generator=dice)
        fine = torch.rand(1, 1, height, width, generator=dice)
        smooth = nn.functional.interpolate(coarse, (height, width), mode="bicubic")
        yield (90 * smooth + 10 * fine).clamp(0, 100)
