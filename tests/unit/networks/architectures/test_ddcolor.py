"""The networks of Kang et al.: published sizes and names, position encoding, options."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rechroma.errors import CheckpointError, RecipeError
from rechroma.networks import (
    ARCHITECTURES,
    create_network,
    load_published,
    network_config,
    no_hints,
)
from rechroma.networks.layers.attention import sine_positions
from tests.support.networks import SMALL, learned

PUBLISHED_WEIGHTS = {"ddcolor": 227_866_256, "ddcolor-tiny": 55_005_104}


@pytest.mark.parametrize("name", PUBLISHED_WEIGHTS)
def test_default_options_have_the_published_number_of_weights(name: str) -> None:
    with torch.device("meta"):
        network = create_network(name, {})
    assert sum(weights.numel() for weights in network.parameters()) == PUBLISHED_WEIGHTS[name]


def test_two_names_share_a_class_and_differ_in_the_encoder() -> None:
    for name in PUBLISHED_WEIGHTS:
        network = create_network(name, SMALL[name])
        assert network_config(network)["name"] == name
    assert ARCHITECTURES["ddcolor"].module is ARCHITECTURES["ddcolor-tiny"].module


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 24}, "width: must be a multiple of 16"),
        ({"queries": 0}, "queries: must be above 0"),
        ({"depths": [1, 0, 1, 1]}, "depths: must be above 0"),
    ],
)
def test_options_outside_their_range_are_rejected(options: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        create_network("ddcolor-tiny", SMALL["ddcolor-tiny"] | options)


def test_published_names_load_and_other_sizes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = learned("ddcolor-tiny")
    monkeypatch.setattr(
        "rechroma.networks.checkpoint_io.create_network",
        lambda name, _: create_network(name, SMALL[name]),
    )
    state = network.state_dict()
    published = {
        "mean": torch.zeros(1, 3, 1, 1),
        "encoder.arch.norm.weight": torch.ones(32),
        "refine_net.0.0.weight_orig": state.pop("refine.parametrizations.weight.original"),
        "refine_net.0.0.weight_u": state.pop("refine.parametrizations.weight.0._u"),
        "refine_net.0.0.weight_v": state.pop("refine.parametrizations.weight.0._v"),
        "decoder.color_decoder.query_feat.weight": state.pop("color_decoder.query_feat"),
        "encoder.arch.norm3.bias": state.pop("norms.3.bias"),
    }
    torch.save({"params": state | published}, tmp_path / "net.pth")
    again = load_published("ddcolor-tiny", tmp_path / "net.pth")
    lightness = torch.rand(1, 1, 64, 96) * 100
    with torch.inference_mode():
        first, second = (each(lightness, no_hints(lightness)).ab for each in (network, again))
    torch.testing.assert_close(first, second)
    del published["encoder.arch.norm3.bias"]
    torch.save({"params": state | published}, tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=r"net\.pth: lacks the network's 'norms\.3\.bias'"):
        load_published("ddcolor-tiny", tmp_path / "net.pth")


def test_sine_positions_depend_on_the_place_and_not_on_the_size() -> None:
    small, large = (sine_positions(torch.zeros(1, 8, side, side)) for side in (4, 8))
    assert small.shape == (16, 8)
    torch.testing.assert_close(small.view(4, 4, 8), large.view(8, 8, 8)[1::2, 1::2])
    assert len(large.round(decimals=4).unique(dim=0)) == 64
    rows, columns = large.view(8, 8, 8).split(4, dim=2)
    torch.testing.assert_close(rows, columns.transpose(0, 1))
