"""Diagrams show what flows into what, and the page of them is up to date."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from experiments.network_diagram import flowchart, parameters
from experiments.networks import PAGE, page
from rechroma.networks import ARCHITECTURES
from tests.support.networks import small


def edges(chart: str) -> set[tuple[str, str]]:
    lines = (line.split() for line in chart.splitlines() if "-->" in line)
    return {(maker.removeprefix("n_"), user.removeprefix("n_")) for maker, _, user in lines}


def test_skips_and_the_vector_reach_every_level() -> None:
    found = edges(flowchart(small("inception-unet")))
    levels = {f"up_{number}" for number in range(4)}
    assert {user for maker, user in found if maker == "dense"} == levels
    skips = {(f"down_{3 - number}", f"up_{number}") for number in range(4)}
    assert skips <= found
    assert ("down_0", "up_0") not in found
    assert {("lightness", "stem"), ("ab", "chroma")} <= found


def test_what_is_done_between_two_parts_hides_nothing() -> None:
    assert edges(flowchart(small("fusion-autoencoder"))) == {
        ("lightness", "encoder"),
        ("lightness", "down"),
        ("encoder", "fusion"),  # by way of its mean
        ("down", "fusion"),
        ("fusion", "up"),
        ("up", "chroma"),
    }


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_hints_are_drawn_where_they_are_heeded(name: str) -> None:
    network = small(name)
    assert ("n_hints" in flowchart(network)) == network.supports_hints


def test_a_network_is_left_as_it_was() -> None:
    network = small("rechroma").train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.no_grad():
        chart = flowchart(network)
    assert network.training
    assert all(value.equal(before[key]) for key, value in network.state_dict().items())
    assert all(weights.grad is None for weights in network.parameters())
    assert flowchart(network) == chart


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [(9, 100, "900"), (999, 10, "10 k"), (1000, 1000, "1.0 M"), (2000, 1234, "2.5 M")],
)
def test_parameters_are_counted(inputs: int, outputs: int, words: str) -> None:
    assert parameters(nn.Linear(inputs, outputs, bias=False)) == words


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "run 'python experiments/networks.py'"
