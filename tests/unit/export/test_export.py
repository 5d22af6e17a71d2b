"""An exported file says what its network says, and keeps the contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from rechroma.engines import OnnxEngine
from rechroma.errors import ParityError
from rechroma.export import export_model
from rechroma.export.onnx import folded
from rechroma.models import DataSource, ModelCard
from rechroma.networks import ColourNetwork, build

CARD = ModelCard(
    name="small",
    version="1",
    stride=32,
    scale=4,
    size=64,
    licence="Apache-2.0",
    authors=("The Rechroma authors",),
    data=(DataSource("drawn", "CC0-1.0"),),
)


def network() -> ColourNetwork:
    torch.manual_seed(0)
    built = build("rechroma", {"widths": [16, 8, 8, 8]})
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.get_buffer("running_mean"), -0.5, 0.5)
            nn.init.uniform_(module.get_buffer("running_var"), 0.5, 2)
    return built.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = network()
    card = ModelCard(**{**vars(CARD), "bins": tuple(map(tuple, built.centres.tolist()))})
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    parity = export_model(built, card, path)
    assert parity.file <= 0.05
    assert parity.rounding < 5
    return path


@pytest.mark.parametrize("shape", [(1, 1, 32, 32), (1, 1, 96, 160), (3, 1, 64, 32)])
def test_the_file_gives_what_the_network_gives_at_any_size(
    exported: Path, shape: tuple[int, ...]
) -> None:
    lightness = np.random.default_rng(0).uniform(0, 100, shape).astype(np.float32)
    built = network()
    with torch.inference_mode():
        expected = built.chroma(built(torch.from_numpy(lightness))).numpy()
    assert np.abs(OnnxEngine(exported).chroma(lightness) - expected).max() < 0.5


def test_the_card_and_the_half_weights_are_in_the_file(exported: Path) -> None:
    engine = OnnxEngine(exported)
    assert engine.card.name == "small"
    assert len(engine.card.bins) == len(network().centres)
    assert exported.stat().st_size < 2.5 * sum(p.numel() for p in network().parameters())


def test_the_file_says_nothing_of_the_machine_that_made_it(exported: Path) -> None:
    content = exported.read_bytes()
    assert b".py" not in content
    assert str(Path.home()).encode() not in content


def test_folding_normalisation_changes_nothing() -> None:
    built = network()
    lightness = torch.rand(1, 1, 64, 64) * 100
    plain = folded(built)
    assert not [m for m in plain.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.inference_mode():
        torch.testing.assert_close(plain(lightness).ab, built(lightness).ab, atol=1e-3, rtol=1e-4)


def test_a_file_that_disagrees_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bent(model: onnx.ModelProto) -> onnx.ModelProto:
        for weights in model.graph.initializer:
            if weights.name.endswith("ab.bias"):
                values = onnx.numpy_helper.to_array(weights) + 1
                weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
        return model

    monkeypatch.setattr("rechroma.export.onnx.halve_weights", bent)
    built = build("rechroma", {"widths": [16, 8, 8, 8], "regression_share": 1.0})
    card = ModelCard(**{**vars(CARD), "bins": tuple(map(tuple, built.centres.tolist()))})
    with pytest.raises(ParityError, match="differs"):
        export_model(built, card, tmp_path / "bent.onnx")
    assert list(tmp_path.iterdir()) == []
