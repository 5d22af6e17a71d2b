"""Import of ONNX files of published colorizers, as other programs use them, as color models.

A network of one of the contracts below becomes the body of a `Scan` over the images of a batch,
with what those programs compute before and after it: the gray of the lightness, stretched to the
network's size, and the a*b* of its output, stretched back. Its weights and operators stay as they
are. ONNX Runtime alone runs them.

========== ============================== ========================================================
contract   input (1, 3, H, W)             output
========== ============================== ========================================================
`ddcolor`  gray sRGB of the L*, in 0..1   (1, 2, H, W): a*b*
`deoldify` gray sRGB, in 0..255           (1, 3, H, W): sRGB in 0..255, whose chroma alone is used
========== ============================== ========================================================

All are float32 or float16. Networks whose H and W are dynamic see squares of the image's long side,
as both were trained on squares. The colors of `deoldify` are computed as in
:mod:`rechroma.networks.architectures.deoldify`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
from onnx.external_data_helper import load_external_data_for_model
from onnx.numpy_helper import from_array

from rechroma.color.lab import EPSILON, KAPPA, RGB_TO_XYZ_OVER_WHITE
from rechroma.engines import OnnxEngine
from rechroma.errors import (
    EngineError,
    ModelContractError,
    OptionError,
    SourceError,
    TargetError,
    did_you_mean,
)
from rechroma.fs import write_atomically
from rechroma.models import PROPERTY, ModelCard, check_lacks_card, no_onnx_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    _Value = str | float | NDArray[Any]

_MIN_OPSET = 11  # that of today's Resize; the signatures of the other operators are older
_MIN_IR_VERSION = 4  # from which weights need not be inputs, too
_MAX_BYTES = 2**31 - 2**20  # protobuf's limit, and room for the wrapper
_STEP, _MIN_SIDE, _SIDE = 32, 192, 512  # of squares, for networks with dynamic sides
_LEAST_CHROMA, _MOST_CHROMA = 1.0, 500.0  # that a gradient from black to white can have
_TYPES: dict[int, str] = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16"}
_LUMA = np.array([0.299, 0.587, 0.114])  # of the Y'UV of OpenCV
_U, _V = 0.492, 0.877
_RGB_TO_UV = np.array([_U * (np.eye(3)[2] - _LUMA), _V * (np.eye(3)[0] - _LUMA)])
_UV_TO_RGB = np.array([[0, 1.140], [-0.395, -0.581], [2.032, 0]])  # but for Y'
_MIN_UV, _MAX_UV = [[-1, -128 / 255], [1, 127 / 255]]  # the published limits, of V alone
_XYZ_TO_AB = np.array([[500, -500, 0], [0, 200, -200]])


@dataclass(frozen=True)
class OnnxContract:
    """What the ONNX files of a publication take and give.

    Attributes:
        name: Its name, for users.
        paper: The publication.
        license: SPDX identifier of the license of the weights that its authors published.
        authors: Authors of those.
        channels: Of the output: 2 for a*b*, 3 for RGB.
        white: Value of white in the input.
        operators: Sets of operators, of each of which the network has one.
    """

    name: str
    paper: str
    license: str
    authors: tuple[str, ...]
    channels: int
    white: float
    operators: tuple[frozenset[str], ...]

    def __str__(self) -> str:
        """Describe the contract in a line."""
        output = "a*b*" if self.channels == 2 else f"RGB in 0..{self.white:g}"
        return (
            f"{self.name}: gray RGB in 0..{self.white:g} (1, 3, H, W) -> {output} "
            f"(1, {self.channels}, H, W)"
        )


CONTRACTS = {
    contract.name: contract
    for contract in (
        OnnxContract(
            name="ddcolor",
            paper="DDColor, Kang et al. 2023, arXiv 2212.11613",
            license="Apache-2.0",
            authors=(
                *("Xiaoyang Kang", "Tao Yang", "Wenqi Ouyang"),
                *("Peiran Ren", "Lingzhi Li", "Xuansong Xie"),
            ),
            channels=2,
            white=1.0,
            operators=(  # of ConvNeXt and a Transformer
                frozenset({"Conv"}),
                frozenset({"LayerNormalization", "ReduceMean"}),
                frozenset({"Erf", "Gelu"}),
                frozenset({"Softmax"}),
            ),
        ),
        OnnxContract(
            name="deoldify",
            paper="DeOldify, Antic 2018: no paper",
            license="MIT",
            authors=("Jason Antic",),
            channels=3,
            white=255.0,
            operators=(  # of a ResNet, self-attention, and the limits of its output
                frozenset({"Conv"}),
                frozenset({"MaxPool"}),
                frozenset({"Softmax"}),
                frozenset({"Sigmoid"}),
            ),
        ),
    )
}
"""The known contracts by name."""


def import_onnx(
    source: Path,
    target: Path,
    contract: str | None = None,
    *,
    fields: Mapping[str, Any],
    overwrite: bool,
    progress: Callable[[str], object] = lambda _: None,
) -> OnnxContract:
    """Wrap an ONNX file of a published colorizer, and write it as a color model file.

    The color model is run on gradients from black to white before the target appears.

    Args:
        source: The ONNX file.
        target: The color model file.
        contract: Name of the contract of `source`; None for the one that it is recognized by.
        fields: Fields of the card that differ from those that the contract gives.
        overwrite: Whether to replace an existing target.
        progress: Called with a line of text before the longest step.

    Returns:
        The contract of the file.

    Raises:
        SourceError: The source cannot be read.
        ModelContractError: It is no ONNX file, is a color model already, has no such contract or
            does not work; or a field of the card is invalid.
        OptionError: There is no contract of that name.
        TargetError: The target cannot be written, or is the source.
    """
    if contract is not None and contract not in CONTRACTS:
        raise OptionError(
            f"no contract is called {contract!r}", hint=did_you_mean(contract, list(CONTRACTS))
        )
    network = _load(source)
    if target.exists() and target.samefile(source):
        raise TargetError(f"{target} is the file to import", hint="Choose another name with -o.")
    known = _recognize(source, network.graph, contract)
    sides = _sides(network.graph)
    card = _make_card(known, source, max(sides) if sides else _SIDE, fields)
    wrapped = _wrap(network, known, sides)
    del network  # of a large network, every copy takes gigabytes
    wrapped.metadata_props.add(key=PROPERTY, value=card.to_json())

    def write(out: BinaryIO) -> None:
        out.write(wrapped.SerializeToString())
        out.flush()
        progress("checking its colors on gradients")
        _check(Path(out.name), source, known)

    write_atomically(target, write, overwrite=overwrite)
    return known


def _load(source: Path) -> ModelProto:
    """Load an ONNX file with all its weights, and check what does not depend on the contract."""
    check_lacks_card(source)
    model = _parse(source)
    opsets = {each.domain or "ai.onnx": each.version for each in model.opset_import}
    if opsets.get("ai.onnx", _MIN_OPSET) < _MIN_OPSET:
        raise ModelContractError(
            f"{source}: its opset is {opsets['ai.onnx']}, below the supported {_MIN_OPSET}",
            hint="Convert it with onnx.version_converter.convert_version(model, 17).",
        )
    try:
        load_external_data_for_model(model, str(source.parent))
    except Exception as error:  # also classes of onnx, which share no base
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelContractError(
            f"{source}: the file that holds its weights cannot be read: {reason}",
            hint="Put it into the same folder, under the name that it was published with.",
        ) from error
    if model.ByteSize() > _MAX_BYTES:
        raise _too_large(source)
    return model


def _parse(source: Path) -> ModelProto:
    model = ModelProto()
    try:
        if source.stat().st_size > _MAX_BYTES:
            raise _too_large(source)
        content = source.read_bytes()
    except OSError as error:
        raise SourceError(f"{source}: cannot be read: {error.strerror}") from error
    try:
        model.ParseFromString(content)
    except Exception as error:  # its class is protobuf's, which is no dependency of its own
        raise no_onnx_error(source) from error
    if not (model.opset_import and model.graph.node):
        raise no_onnx_error(source)
    return model


def _too_large(source: Path) -> ModelContractError:
    return ModelContractError(
        f"{source}: has more than 2 GB of weights, the most that one ONNX file can hold",
        hint="Use a file with float16 weights.",
    )


def _recognize(source: Path, graph: GraphProto, name: str | None) -> OnnxContract:
    """Find the contract of a network, or check the one that the user names.

    Raises:
        ModelContractError: It has none, or another one.
    """
    tried = CONTRACTS if name is None else {name: CONTRACTS[name]}
    faults = {each.name: _fault(graph, each, is_sure=name is not None) for each in tried.values()}
    fitting = [CONTRACTS[each] for each, fault in faults.items() if not fault]
    if len(fitting) == 1:
        return fitting[0]
    reasons = "; ".join(f"not {each}: {fault}" for each, fault in faults.items() if fault)
    hint = "; ".join(map(str, tried.values()))
    if name is None:
        hint += ". If the file has one of these contracts, name it with --contract."
    raise ModelContractError(
        f"{source} has no known contract ({reasons or 'more than one fits'}); "
        f"it has {_describe(graph)}",
        hint=hint,
    )


def _fault(graph: GraphProto, contract: OnnxContract, *, is_sure: bool) -> str:
    """Say in what a network differs from a contract; "" if it does not."""
    inputs, outputs = _inputs(graph), list(graph.output)
    if (len(inputs), len(outputs)) != (1, 1):
        return "one input and one output are needed"
    for what, tensor, depth in (("input", inputs[0], 3), ("output", outputs[0], contract.channels)):
        kind, shape = _layout(tensor)
        if kind not in _TYPES:
            return f"the {what} is not of float32 or float16"
        if not _fits(shape, depth):
            return f"the {what} is not (1, {depth}, H, W)"
        # A contract that the user names fills in the channels that a file leaves open.
        if shape[1:2] == [None] and not is_sure:
            return f"the {what} has an open number of channels"
    operators = {node.op_type for node in graph.node}
    missing = [" or ".join(sorted(each)) for each in contract.operators if not each & operators]
    return f"there is no operator {missing[0]}" if missing and not is_sure else ""


def _fits(shape: list[int | None], channels: int) -> bool:
    """Check a shape, in which None is open, for (1, channels, H, W) with sides that are usable."""
    if len(shape) != 4:
        return False
    batch, depth, *sides = shape
    return (
        batch in (1, None)
        and depth in (channels, None)
        and all(side is None or _STEP <= side <= 8 * _SIDE for side in sides)
    )


def _inputs(graph: GraphProto) -> list[ValueInfoProto]:
    """List the inputs that are not weights; old files list these among the inputs."""
    weights = {each.name for each in graph.initializer}
    return [each for each in graph.input if each.name not in weights]


def _layout(tensor: ValueInfoProto) -> tuple[int, list[int | None]]:
    """Return the type and the shape of an input or output; None for a dynamic size."""
    kind = tensor.type.tensor_type
    if not kind.HasField("shape"):
        return kind.elem_type, [None] * 4
    return kind.elem_type, [each.dim_value or None for each in kind.shape.dim]


def _describe(graph: GraphProto) -> str:
    parts = []
    for what, tensors in (("input", _inputs(graph)), ("output", graph.output)):
        for tensor in tensors:
            kind, shape = _layout(tensor)
            sizes = ", ".join("?" if size is None else str(size) for size in shape)
            word = _TYPES.get(kind) or TensorProto.DataType.Name(kind).lower()
            parts.append(f"{what} {tensor.name!r:.40} {word} ({sizes})")
    shown = ", ".join(parts[:4]) or "no inputs and outputs"
    return f"{shown} and {len(parts) - 4} more" if len(parts) > 4 else shown


def _sides(graph: GraphProto) -> tuple[int, int] | None:
    """Return the height and width that a network is fixed to; None if both are dynamic."""
    _, (_, _, height, width) = _layout(_inputs(graph)[0])
    if height is None and width is None:
        return None
    return height or width or _SIDE, width or height or _SIDE


def _make_card(
    contract: OnnxContract, source: Path, size: int, fields: Mapping[str, Any]
) -> ModelCard:
    known: dict[str, Any] = {
        "name": source.stem,
        "version": "unknown",
        "size": size,
        "license": contract.license,
        "authors": contract.authors,
        "data": [],
        "description": f"{contract.paper}. Imported from {source.name}, whose version and training "
        "data are unknown; the license is that of the weights that the authors published.",
    }
    fixed = {"stride": 1, "scale": 1, "distribution_scale": 1, "hints": False, "bins": []}
    fixed |= {"network": {}, "format": ModelCard.format}
    return ModelCard.from_json(json.dumps(known | dict(fields) | fixed))


def _wrap(network: ModelProto, contract: OnnxContract, sides: tuple[int, int] | None) -> ModelProto:
    """Make a color model, without its card, of a network."""
    graph = network.graph
    _prefix_names(graph)
    (seen,), (made,) = _inputs(graph), graph.output
    wrapped = ModelProto(ir_version=max(network.ir_version, _MIN_IR_VERSION))
    wrapped.opset_import.extend(network.opset_import)
    wrapped.functions.extend(network.functions)
    wrapped.metadata_props.extend(network.metadata_props)
    wrapped.graph.name = contract.name
    wrapped.graph.input.append(_floats("lightness", "N", 1, "H", "W"))
    wrapped.graph.output.append(_floats("chroma", "N", 2, "H", "W"))
    scan = wrapped.graph.node.add(op_type="Scan", input=["lightness"], output=["chroma"])
    scan.attribute.append(helper.make_attribute("num_scan_inputs", 1))
    body = scan.attribute.add(name="body", type=onnx.AttributeProto.GRAPH).g
    body.name = "image"
    body.input.append(_floats("planes", 1, None, None))
    body.output.append(_floats("ab", 2, None, None))
    before, after = _Nodes("before"), _Nodes("after")
    gray, size = _prepare(before, contract, sides, seen)
    _finish(after, contract, made, gray, size)
    # The weights stay outside: inside the body, ONNX Runtime would hold them several times.
    for part in (before, graph, after):
        body.node.extend(part.node)
        wrapped.graph.initializer.extend(part.initializer)
    wrapped.graph.sparse_initializer.extend(graph.sparse_initializer)
    body.value_info.extend(graph.value_info)
    return wrapped


def _floats(name: str, *shape: int | str | None) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _prefix_names(graph: GraphProto) -> None:
    """Prefix all names of values, so that none collides with those of the wrapper.

    `onnx.compose.add_prefix_graph` does not rename the weights that inner graphs (of `If`, `Loop`)
    take from the outer one.
    """

    def renamed(name: str) -> str:
        return name and f"network/{name}"

    for each in _graphs(graph):
        for node in each.node:
            node.input[:] = map(renamed, node.input)
            node.output[:] = map(renamed, node.output)
        weights = (sparse.values for sparse in each.sparse_initializer)
        for part in (*each.input, *each.output, *each.value_info, *each.initializer, *weights):
            part.name = renamed(part.name)


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and all graphs inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)
            for inner in attribute.graphs:
                yield from _graphs(inner)


class _Nodes:
    """Nodes under construction; a call adds one and returns the name of its output.

    Args:
        name: Prefix of all names.
    """

    def __init__(self, name: str) -> None:
        self.node: list[NodeProto] = []
        self.initializer: list[TensorProto] = []
        self._name = name

    def __call__(
        self, operator: str, *inputs: _Value, output: str = "", **attributes: int | str
    ) -> str:
        output = output or f"{self._name}/{len(self.node)}"
        names = [each if isinstance(each, str) else self._constant(each) for each in inputs]
        node = helper.make_node(operator, names, [output])
        node.attribute.extend(helper.make_attribute(*each) for each in attributes.items())
        self.node.append(node)
        return output

    def _constant(self, value: float | NDArray[Any]) -> str:
        array = np.asarray(value)
        dtype = np.int64 if array.dtype.kind == "i" else np.float32
        name = f"{self._name}/constant/{len(self.initializer)}"
        self.initializer.append(from_array(array.astype(dtype), name))
        return name

    def mix(self, channels: str, matrix: NDArray[Any]) -> str:
        """Multiply the channels of every pixel by a matrix."""
        return self("Conv", channels, matrix[:, :, None, None].astype(np.float32))

    def clip(self, values: str, low: _Value, high: _Value) -> str:
        """Limit values; `Clip` takes no limits by channel."""
        return self("Min", self("Max", values, low), high)

    def resize(self, image: str, channels: int, size: str) -> str:
        """Resize (1, channels, h, w) bilinearly to a height and width (2,)."""
        sizes = self("Concat", np.array([1, channels]), size, axis=0)
        none = np.zeros(0, np.float32)  # opset 11 demands the unused inputs
        return self("Resize", image, none, none, sizes, mode="linear")


def _prepare(
    add: _Nodes, contract: OnnxContract, sides: tuple[int, int] | None, seen: ValueInfoProto
) -> tuple[str, str]:
    """Add what goes from `planes` (1, H, W), lightness in 0..100, to the network's input.

    Returns:
        The names of gray sRGB in 0..1 (1, 1, H, W) and of H and W (2,).
    """
    light = add("Gather", "planes", np.array([[0]]), axis=0)
    dark = add("Mul", light, 27 / 24389)
    bright = add("Pow", add("Div", add("Add", light, 16.0), 116.0), 3.0)
    luminance = add("Where", add("Greater", light, 8.0), bright, dark)
    curve = add("Pow", add("Max", luminance, 0.0031308), 1 / 2.4)
    encoded = add("Sub", add("Mul", curve, 1.055), 0.055)
    linear = add("Mul", luminance, 12.92)
    gray = add("Where", add("Greater", luminance, 0.0031308), encoded, linear)
    size = add("Gather", add("Shape", light), np.array([2, 3]), axis=0)
    if sides is None:
        long = add("ReduceMax", add("Concat", size, np.array([_MIN_SIDE]), axis=0), keepdims=1)
        step = np.array([_STEP])
        side = add("Mul", add("Div", add("Add", long, step - 1), step), step)
        square = add("Concat", side, side, axis=0)
    else:
        square = add("Identity", np.array(sides))
    stretched = add("Mul", add.resize(gray, 1, square), contract.white)
    rgb = add("Concat", stretched, stretched, stretched, axis=1)
    add("Cast", rgb, output=seen.name, to=_layout(seen)[0])
    return gray, size


def _finish(
    add: _Nodes, contract: OnnxContract, made: ValueInfoProto, gray: str, size: str
) -> None:
    """Add what goes from the network's output to `ab` (2, H, W)."""
    colors = add("Cast", made.name, to=TensorProto.FLOAT)
    if contract.channels == 2:
        ab = add.resize(colors, 2, size)
    else:
        rgb = add.clip(add("Div", colors, contract.white), 0.0, 1.0)
        ab = _rgb_to_ab(add, _replace_luma(add, add.resize(rgb, 3, size), gray))
    add("Gather", ab, 0, output="ab", axis=0)


def _replace_luma(add: _Nodes, rgb: str, gray: str) -> str:
    """Give sRGB (1, 3, H, W) the luma of a gray (1, 1, H, W)."""
    limits = (np.array(limit).reshape(1, 2, 1, 1) for limit in (_MIN_UV, _MAX_UV))
    uv = add.clip(add.mix(rgb, _RGB_TO_UV), *limits)
    return add.clip(add("Add", gray, add.mix(uv, _UV_TO_RGB)), 0.0, 1.0)


def _rgb_to_ab(add: _Nodes, rgb: str) -> str:
    """Convert sRGB (1, 3, H, W) in 0..1 to a*b* (1, 2, H, W)."""
    curve = add("Pow", add("Div", add("Add", rgb, 0.055), 1.055), 2.4)
    linear = add("Where", add("Greater", rgb, 0.04045), curve, add("Div", rgb, 12.92))
    xyz = add.mix(linear, RGB_TO_XYZ_OVER_WHITE)
    root = add("Pow", add("Max", xyz, EPSILON), 1 / 3)
    line = add("Div", add("Add", add("Mul", xyz, KAPPA), 16.0), 116.0)
    return add.mix(add("Where", add("Greater", xyz, EPSILON), root, line), _XYZ_TO_AB)


def _check(draft: Path, source: Path, contract: OnnxContract) -> None:
    """Run a wrapped network on gradients, one small and one of the card's size.

    Raises:
        ModelContractError: It does not load or run, or its output is invalid or colorless.
    """
    try:
        engine = OnnxEngine(draft, provider="cpu")
        for long in sorted({min(_MIN_SIDE, engine.card.size), engine.card.size}):
            row = np.linspace(0, 100, long, dtype=np.float32)
            lightness = np.broadcast_to(row, (1, 1, 3 * long // 4, long))
            most = float(np.abs(engine.chroma(lightness)).max())
            if not _LEAST_CHROMA <= most <= _MOST_CHROMA:
                raise EngineError(f"the a*b* of a gradient reach {most:.3g}, which is no color")
    except (EngineError, ModelContractError) as error:
        reason = error.message.replace(str(draft), "the network")
        raise ModelContractError(
            f"{source} does not work as '{contract.name}': {reason}", hint=str(contract)
        ) from error
