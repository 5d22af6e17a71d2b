"""Small networks of every architecture, and their cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from rechroma.color import lightness
from rechroma.datasets import Sample, downsample_chroma
from rechroma.models import DataSource, ModelCard
from rechroma.networks import ColorizationNetwork, create_network, network_config, no_hints
from rechroma.training.losses import ColorizationLoss
from tests.support.shards import synthetic_image

if TYPE_CHECKING:
    from rechroma.training.recipe import Loss

_SIDE = 32

_DDCOLOR = {
    "channels": [16, 16, 32, 32],
    "depths": [1, 1, 1, 1],
    "width": 64,
    "queries": 16,
    "layers": 3,
}

# Options of a small network of each architecture: a new architecture is a new row.
SMALL: dict[str, dict[str, Any]] = {
    "rechroma": {"widths": [16, 8, 8, 8]},
    "coarse-to-fine": {"widths": [16, 16, 8], "context": 8, "heads": 2},
    "vgg-fcn": {"width": 0.125},
    "fusion-autoencoder": {"width": 8},
    "inception-unet": {"widths": [16, 16, 16, 16]},
    "eccv16": {"width": 0.1},
    "siggraph17": {"width": 0.1},
    "ddcolor": _DDCOLOR,
    "ddcolor-tiny": _DDCOLOR,
    "attention-gan": {"encoder": "mobilenet-v2", "width": 8, "widest": 16},
    "deoldify-artistic": {"width": 0.1, "blocks": [1, 1, 1, 1]},
    "deoldify-stable": {"width": 0.05, "blocks": [1, 1, 2, 1]},
    "deoldify-video": {"width": 0.05, "blocks": [1, 1, 2, 1]},
}


def small(name: str, **options: Any) -> ColorizationNetwork:
    """Create a small network with reproducible weights."""
    torch.manual_seed(0)
    return create_network(name, SMALL[name] | options)


def learned(name: str, **options: Any) -> ColorizationNetwork:
    """Create a small network with random weights and statistics, as if trained."""
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


def card(of: ColorizationNetwork) -> ModelCard:
    """Create a card for the network."""
    return ModelCard(
        name="small",
        version="1",
        stride=of.stride,
        scale=of.scale,
        distribution_scale=of.distribution_scale,
        size=64,
        license="Apache-2.0",
        authors=("The Rechroma authors",),
        data=(DataSource("drawn", "CC0-1.0"),),
        hints=of.supports_hints,
        bins=of.output_bins(),
        network=network_config(of),
    )


def labeled_batch(scale: int) -> Sample:
    """Create a batch of three synthetic images with different labels."""
    drawn = [synthetic_image(seed, _SIDE, _SIDE) for seed in range(3)]
    light = torch.from_numpy(np.stack([lightness(rgb)[None] for rgb in drawn]))
    chroma = torch.from_numpy(np.stack([downsample_chroma(rgb, scale) for rgb in drawn]))
    rgb = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2)
    return Sample(light, no_hints(light), chroma, rgb, torch.arange(len(drawn)))


def learns_by_heart(
    network: ColorizationNetwork, example: Sample, settings: Loss, steps: int = 200
) -> bool:
    """Check whether the loss on one batch falls below a twentieth of its first value."""
    none = np.zeros((0, 2), np.float32)
    loss = ColorizationLoss(none, none[:, 0], settings, network.chroma)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    first = torch.tensor(0.0)
    for step in range(steps):
        cost = loss(network(example.lightness, example.hints), example).total
        first = cost.detach() if step == 0 else first
        if cost < 0.05 * first:
            return True
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
    return False
