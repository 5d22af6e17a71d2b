"""`eccv16`: color as a classification (Zhang, Isola and Efros 2016, arXiv 1603.08511).

A plain stack of convolutions predicts the probabilities of 313 color bins at a quarter of the size;
their mean color, bilinearly upsampled, is the chroma. The published checkpoint loads as it is
(`rechroma models import`): the last "layer" of it holds the bins.

The backbone is shared with :mod:`~rechroma.networks.architectures.siggraph17`: seven stages of 3x3
convolutions, each convolution with ReLU, each stage with batch normalization at its end. The size
is halved three times; the fifth and the sixth stage see further by dilation instead. Shapes, names
of the weights and normalizing constants are those of the published checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.errors import RecipeError
from rechroma.models import DataSource
from rechroma.networks.base import Architecture, ColorizationNetwork, Prediction
from rechroma.networks.config import require
from rechroma.networks.layers.bin_decoding import annealed_mean

_GRID = 10  # side of a color bin
_FIRST_A = -90
# The published bins: for each a*, from -90 on, the least and the greatest b*.
_B_RANGES = (
    *((50, 90), (20, 90), (0, 90), (-20, 90), (-30, 100), (-40, 100), (-50, 100), (-50, 100)),
    *((-60, 100), (-70, 100), (-80, 90), (-80, 90), (-90, 90), (-100, 90), (-100, 80)),
    *((-110, 80), (-110, 80), (-110, 70), (-110, 70), (-90, 0)),
)
IMAGENET = DataSource("ImageNet", "ImageNet terms: research", "https://image-net.org")
AB_NORM = 110.0  # the published networks work in units of this many a*b* steps
_L_CENTER, _L_NORM = 50.0, 100.0


@dataclass(frozen=True)
class Eccv16Config:
    """Options of this architecture.

    Attributes:
        width: Factor on the channels; published weights need 1, which is slow to train on a CPU.
        temperature: Annealing of the decoded bins, above 0: 1 gives their mean, as the published
            code does, towards 0 their mode; the paper shows 0.38.

    Raises:
        RecipeError: A value is outside its range.
    """

    width: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        require("temperature", self.temperature > 0, "above 0")


class Eccv16(ColorizationNetwork):
    """Predicts color bins at a quarter of the size, and a*b*, from lightness.

    Raises:
        RecipeError: The width leaves a layer without channels.
    """

    config: Eccv16Config
    encoder = None
    stride = 8
    scale = 1
    distribution_scale = 4

    def __init__(self, config: Eccv16Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Eccv16Config()
        made = make_stages(1, config.width, halved=3)
        self.model1, self.model2, self.model3 = made[:3]
        self.model4, self.model5, self.model6, self.model7 = made[3:]
        coarse, fine = scale_width(512, config.width), scale_width(256, config.width)
        self.model_out = _Bins()
        self.model8 = nn.Sequential(
            *(upsample2x(coarse, fine), nn.ReLU(inplace=True)),
            *(convolution(fine, fine), nn.ReLU(inplace=True)),
            *(convolution(fine, fine), nn.ReLU(inplace=True)),
            nn.Conv2d(fine, len(self.centers), 1),
        )

    @property
    def centers(self) -> Tensor:  # type: ignore[override]
        """(Q, 2) a*b* of the bins, which are part of the checkpoint."""
        return self.model_out.weight[:, :, 0, 0].T * AB_NORM

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:  # noqa: ARG002 - as all networks
        """Predict color; height and width must be multiples of 8."""
        x = normalize_lightness(lightness)
        for number in range(1, 8):
            x = self.get_submodule(f"model{number}")(x)
        logits = self.model8(x)
        return Prediction(logits, self._decoded(logits), x)

    def chroma(self, prediction: Prediction) -> Tensor:
        """Decode the bins to a*b* (N, 2, H, W)."""
        return self._decoded(prediction.logits)

    def _decoded(self, logits: Tensor) -> Tensor:
        small = annealed_mean(logits, self.centers, self.config.temperature)
        return F.interpolate(small, scale_factor=float(self.distribution_scale), mode="bilinear")


ARCHITECTURE = Architecture(
    name="eccv16",
    module=Eccv16,
    config=Eccv16Config,
    paper="Colorful image colorization, Zhang et al. 2016 (arXiv 1603.08511)",
    character="strong: vivid, published weights exist; weak: large, brown skin, uneven patches",
    license="BSD-2-Clause",
    authors=("Richard Zhang", "Phillip Isola", "Alexei A. Efros"),
    data=(IMAGENET,),
)


class _Bins(nn.Module):
    """The bins' centers in the shape of the convolution that they are in the checkpoint."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        centers = [
            (float(_FIRST_A + number * _GRID), float(b))
            for number, (least, greatest) in enumerate(_B_RANGES)
            for b in range(least, greatest + 1, _GRID)
        ]
        weight = torch.tensor(centers).T[:, :, None, None] / AB_NORM
        self.register_buffer("weight", weight.contiguous())


class _Plan(NamedTuple):
    """A stage: its channels at width 1, how many convolutions, and their dilation."""

    channels: int
    convolutions: int
    dilation: int = 1


_STAGES = (
    _Plan(64, 2),
    _Plan(128, 2),
    _Plan(256, 3),
    _Plan(512, 3),
    *[_Plan(512, 3, dilation=2)] * 2,
    _Plan(512, 3),
)


def normalize_lightness(lightness: Tensor) -> Tensor:
    """Scale lightness in 0..100 to -0.5..0.5, as the published networks expect it."""
    return (lightness - _L_CENTER) / _L_NORM


def scale_width(channels: int, width: float) -> int:
    """Scale the channels of a layer by a width factor.

    Raises:
        RecipeError: The width leaves none.
    """
    if round(channels * width) < 1:
        raise RecipeError(f"network.options.width: {width} leaves no channels")
    return round(channels * width)


def make_stages(inputs: int, width: float, halved: int) -> list[nn.Sequential]:
    """Build the seven stages.

    Args:
        inputs: Channels of what the first one sees.
        width: Factor on all channels.
        halved: How many stages, from the first on, halve the size with their last convolution.
    """
    made = []
    for number, plan in enumerate(_STAGES):
        outputs = scale_width(plan.channels, width)
        layers: list[nn.Module] = []
        for left in reversed(range(plan.convolutions)):
            step = 1 if left else (2 if number < halved else 1)
            around = plan.dilation
            layers += [nn.Conv2d(inputs, outputs, 3, step, around, around), nn.ReLU(inplace=True)]
            inputs = outputs
        made.append(nn.Sequential(*layers, nn.BatchNorm2d(outputs)))
        inputs = outputs
    return made


def upsample2x(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles the size."""
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)


def convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)
