"""Exported files equal their networks and meet the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import torch

from rechroma.engines import OnnxEngine
from rechroma.errors import ParityError
from rechroma.export import export_model, pack_weights, rounded_network
from rechroma.networks import ColorizationNetwork, load_exported, network_config, no_hints
from rechroma.training import TorchEngine
from tests.support.networks import card, learned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

OPTIONS = {"encoder": "resnet-50", "classes": 3}


def network(**options: object) -> ColorizationNetwork:
    return learned("rechroma", **(OPTIONS | options))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = network()
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    lines: list[str] = []
    parity = export_model(built, card(built), path, progress=lines.append)
    assert len(lines) == 3
    assert parity.file <= 0.05
    assert parity.rounding < 1
    return path


def inputs(count: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random lightness, and hints at a tenth of the pixels."""
    generator = torch.Generator().manual_seed(0)
    lightness = torch.rand(count, 1, height, width, generator=generator) * 100
    ab = torch.rand(count, 2, height, width, generator=generator) * 120 - 60
    mask = torch.rand(count, 1, height, width, generator=generator) < 0.1
    return lightness, torch.cat([ab, mask.float()], dim=1)


@pytest.mark.parametrize("shape", [(1, 32, 32), (1, 96, 160), (3, 64, 32)])
def test_exported_model_equals_the_network_at_any_size(
    exported: Path, shape: tuple[int, int, int]
) -> None:
    rounded, engine = rounded_network(network()), OnnxEngine(exported)
    lightness, hints = inputs(*shape)
    with torch.inference_mode():
        prediction = rounded(lightness, hints)
    chroma = engine.chroma(lightness.numpy(), hints.numpy())
    np.testing.assert_allclose(chroma, rounded.chroma(prediction).numpy(), atol=0.01)
    shares = engine.distribution(lightness.numpy(), hints.numpy())
    np.testing.assert_allclose(shares, prediction.logits.softmax(dim=1).numpy(), atol=1e-4)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_exported_model_uses_hints(exported: Path) -> None:
    engine = OnnxEngine(exported)
    lightness, hints = (part.numpy() for part in inputs(1, 64, 64))
    plain = engine.chroma(lightness)
    np.testing.assert_allclose(engine.chroma(lightness, np.zeros_like(hints)), plain, atol=1e-4)
    assert np.abs(engine.chroma(lightness, hints) - plain).max() > 0.1


def test_exported_file_has_the_card_and_packed_weights(exported: Path) -> None:
    engine = OnnxEngine(exported)
    assert engine.card.name == "small"
    assert engine.card.hints
    assert len(engine.card.bins) == len(network().centers)
    assert exported.stat().st_size < 1.3 * sum(p.numel() for p in network().parameters())


def test_exported_file_is_a_valid_onnx_file(exported: Path) -> None:
    onnx.checker.check_model(exported, full_check=True)


def test_exported_file_has_no_local_paths(exported: Path) -> None:
    model = onnx.load(exported)
    for weights in model.graph.initializer:
        weights.ClearField("raw_data")  # so many bytes that any three letters are among them
    content = model.SerializeToString()
    assert b".py" not in content
    assert str(Path.home()).encode() not in content


def test_exported_graph_has_no_slow_operators(exported: Path) -> None:
    kinds = [node.op_type for node in onnx.load(exported).graph.node]
    assert kinds.count("Softmax") == 1  # of the attention, along the last axis


def test_rounding_error_is_at_most_half_a_step() -> None:
    built = network()
    pairs = zip(built.named_parameters(), rounded_network(built).parameters(), strict=True)
    for (name, weights), rounded in pairs:
        if weights.dim() == 1:
            assert rounded.equal(weights), name
        else:
            largest = weights.abs().amax(dim=tuple(range(1, weights.dim())), keepdim=True)
            assert ((rounded - weights).abs() <= largest / 253).all(), name


def test_float16_weights_halve_the_file_with_a_small_error(tmp_path: Path) -> None:
    built, path = network(), tmp_path / "half.onnx"
    parity = export_model(built, card(built), path, weights="float16")
    assert 0 < parity.rounding < 0.01
    assert path.stat().st_size < 2.2 * sum(p.numel() for p in built.parameters())
    for name, value in load_exported(path).named_parameters():
        torch.testing.assert_close(value, built.get_parameter(name), rtol=1e-3, atol=1e-6)
        is_small = value.dim() == 1 or value.numel() < 65_536
        assert value.equal(built.get_parameter(name)) is is_small, name


def test_network_can_be_loaded_from_the_file(exported: Path) -> None:
    built, again = network(), load_exported(exported)
    assert network_config(again) == network_config(built)
    assert not again.training
    weights = again.state_dict()
    for name, value in rounded_network(built).state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-6, atol=1e-9)
    lightness, hints = (part.numpy() for part in inputs(1, 64, 96))
    chroma = TorchEngine(again).chroma(lightness, hints)
    np.testing.assert_allclose(OnnxEngine(exported).chroma(lightness, hints), chroma, atol=0.01)


def test_loaded_network_can_be_trained(exported: Path) -> None:
    again = load_exported(exported).train()
    lightness = torch.rand(2, 1, 32, 32) * 100
    again(lightness, no_hints(lightness)).ab.sum().backward()
    assert again.get_parameter("encoder.conv0.weight").grad is not None


def test_export_does_not_change_the_network(tmp_path: Path) -> None:
    built = learned("deoldify-artistic").train().half()
    before = {name: value.clone() for name, value in built.state_dict().items()}
    export_model(built, card(built), tmp_path / "small.onnx")
    after = built.state_dict()
    assert before.keys() == after.keys()
    assert all(value.equal(before[name]) for name, value in after.items())
    assert built.training


def test_model_that_differs_from_the_network_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bent(weights: Arrays, int8: Mapping[str, bool]) -> Arrays:
        packed = pack_weights(weights, int8)
        return {name: each + name.endswith("ab.bias") for name, each in packed.items()}

    monkeypatch.setattr("rechroma.export.pack_weights", bent)
    built = network(encoder="mobilenet-edgetpu", regression_share=1.0)
    with pytest.raises(ParityError, match="differs from its network by 50 in ab"):
        export_model(built, card(built), tmp_path / "bent.onnx")
    assert list(tmp_path.iterdir()) == []
