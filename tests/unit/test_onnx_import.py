"""ONNX files of DDColor and DeOldify, as other programs use them, become color models."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.external_data_helper import convert_model_to_external_data

from rechroma.engines import OnnxEngine
from rechroma.errors import ModelContractError, OptionError, SourceError, TargetError
from rechroma.models import read_card
from rechroma.networks import fold_normalization, no_hints
from rechroma.networks.registry import get_architecture
from rechroma.onnx_import import CONTRACTS, import_onnx
from tests.support.models import write_model
from tests.support.networks import learned
from tests.support.onnx_colorizers import (
    ddcolor,
    ddcolor_chroma,
    deoldify,
    deoldify_chroma,
    rename,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from rechroma.networks import ColorizationNetwork

    Made = Callable[..., OnnxEngine]

KINDS = {"ddcolor": (ddcolor, ddcolor_chroma), "deoldify": (deoldify, deoldify_chroma)}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Import a network; returns an engine of the color model."""

    def call(model: ModelProto, contract: str | None = None, **fields: Any) -> OnnxEngine:
        onnx.save(model, tmp_path / "network.onnx")
        target = tmp_path / "color.onnx"
        import_onnx(tmp_path / "network.onnx", target, contract, fields=fields, overwrite=True)
        return OnnxEngine(target, provider="cpu")

    return call


def draw(height: int, width: int, count: int = 1) -> NDArray[np.float32]:
    """Draw lightness with all levels, black and white included, (count, 1, height, width)."""
    rng = np.random.default_rng(0)
    levels = rng.uniform(-5, 105, (count, 1, height, width)).clip(0, 100)
    return levels.astype(np.float32)


def assert_colors(
    engine: OnnxEngine, kind: str, sides: tuple[int, int], *, tolerance: float = 2e-3
) -> None:
    """Assert the chroma of two different images against the direct computation."""
    lightness = draw(*(120, 200), count=2)
    chroma = engine.chroma(lightness)
    for image, found in zip(lightness, chroma, strict=True):
        expected = KINDS[kind][1](image[0], sides)
        assert np.abs(expected).max() > 20
        np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("opset", [11, 13, 17, 21])
def test_fixed_network_gives_the_colors_of_its_contract(made: Made, kind: str, opset: int) -> None:
    engine = made(KINDS[kind][0]((256, 192), opset=opset))
    assert engine.card.size == 256
    assert_colors(engine, kind, (256, 192))


@pytest.mark.parametrize("kind", KINDS)
def test_dynamic_network_sees_squares(made: Made, kind: str) -> None:
    engine = made(KINDS[kind][0]())
    assert engine.card.size == 512
    assert_colors(engine, kind, (224, 224))  # of the long side 200, in steps of 32
    small = draw(40, 96)
    expected = KINDS[kind][1](small[0, 0], (192, 192))  # the smallest
    np.testing.assert_allclose(engine.chroma(small)[0], expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_kept(made: Made, kind: str) -> None:
    engine = made(KINDS[kind][0]((192, 192), dtype=np.float16))
    assert_colors(engine, kind, (192, 192), tolerance=1)


def test_half_precision_weights_are_kept(made: Made, tmp_path: Path) -> None:
    model = rename(ddcolor((192, 192)), {"weight": "weight_float"})
    (weights,) = [each for each in model.graph.initializer if each.name == "weight_float"]
    half = numpy_helper.to_array(weights).astype(np.float16)
    weights.CopyFrom(numpy_helper.from_array(half, "weight"))
    cast = helper.make_node("Cast", ["weight"], ["weight_float"], to=TensorProto.FLOAT)
    model.graph.node.insert(0, cast)
    assert_colors(made(model), "ddcolor", (192, 192))
    assert half.tobytes() in (tmp_path / "color.onnx").read_bytes()


def test_weights_among_the_inputs_are_none(made: Made) -> None:
    engine = made(deoldify(("h", 192), weights_are_inputs=True, batch="n"))
    assert_colors(engine, "deoldify", (192, 192))


def test_external_weights_are_taken_in(tmp_path: Path, made: Made) -> None:
    model = ddcolor((192, 192))
    convert_model_to_external_data(model, location="network.data", size_threshold=0)
    engine = made(model)
    (tmp_path / "network.data").unlink()
    assert_colors(engine, "ddcolor", (192, 192))


def test_names_of_the_wrapper_can_be_those_of_the_network(made: Made) -> None:
    names = {"input": "lightness", "mixed": "chroma", "mean": "planes", "one": "before/0"}
    names |= {"scaled": "network/input", "output": "ab", "weight": "after/constant/0"}
    assert_colors(made(rename(ddcolor((192, 192)), names)), "ddcolor", (192, 192))


def test_inner_graphs_keep_their_weights(made: Made) -> None:
    model = rename(ddcolor((192, 192)), {"output": "colors"})
    branches = []
    for name in ("colors", "bias"):
        result = helper.make_tensor_value_info("chroma", TensorProto.FLOAT, None)
        node = helper.make_node("Identity", [name], ["chroma"])
        branches.append(helper.make_graph([node], name, [], [result]))
    then, other = branches
    model.graph.initializer.append(numpy_helper.from_array(np.ones((), bool), "condition"))
    node = helper.make_node("If", ["condition"], ["output"], then_branch=then, else_branch=other)
    model.graph.node.append(node)
    model.graph.output[0].name = "output"
    assert_colors(made(model), "ddcolor", (192, 192))


@pytest.mark.parametrize("name", ["ddcolor", "deoldify-artistic"])
def test_exported_network_is_recognized_and_gives_its_colors(
    tmp_path: Path, made: Made, name: str
) -> None:
    network = learned(name)
    fold_normalization(network)
    sides = {2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the exporter itself
        torch.onnx.export(
            Published(network).eval(),
            (torch.rand(1, 3, 192, 192),),
            str(tmp_path / "exported.onnx"),
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": sides, "output": sides},
            opset_version=17,
            dynamo=False,
        )
    engine = made(onnx.load(tmp_path / "exported.onnx"))
    lightness = draw(256, 256)
    given = torch.from_numpy(lightness)
    with torch.inference_mode():
        expected = network.chroma(network(given, no_hints(given))).numpy()
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(engine.chroma(lightness), expected, atol=2e-3, rtol=0)


class Published(torch.nn.Module):
    """A network as its ONNX file has it, which converts neither lightness nor colors."""

    def __init__(self, network: ColorizationNetwork) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Go from gray RGB to a*b*, or from gray RGB in 0..255 to RGB in 0..255."""
        network = self.network
        if hasattr(network, "paint"):
            rgb: torch.Tensor = 255 * network.paint(image / 255)[0]
            return rgb
        ab: torch.Tensor = network.predict_ab(image)[0]
        return ab


def test_card_says_what_is_known(made: Made) -> None:
    card = made(ddcolor()).card
    assert (card.name, card.version, card.license) == ("network", "unknown", "Apache-2.0")
    assert (card.data, card.hints, card.stride) == ((), False, 1)
    assert "2212.11613" in card.description
    assert "training data are unknown" in card.description
    own = made(deoldify(), name="mine", version="2", size=256, license="CC0-1.0", stride=7).card
    assert (own.name, own.version, own.size, own.license, own.stride) == (
        *("mine", "2", 256, "CC0-1.0"),
        1,
    )


def test_authors_and_licenses_are_those_of_the_networks() -> None:
    for name, network in (("ddcolor", "ddcolor"), ("deoldify", "deoldify-stable")):
        contract, known = CONTRACTS[name], get_architecture(network)
        assert (contract.authors, contract.license) == (known.authors, known.license)


def plain(outputs: int, *, opset: int = 17, inputs: int = 1) -> ModelProto:
    """Make a network with one convolution per input, with none of the typical operators."""
    weights = np.ones((outputs, 3, 1, 1), np.float32)
    nodes = [
        helper.make_node("Conv", [f"x{number}", "w"], [f"y{number}"]) for number in range(inputs)
    ]
    given, made = (
        [
            helper.make_tensor_value_info(f"{name}{number}", TensorProto.FLOAT, (1, depth, 64, 64))
            for number in range(inputs)
        ]
        for name, depth in (("x", 3), ("y", outputs))
    )
    initializer = [numpy_helper.from_array(weights, "w")]
    graph = helper.make_graph(nodes, "plain", given, made, initializer)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def integers() -> ModelProto:
    model = plain(2)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    return model


def open_channels() -> ModelProto:
    model = ddcolor()
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "depth"
    return model


@pytest.mark.parametrize(
    ("model", "contract", "error"),
    [
        (plain(1), None, r"not deoldify: the output is not \(1, 3, H, W\).*float32 \(1, 1, 64"),
        (plain(1), "ddcolor", r"the output is not \(1, 2, H, W\)\); it has input 'x0'"),
        (plain(2), None, "not ddcolor: there is no operator LayerNormalization or ReduceMean"),
        (plain(3), None, "not deoldify: there is no operator MaxPool"),
        (plain(3, inputs=3), None, "one input and one output are needed.* and 2 more"),
        (integers(), None, r"the input is not of float32 or float16.*'x0' uint8"),
        (ddcolor((16, 16)), None, r"not ddcolor: the input is not \(1, 3, H, W\)"),
        (ddcolor(batch=4), None, r"it has input 'input' float32 \(4, 3, \?, \?\)"),
        (open_channels(), None, "the output has an open number of channels"),
        (deoldify(), "ddcolor", r"the output is not \(1, 2, H, W\)"),
        (plain(2, opset=10), None, "its opset is 10, below the supported 11"),
        (deoldify(white=1), None, "does not work as 'deoldify': .* reach 0.*, which is no color"),
        (deoldify(white=np.nan), None, "does not work as 'deoldify': .*not finite"),
    ],
)
def test_other_network_is_rejected_and_nothing_written(
    tmp_path: Path, made: Made, model: ModelProto, contract: str | None, error: str
) -> None:
    with pytest.raises(ModelContractError, match=error) as caught:
        made(model, contract)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]


def test_named_contract_needs_no_typical_operators(made: Made) -> None:
    engine = made(plain(2), "ddcolor")
    gray = np.full((1, 1, 64, 64), 100, np.float32)
    np.testing.assert_allclose(engine.chroma(gray), 3, atol=1e-4)
    assert_colors(made(open_channels(), "ddcolor"), "ddcolor", (224, 224))


def test_network_for_one_size_must_say_so(made: Made) -> None:
    model = rename(ddcolor(), {"output": "colors"})
    node = helper.make_node("Reshape", ["colors", "shape"], ["output"])
    model.graph.node.append(node)
    shape = numpy_helper.from_array(np.array([1, 2, 512, 512]), "shape")
    model.graph.initializer.append(shape)
    model.graph.output[0].name = "output"
    with pytest.raises(ModelContractError, match="does not work as 'ddcolor': the network failed"):
        made(model)


def test_unusable_files_are_named(tmp_path: Path) -> None:
    whole = ddcolor().SerializeToString()
    (tmp_path / "folder.onnx").mkdir()
    files = {
        "empty.onnx": (b"", "empty.onnx is empty"),
        "torn.onnx": (whole[:-200], "torn.onnx is damaged, or not an ONNX file"),
        "zip.onnx": (b"PK\3\4" + bytes(60), "zip.onnx is damaged, or not an ONNX file"),
        "letter.onnx": (b"Dear model", "letter.onnx is damaged, or not an ONNX file"),
        "blank.onnx": (ModelProto(ir_version=8).SerializeToString(), "not an ONNX file"),
    }
    for name, (content, _) in files.items():
        (tmp_path / name).write_bytes(content)
    write_model(tmp_path / "color.onnx")
    model = ddcolor()
    convert_model_to_external_data(model, location="far.data", size_threshold=0)
    onnx.save(model, tmp_path / "far.onnx")
    (tmp_path / "far.data").unlink()
    before = sorted(path.name for path in tmp_path.iterdir())
    expected = {name: error for name, (_, error) in files.items()} | {
        "color.onnx": "is a color model already",
        "far.onnx": "the file that holds its weights cannot be read",
    }
    for name, error in expected.items():
        with pytest.raises(ModelContractError, match=error) as caught:
            import_onnx(tmp_path / name, tmp_path / "out.onnx", fields={}, overwrite=True)
        assert "\n" not in caught.value.message
    for name in ("folder.onnx", "absent.onnx"):
        with pytest.raises(SourceError, match=f"{name}: cannot be read"):
            import_onnx(tmp_path / name, tmp_path / "out.onnx", fields={}, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_external_weights_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.data").write_bytes(bytes(24))
    (tmp_path / "folder").mkdir()
    model = ddcolor()
    convert_model_to_external_data(model, location="weights.data", size_threshold=0)
    onnx.save(model, tmp_path / "folder" / "network.onnx")
    network = onnx.load(tmp_path / "folder" / "network.onnx", load_external_data=False)
    for weights in network.graph.initializer:
        for entry in weights.external_data:
            if entry.key == "location":
                entry.value = "../secret.data"
    (tmp_path / "folder" / "network.onnx").write_bytes(network.SerializeToString())
    with pytest.raises(ModelContractError, match="the file that holds its weights"):
        import_onnx(
            tmp_path / "folder" / "network.onnx", tmp_path / "o.onnx", fields={}, overwrite=True
        )


def test_target_is_not_the_source_and_not_replaced(tmp_path: Path) -> None:
    source, target = tmp_path / "network.onnx", tmp_path / "color.onnx"
    onnx.save(ddcolor((64, 64)), source)
    content = source.read_bytes()
    with pytest.raises(TargetError, match="is the file to import"):
        import_onnx(source, source, fields={}, overwrite=True)
    target.write_bytes(b"mine")
    with pytest.raises(Exception, match="already exists"):
        import_onnx(source, target, fields={}, overwrite=False)
    assert (source.read_bytes(), target.read_bytes()) == (content, b"mine")
    with pytest.raises(OptionError, match="no contract is called 'deoldfy'") as caught:
        import_onnx(source, target, "deoldfy", fields={}, overwrite=True)
    assert caught.value.hint == "Did you mean 'deoldify'?"
    import_onnx(source, target, fields={}, overwrite=True)
    assert read_card(target).size == 64
