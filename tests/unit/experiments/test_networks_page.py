"""docs/networks.md is up to date, and its diagrams show the data flow of each network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from experiments.networks_page import PAGE, flowchart, format_weights, render_page
from rechroma.networks import ARCHITECTURES
from tests.support.networks import small


def edges(chart: str) -> set[tuple[str, str]]:
    lines = (line.split() for line in chart.splitlines() if "-->" in line)
    return {(source.removeprefix("n_"), target.removeprefix("n_")) for source, _, target in lines}


def test_flowchart_has_skip_connections_and_the_vector_at_every_level() -> None:
    found = edges(flowchart(small("inception-unet")))
    levels = {f"up_{number}" for number in range(4)}
    assert {target for source, target in found if source == "dense"} == levels
    skips = {(f"down_{3 - number}", f"up_{number}") for number in range(4)}
    assert skips <= found
    assert ("down_0", "up_0") not in found
    assert {("lightness", "stem"), ("ab", "chroma")} <= found


def test_flowchart_follows_operations_between_modules() -> None:
    assert edges(flowchart(small("fusion-autoencoder"))) == {
        ("lightness", "encoder"),
        ("lightness", "down"),
        ("encoder", "fusion"),  # by way of its mean
        ("down", "fusion"),
        ("fusion", "up"),
        ("up", "chroma"),
    }


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_flowchart_has_hints_if_the_network_supports_them(name: str) -> None:
    network = small(name)
    assert ("n_hints" in flowchart(network)) == network.supports_hints


def test_flowchart_leaves_the_network_unchanged() -> None:
    network = small("rechroma").train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.no_grad():
        chart = flowchart(network)
    assert network.training
    assert all(value.equal(before[key]) for key, value in network.state_dict().items())
    assert all(weights.grad is None for weights in network.parameters())
    assert flowchart(network) == chart


@pytest.mark.parametrize(
    ("inputs", "outputs", "text"),
    [(9, 100, "900"), (999, 10, "10 k"), (1000, 1000, "1.0 M"), (2000, 1234, "2.5 M")],
)
def test_format_weights_uses_k_and_m(inputs: int, outputs: int, text: str) -> None:
    assert format_weights(nn.Linear(inputs, outputs, bias=False)) == text


def test_networks_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == render_page(), "run 'python experiments/networks_page.py'"
