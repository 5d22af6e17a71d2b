"""`inception-unet`: Inception blocks with skip connections and one vector for the whole image.

Inception blocks (Szegedy et al. 2015, arXiv 1409.4842) go down to 1/32 of the size, transposed
convolutions go up again with skip connections (U-Net, Ronneberger et al. 2015, arXiv 1505.04597).
The coarsest level is pooled to a vector of 512 that goes two ways: to a classifier of what the
image shows, and through a dense layer into every level of the way up (as in Iizuka et al. 2016,
who learn colors and labels together). All of it is learned from scratch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.networks.base import Architecture, Prediction, RegressionNetwork
from rechroma.networks.config import require
from rechroma.networks.layers.blocks import Fusion, convolution

_VECTOR = 512
_MIDDLE = 50.0  # lightness
_PARTS = 16  # the least share of a block that a branch has


@dataclass(frozen=True)
class InceptionUnetConfig:
    """Options of this architecture.

    Attributes:
        widths: Channels at 1/2, 1/4, 1/8 and 1/16 of the size, multiples of 16.
        classes: Outputs of the classifier; 0 for none.
        hidden: Width of its hidden layer.
        dropout: Share of the hidden layer that is left out in training, 0 to below 1.

    Raises:
        RecipeError: A value is outside its range.
    """

    widths: tuple[int, int, int, int] = (32, 64, 128, 256)
    classes: int = 0
    hidden: int = 256
    dropout: float = 0.5

    def __post_init__(self) -> None:
        wide = all(width > 0 and width % _PARTS == 0 for width in self.widths)
        require("widths", wide, f"multiples of {_PARTS}")
        require("classes", self.classes >= 0, "0 or more")
        require("hidden", self.hidden > 0, "above 0")
        require("dropout", 0 <= self.dropout < 1, "from 0 to below 1")


class InceptionUnet(RegressionNetwork):
    """Predicts a*b* at half the size from lightness."""

    config: InceptionUnetConfig
    encoder = None
    stride = 32
    scale = 2

    def __init__(self, config: InceptionUnetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or InceptionUnetConfig()
        widths = config.widths
        self.stem = convolution(1, widths[0], stride=2)
        pairs = zip(widths[:1] + widths, (*widths, _VECTOR), strict=True)
        self.down = nn.ModuleList(_Inception(inputs, outputs) for inputs, outputs in pairs)
        self.classifier = (
            nn.Sequential(
                nn.Linear(_VECTOR, config.hidden),
                nn.ReLU(inplace=True),
                nn.Dropout(config.dropout),
                nn.Linear(config.hidden, config.classes),
            )
            if config.classes
            else None
        )
        self.dense = nn.Sequential(nn.Linear(_VECTOR, _VECTOR), nn.ReLU(inplace=True))
        steps = pairwise((_VECTOR, *reversed(widths)))
        self.up = nn.ModuleList(_Level(inputs, outputs) for inputs, outputs in steps)
        self.ab = nn.Conv2d(widths[0], 2, 1)

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:  # noqa: ARG002 - as all networks
        """Predict color and class; height and width must be multiples of 32."""
        first, *coarser = self.down
        features = [first(self.stem(lightness / _MIDDLE - 1))]
        for block in coarser:
            features.append(block(F.max_pool2d(features[-1], 2)))
        x = bottleneck = features.pop()
        vector = bottleneck.mean(dim=(2, 3))
        whole = self.dense(vector)
        for level, skip in zip(self.up, reversed(features), strict=True):
            x = level(x, skip, whole)
        return self.prediction(
            self.ab(x), bottleneck, self.classifier(vector) if self.classifier else None
        )


ARCHITECTURE = Architecture(
    name="inception-unet",
    module=InceptionUnet,
    config=InceptionUnetConfig,
    paper="Inception (arXiv 1409.4842), U-Net (1505.04597), Iizuka et al. 2016",
    character="strong: no pretrained weights, can learn labels, suits narrow domains; weak: does "
    "not generalize beyond its training images, and is pale",
)


class _Inception(nn.Module):
    """Four views of the same place, concatenated, in the shares of GoogLeNet's block 3a."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        part = outputs // _PARTS
        self.one = convolution(inputs, 4 * part, kernel=1)
        self.three = nn.Sequential(
            convolution(inputs, 6 * part, kernel=1), convolution(6 * part, 8 * part)
        )
        self.five = nn.Sequential(
            convolution(inputs, part, kernel=1), convolution(part, 2 * part, kernel=5)
        )
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), convolution(inputs, 2 * part, kernel=1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pooled(x)], dim=1)


class _Level(nn.Module):
    """Doubles the size and mixes in the features of that size and the vector."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.larger = nn.Sequential(
            nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )
        self.fusion = Fusion(2 * outputs, _VECTOR, outputs)
        self.mix = convolution(outputs, outputs)

    def forward(self, x: Tensor, skip: Tensor, vector: Tensor) -> Tensor:
        joined = torch.cat([self.larger(x), skip], dim=1)
        out: Tensor = self.mix(self.fusion(joined, vector))
        return out
