"""`rechroma`: encoder and FiLM-modulated decoder with color bins, regression and hints.

A pretrained encoder sees the lightness as a gray image; a decoder with skip connections goes up
to a quarter of the size. The pooled bottleneck is turned into one vector that scales and shifts
every level of the decoder (FiLM, Perez et al. 2018), so that every location has the context of
the whole image; one attention block relates distant locations of the coarse level. Two heads read
the finest level: one classifies color into bins (Zhang et al. 2016), one regresses a*b*. Hints are
mixed into both, at their own locations and at similar ones (see
:mod:`rechroma.networks.layers.hint_propagation`). The chroma is the annealed mean of the bins,
optionally blended with the output of the regression head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.color import bin_centers
from rechroma.networks.base import REGRESSION_UNIT, Architecture, ColorizationNetwork, Prediction
from rechroma.networks.config import require
from rechroma.networks.encoders import make_encoder
from rechroma.networks.encoders.base import gray
from rechroma.networks.layers.attention import MultiHeadAttention
from rechroma.networks.layers.bin_decoding import decode
from rechroma.networks.layers.blocks import FiLM, convolution
from rechroma.networks.layers.hint_propagation import HintPropagation

if TYPE_CHECKING:
    from rechroma.networks.encoders.base import Encoder

_CONTEXT = 512
_HEADS = 4
_HALVINGS = 5  # from the image to the coarse level


@dataclass(frozen=True)
class RechromaConfig:
    """Options of this architecture.

    Attributes:
        encoder: One of :data:`rechroma.networks.encoders.ENCODERS`.
        widths: Channels of the decoder at 1/32, 1/16, 1/8 and 1/4 of the size.
        film: Whether the pooled vector scales and shifts every decoder level.
        attention: Whether the coarse level attends to itself.
        classes: Outputs of the auxiliary classifier; 0 for none.
        grid: Side of a color bin in a*b* units.
        temperature: Annealing of the decoded bins, above 0: 1 gives their mean (safe), towards 0
            their mode (vivid).
        regression_share: How much of the chroma comes from the regression head, 0..1.
        saturation: Factor on the predicted chroma, but not on that of hints. Both heads hedge, and
            the mean of several possible colors is paler than each of them.

    Raises:
        RecipeError: A value is outside its range.
    """

    encoder: str = "mobilenet-v2"
    widths: tuple[int, int, int, int] = (256, 128, 96, 64)
    film: bool = True
    attention: bool = True
    classes: int = 0
    grid: int = 10
    temperature: float = 0.38
    regression_share: float = 0.0
    saturation: float = 1.0

    def __post_init__(self) -> None:
        require("widths", min(self.widths) > 0, "above 0")
        fits = not self.attention or self.widths[0] % _HEADS == 0
        require("widths[0]", fits, f"a multiple of {_HEADS} if attention is on")
        require("classes", self.classes >= 0, "0 or more")
        require("grid", self.grid > 0, "above 0")
        require("temperature", self.temperature > 0, "above 0")
        require("regression_share", 0 <= self.regression_share <= 1, "from 0 to 1")
        require("saturation", self.saturation >= 0, "0 or more")


class Rechroma(ColorizationNetwork):
    """Predicts color bins and a*b* at a quarter of the size from lightness and hints.

    Raises:
        RecipeError: The encoder is unknown.
    """

    config: RechromaConfig
    encoder: Encoder
    supports_hints = True
    stride = 32
    scale = 4

    def __init__(self, config: RechromaConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RechromaConfig()
        self.register_buffer("centers", torch.tensor(bin_centers(config.grid)), persistent=False)
        self.encoder = make_encoder(config.encoder)
        bottleneck = self.encoder.channels[-1]
        self.context = _Context(bottleneck, config.classes)
        # Some encoders end at 1/16 of the size.
        self.coarse = _Coarse(bottleneck, config, halve=len(self.encoder.channels) < _HALVINGS)
        skips = self.encoder.channels[3:0:-1]
        widths = zip(config.widths, config.widths[1:], skips, strict=False)
        self.levels = nn.ModuleList(
            _Level(above, skip, here, config.film) for above, here, skip in widths
        )
        self.bins = nn.Conv2d(config.widths[-1], len(self.centers), 1)
        self.ab = nn.Conv2d(config.widths[-1], 2, 1)
        self.propagation = HintPropagation(config.widths[-1], self.centers)

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:
        """Predict color; height and width must be multiples of 32."""
        _, *features = self.encoder(gray(lightness))
        context, classes = self.context(features[-1])
        x = self.coarse(features[-1], context)
        for level, skip in zip(self.levels, features[2::-1], strict=True):
            x = level(x, skip, context)
        own = self.bins(x), self.ab(x) * REGRESSION_UNIT
        logits, ab, hint_weight = self.propagation(x, *own, hints)
        return Prediction(logits, ab, features[-1], classes, hint_weight)

    def chroma(self, prediction: Prediction) -> Tensor:
        """Decode a prediction to a*b* (N, 2, h, w) by the configured annealing and mix."""
        return decode(
            prediction.logits, prediction.ab, prediction.hint_weight, self.centers, self.config
        )


ARCHITECTURE = Architecture(
    name="rechroma",
    module=Rechroma,
    config=RechromaConfig,
    paper="encoders: MobileNetV2 (arXiv 1801.04381), MobileNetEdgeTPU (2004.14525), ResNet-50 v2 "
    "(1603.05027), VGG-19 (1409.1556); color bins (1603.08511), FiLM (1709.07871)",
    character="strong: vivid, supports hints, predicts several colors for a place; weak: large, "
    "needs a pretrained encoder",
)


class _Context(nn.Module):
    """Maps the pooled bottleneck to a vector of 512 and the logits of the image's class."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.dense = nn.Linear(channels, _CONTEXT)
        self.classes = nn.Linear(_CONTEXT, classes) if classes else None

    def forward(self, bottleneck: Tensor) -> tuple[Tensor, Tensor | None]:
        context = F.relu(self.dense(bottleneck.mean(dim=(2, 3))))
        return context, self.classes(context) if self.classes else None


class _Block(nn.Module):
    """Two 3x3 convolutions with FiLM between them."""

    def __init__(self, inputs: int, outputs: int, film: bool) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs)
        self.film = FiLM(outputs, _CONTEXT) if film else None
        self.second = convolution(outputs, outputs)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        x = self.first(x)
        if self.film is not None:
            x = self.film(x, context)
        out: Tensor = self.second(x)
        return out


class _Coarse(nn.Module):
    """The level at 1/32: fewer channels, then attention."""

    def __init__(self, inputs: int, config: RechromaConfig, *, halve: bool) -> None:
        super().__init__()
        width = config.widths[0]
        self.narrow = convolution(inputs, width, kernel=1)
        self.halve = halve
        self.attention = MultiHeadAttention(width, _HEADS) if config.attention else nn.Identity()
        self.block = _Block(width, width, config.film)

    def forward(self, bottleneck: Tensor, context: Tensor) -> Tensor:
        x = self.narrow(bottleneck)
        if self.halve:
            x = F.avg_pool2d(x, 2)
        out: Tensor = self.block(self.attention(x), context)
        return out


class _Level(nn.Module):
    """Doubles the size and adds a skip connection from the encoder's features of that size."""

    def __init__(self, inputs: int, skip: int, outputs: int, film: bool) -> None:
        super().__init__()
        self.narrow = convolution(skip, outputs, kernel=1)
        self.block = _Block(inputs + outputs, outputs, film)

    def forward(self, x: Tensor, skip: Tensor, context: Tensor) -> Tensor:
        larger = F.interpolate(x, scale_factor=2.0, mode="bilinear")
        out: Tensor = self.block(torch.cat([larger, self.narrow(skip)], dim=1), context)
        return out
