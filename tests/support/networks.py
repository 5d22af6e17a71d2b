"""Small networks of every architecture, and what a file of theirs says of itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from rechroma.models import DataSource, ModelCard
from rechroma.networks import ColourNetwork, build, describe

# Options of a small network of each architecture: a new architecture is a new row.
SMALL: dict[str, dict[str, Any]] = {
    "rechroma": {"widths": [16, 8, 8, 8]},
    "vgg-fcn": {"width": 0.125},
    "fusion-autoencoder": {"width": 8},
    "inception-unet": {"widths": [16, 16, 16, 16]},
}


def small(name: str, **options: Any) -> ColourNetwork:
    """A small network, always with the same weights."""
    torch.manual_seed(0)
    return build(name, SMALL[name] | options)


def learnt(name: str, **options: Any) -> ColourNetwork:
    """A small network as if it had learnt: nothing in it is zero, one or the same twice."""
    built = small(name, **options)
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.get_buffer("running_mean"), -0.5, 0.5)
            nn.init.uniform_(module.get_buffer("running_var"), 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    for weights in built.parameters():
        if not weights.any():
            nn.init.normal_(weights, std=0.05)
    return built.eval()


def card(of: ColourNetwork) -> ModelCard:
    """A card that fits the network."""
    return ModelCard(
        name="small",
        version="1",
        stride=of.stride,
        scale=of.scale,
        size=64,
        licence="Apache-2.0",
        authors=("The Rechroma authors",),
        data=(DataSource("drawn", "CC0-1.0"),),
        hints=of.takes_hints,
        bins=tuple((a, b) for a, b in of.centres.tolist()),
        network=describe(of),
    )
