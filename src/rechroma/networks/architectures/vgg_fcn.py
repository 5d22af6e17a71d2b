"""`vgg-fcn`: the features of VGG-19, and convolutions from them to a chroma map.

After "Fully convolutional networks" (Long et al. 2015, arXiv 1411.4038): the coarse features are
read by convolutions instead of dense layers, go up by two and by two, and each time the finer
features of the same size, brought to as many channels by a 1x1 convolution, are added to them. What
is added here are features and not yet scores, and one convolution at a quarter of the size turns
them into a*b*.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.networks.base import Architecture, Prediction, RegressionNetwork
from rechroma.networks.encoders.base import gray
from rechroma.networks.encoders.vgg import VGG19
from rechroma.networks.layers.blocks import convolution


@dataclass(frozen=True)
class VggFcnConfig:
    """Options of this architecture.

    Attributes:
        width: Factor on the channels of VGG-19 and of what reads it. Published weights need 1,
            which is too slow to be trained from scratch on a CPU.
    """

    width: float = 0.25


class VggFcn(RegressionNetwork):
    """Predicts a*b* at a quarter of the size from lightness.

    Raises:
        RecipeError: The width leaves a layer without channels.
    """

    config: VggFcnConfig
    encoder: VGG19
    stride = 16
    scale = 4

    def __init__(self, config: VggFcnConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or VggFcnConfig()
        self.encoder = VGG19(config.width)
        _, quarter, eighth, sixteenth = self.encoder.channels
        self.coarse = nn.Sequential(
            convolution(sixteenth, quarter), convolution(quarter, quarter, kernel=1)
        )
        self.levels = nn.ModuleList(_Level(skip, quarter) for skip in (eighth, quarter))
        self.ab = nn.Conv2d(quarter, 2, 1)

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:  # noqa: ARG002 - as all networks
        """Predict color; height and width must be multiples of 16."""
        _, *skips, bottleneck = self.encoder(gray(lightness))
        x = self.coarse(bottleneck)
        for level, skip in zip(self.levels, reversed(skips), strict=True):
            x = level(x, skip)
        return self.prediction(self.ab(x), bottleneck)


ARCHITECTURE = Architecture(
    name="vgg-fcn",
    module=VggFcn,
    config=VggFcnConfig,
    paper="VGG-19 (arXiv 1409.1556), fully convolutional networks (1411.4038)",
    character="strong: simple, follows edges; weak: pale where several colors are plausible, as "
    "all regression is, and without global context",
)


class _Level(nn.Module):
    """Doubles the size and adds the encoder's features of that size."""

    def __init__(self, skip: int, channels: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(skip, channels, 1, bias=False)
        self.mix = convolution(channels, channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        larger = F.interpolate(x, scale_factor=2.0, mode="bilinear")
        out: Tensor = self.mix(larger + self.narrow(skip))
        return out
