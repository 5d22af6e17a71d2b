"""Networks of other packages, named `package.module:Class`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from rechroma.cli.root import root_command
from rechroma.errors import CheckpointError, RecipeError
from rechroma.export import export_model
from rechroma.networks import create_network, load_exported, network_config, no_hints
from rechroma.training import Checkpoint, save_checkpoint, trained_network
from tests.support.networks import card

SOURCE = """
from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from rechroma.networks.base import RegressionNetwork


@dataclass(frozen=True)
class Config:
    width: int = 4


class Tiny(RegressionNetwork):
    config: Config
    encoder = None
    stride = 2
    scale = 2

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Conv2d(1, config.width, 4, 2, 1)
        self.ab = nn.Conv2d(config.width, 2, 1)

    def forward(self, lightness, hints):
        x = self.first(lightness / 100)
        return self.prediction(self.ab(x), x)


class Plain(RegressionNetwork):
    pass


class Bare(RegressionNetwork):
    config: Unknown
"""
NAME = "outside_networks.tiny:Tiny"


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "outside_networks"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "tiny.py").write_text(SOURCE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("outside_networks", "outside_networks.tiny"):
        monkeypatch.delitem(sys.modules, module, raising=False)


def test_create_network_imports_a_network_of_another_package() -> None:
    network = create_network(NAME, {"width": 6})
    assert network_config(network) == {"name": NAME, "options": {"width": 6}}
    lightness = torch.rand(1, 1, 8, 12) * 100
    assert network.chroma(network(lightness, no_hints(lightness))).shape == (1, 2, 4, 6)


def test_create_network_checks_the_options_of_a_network_of_another_package() -> None:
    with pytest.raises(RecipeError, match="no option 'widht'") as caught:
        create_network(NAME, {"widht": 6})
    assert "width" in str(caught.value.hint)
    with pytest.raises(RecipeError, match="width"):
        create_network(NAME, {"width": "wide"})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("outside_networks.nowhere:Tiny", "cannot import 'outside_networks.nowhere'"),
        ("outside_networks.tiny:Config", "has no ColorizationNetwork 'Config'"),
        ("outside_networks.tiny:Absent", "has no ColorizationNetwork 'Absent'"),
        ("outside_networks.tiny:Plain", "its configuration is unknown"),
        ("outside_networks.tiny:Bare", "its configuration is unknown"),
    ],
)
def test_create_network_rejects_other_objects(name: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        create_network(name, {})
    assert caught.value.hint


def test_model_file_imports_no_module_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, path = create_network(NAME, {}), tmp_path / "tiny.onnx"
    export_model(network.eval(), card(network), path)
    assert network_config(load_exported(path)) == network_config(network)
    monkeypatch.delitem(sys.modules, "outside_networks.tiny")
    with pytest.raises(CheckpointError, match="whose module is not imported") as caught:
        load_exported(path)
    assert "Import outside_networks.tiny first" in str(caught.value.hint)


def test_network_in_the_documentation_can_be_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "networks.md").read_text("utf-8")
    (tmp_path / "mynet.py").write_text(page.split("```python\n")[1].split("```")[0])
    monkeypatch.syspath_prepend(tmp_path)
    network = create_network("mynet:MyNet", {"width": 8}).eval()
    monkeypatch.delitem(sys.modules, "mynet")
    lightness = torch.full((2, 1, 16, 24), 50.0)
    chroma = network.chroma(network(lightness, torch.zeros(2, 3, 16, 24)))
    assert chroma.shape == (2, 2, 4, 6)


def test_checkpoint_imports_no_module_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, path = create_network(NAME, {}), tmp_path / "checkpoint.pt"
    weights = network.state_dict()
    recipe = {"network": {"name": NAME}}
    save_checkpoint(Checkpoint(recipe, 1, weights, weights, {}, torch.zeros(0)), path)
    assert network_config(trained_network(path)) == network_config(network)
    monkeypatch.delitem(sys.modules, "outside_networks.tiny")
    with pytest.raises(CheckpointError, match="whose module is not imported") as caught:
        trained_network(path)
    assert "Import outside_networks.tiny first" in str(caught.value.hint)
    assert "outside_networks.tiny" not in sys.modules
    run = CliRunner().invoke(root_command, ["export", str(path), "-o", str(tmp_path / "tiny.onnx")])
    assert run.exit_code == 65
    options = ["-o", str(tmp_path / "tiny.onnx"), "--import", "outside_networks.tiny"]
    run = CliRunner().invoke(root_command, ["export", str(path), *options])
    assert run.exit_code == 0, run.output
    assert (tmp_path / "tiny.onnx").exists()
