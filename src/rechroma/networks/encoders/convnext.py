"""ConvNeXt (Liu et al. 2022, "A ConvNet for the 2020s", arXiv 2201.03545) as an encoder.

The parameter names are those of the published ImageNet weights, whose classifier is not needed.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.networks.encoders.base import Encoder

_EPS = 1e-6
_EXPANSION = 4  # channels inside a block
_LAYER_SCALE = 1e-6  # at the start, so that every block begins as the identity
_INIT_STD = 0.02


class ConvNeXt(Encoder):
    """Features of ConvNeXt at 1/4, 1/8, 1/16 and 1/32 of the size, not normalized.

    Args:
        channels: Of the stages, and so of the features.
        depths: Number of blocks of each stage.
    """

    def __init__(self, channels: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = channels
        stem = nn.Sequential(nn.Conv2d(3, channels[0], 4, stride=4), LayerNorm2d(channels[0]))
        downsample = [
            nn.Sequential(LayerNorm2d(inputs), nn.Conv2d(inputs, outputs, 2, stride=2))
            for inputs, outputs in pairwise(channels)
        ]
        self.downsample_layers = nn.ModuleList([stem, *downsample])
        self.stages = nn.ModuleList(
            nn.Sequential(*(_Block(width) for _ in range(depth)))
            for width, depth in zip(channels, depths, strict=True)
        )
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(layer.weight, std=_INIT_STD)
                nn.init.zeros_(layer.get_parameter("bias"))

    def features_of(self, normalized: Tensor) -> list[Tensor]:
        """Compute the features of images (N, 3, H, W), normalized as in training."""
        features, x = [], normalized
        for downsample, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(downsample(x))
            features.append(x)
        return features


class LayerNorm2d(nn.LayerNorm):
    """Layer normalization over the channels of each location of (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize (N, C, H, W)."""
        return super().forward(x.movedim(1, 3)).movedim(3, 1)


class _Block(nn.Module):
    """A 7x7 depthwise convolution mixes locations, then two 1x1 ones mix channels; residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=_EPS)
        self.pwconv1 = nn.Linear(channels, _EXPANSION * channels)
        self.pwconv2 = nn.Linear(_EXPANSION * channels, channels)
        self.gamma = nn.Parameter(_LAYER_SCALE * torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        inside = self.norm(self.dwconv(x).movedim(1, 3))  # (N, H, W, C) for the linear layers
        inside = self.gamma * self.pwconv2(F.gelu(self.pwconv1(inside)))
        out: Tensor = x + inside.movedim(3, 1)
        return out
