"""`siggraph17`: real-time user-guided coloring (Zhang et al. 2017, arXiv 1705.02999).

A U-Net sees lightness, the colors that the user fixed and where, and gives a*b* of every pixel. A
second head tells, at a quarter of the size, which of 529 color bins are likely. The published
checkpoint loads as it is (`rechroma models import`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rechroma.networks.architectures.eccv16 import (
    AB_NORM,
    IMAGENET,
    convolution,
    make_stages,
    normalize_lightness,
    scale_width,
    upsample2x,
)
from rechroma.networks.base import Architecture, ColorizationNetwork, Prediction

_GRID = 10  # side of a color bin; they cover the square of +-110, a* by a*


@dataclass(frozen=True)
class Siggraph17Config:
    """Options of this architecture.

    Attributes:
        width: Factor on the channels; published weights need 1, which is slow to train on a CPU.
    """

    width: float = 1.0


class Siggraph17(ColorizationNetwork):
    """Predicts a*b* of every pixel, and color bins at 1/4 of the size, from lightness and hints.

    Raises:
        RecipeError: The width leaves a layer without channels.
    """

    config: Siggraph17Config
    encoder = None
    supports_hints = True
    stride = 8
    scale = 1
    distribution_scale = 4

    def __init__(self, config: Siggraph17Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Siggraph17Config()
        steps = torch.arange(-AB_NORM, AB_NORM + 1, _GRID)
        self.register_buffer("centers", torch.cartesian_prod(steps, steps), persistent=False)
        made = make_stages(4, config.width, halved=0)
        self.model1, self.model2, self.model3 = made[:3]
        self.model4, self.model5, self.model6, self.model7 = made[3:]
        whole, half, quarter, eighth = (
            scale_width(channels, config.width) for channels in (64, 128, 256, 512)
        )
        self.model8up = nn.Sequential(upsample2x(eighth, quarter))
        self.model3short8 = nn.Sequential(convolution(quarter, quarter))
        self.model8 = _level(quarter, convolutions=2)
        self.model9up = nn.Sequential(upsample2x(quarter, half))
        self.model2short9 = nn.Sequential(convolution(half, half))
        self.model9 = _level(half, convolutions=1)
        self.model10up = nn.Sequential(upsample2x(half, half))
        self.model1short10 = nn.Sequential(convolution(whole, half))
        self.model10 = nn.Sequential(
            nn.ReLU(inplace=True), convolution(half, half), nn.LeakyReLU(0.2)
        )
        self.model_class = nn.Sequential(nn.Conv2d(quarter, len(self.centers), 1))
        self.model_out = nn.Sequential(nn.Conv2d(half, 2, 1), nn.Tanh())

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:
        """Predict color; height and width must be multiples of 8."""
        mask = hints[:, 2:]
        seen = torch.cat(
            [normalize_lightness(lightness), hints[:, :2] * mask / AB_NORM, mask], dim=1
        )
        whole = self.model1(seen)
        half = self.model2(_halved(whole))
        quarter = self.model3(_halved(half))
        bottleneck = self.model7(self.model6(self.model5(self.model4(_halved(quarter)))))
        x = self.model8(self.model8up(bottleneck) + self.model3short8(quarter))
        logits = self.model_class(x)
        x = self.model9(self.model9up(x) + self.model2short9(half))
        x = self.model10(self.model10up(x) + self.model1short10(whole))
        return Prediction(logits, self.model_out(x) * AB_NORM, bottleneck)

    def chroma(self, prediction: Prediction) -> Tensor:
        """Return the regressed a*b* (N, 2, H, W)."""
        return prediction.ab.float()


ARCHITECTURE = Architecture(
    name="siggraph17",
    module=Siggraph17,
    config=Siggraph17Config,
    paper="Real-time user-guided image colorization, Zhang et al. 2017 (arXiv 1705.02999)",
    character="strong: supports hints, full resolution, published weights exist; weak: large, pale "
    "without hints",
    license="BSD-2-Clause",
    authors=(
        *("Richard Zhang", "Jun-Yan Zhu", "Phillip Isola", "Xinyang Geng", "Angela S. Lin"),
        *("Tianhe Yu", "Alexei A. Efros"),
    ),
    data=(IMAGENET,),
)


def _halved(x: Tensor) -> Tensor:
    return x[:, :, ::2, ::2]


def _level(channels: int, convolutions: int) -> nn.Sequential:
    """The layers after a skip connection was added: ReLU comes first."""
    layers: list[nn.Module] = [nn.ReLU()]
    for _ in range(convolutions):
        layers += [convolution(channels, channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.BatchNorm2d(channels))
