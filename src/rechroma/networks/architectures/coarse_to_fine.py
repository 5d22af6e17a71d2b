"""`coarse-to-fine`: colors decided at an eighth of the size, then enlarged along the edges.

A frozen recognition network encodes the whole image. Its pooled head, which represents the content
of the image, scales and shifts every block of the decoder (FiLM, Perez et al. 2018). The decoder
classifies color into bins (Zhang et al. 2016) and regresses a*b* at 1/8 of the size, where training
is cheap: the decoder can be trained alone, on features of the encoder that are stored on disk.
Hints are propagated at that size (:mod:`rechroma.networks.layers.hint_propagation`). Convex
upsampling guided by lightness brings the decoded a*b* to 1/2 of the size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.color import bin_centers
from rechroma.networks.base import Architecture, ColorizationNetwork, Prediction
from rechroma.networks.config import require
from rechroma.networks.encoders import make_encoder
from rechroma.networks.encoders.base import srgb_gray
from rechroma.networks.layers.attention import MultiHeadAttention
from rechroma.networks.layers.bin_decoding import decode
from rechroma.networks.layers.blocks import FiLM
from rechroma.networks.layers.convex_upsampling import ConvexUpsampler
from rechroma.networks.layers.hint_propagation import HintPropagation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.networks.encoders.base import Encoder

_REGRESSION_UNIT = 10.0  # the regression head works in units of this many a*b* steps
_CELL = 8  # input pixels along each side of a location at the decoder's finest level
_LEVELS = 5  # of the encoder, from 1/2 to 1/32


@dataclass(frozen=True)
class CoarseToFineConfig:
    """Options of this architecture.

    Attributes:
        encoder: One of :data:`rechroma.networks.encoders.ENCODERS` that reaches 1/32.
        widths: Channels of the decoder at 1/32, 1/16 and 1/8 of the size.
        context: Length of the vector that modulates the decoder.
        heads: Of the attention at 1/32.
        grid: Side of a color bin in a*b* units.
        temperature: Annealing of the decoded bins, above 0: 1 gives their mean (safe), towards 0
            their mode (vivid).
        regression_share: How much of the chroma comes from the regression head, 0..1.
        saturation: Factor on the predicted chroma, but not on that of hints.

    Raises:
        RecipeError: A value is outside its range.
    """

    encoder: str = "efficientnet-lite2"
    widths: tuple[int, int, int] = (256, 160, 96)
    context: int = 128
    heads: int = 8
    grid: int = 10
    temperature: float = 0.5
    regression_share: float = 0.4
    saturation: float = 1.05

    def __post_init__(self) -> None:
        require("widths", min(self.widths) > 0, "above 0")
        require("context", self.context > 0, "above 0")
        require("heads", self.heads > 0, "above 0")
        require("widths[0]", self.widths[0] % self.heads == 0, "a multiple of heads")
        require("grid", self.grid > 0, "above 0")
        require("temperature", self.temperature > 0, "above 0")
        require("regression_share", 0 <= self.regression_share <= 1, "from 0 to 1")
        require("saturation", self.saturation >= 0, "0 or more")


class CoarseToFine(ColorizationNetwork):
    """Predicts color bins at 1/8 and a*b* at 1/2 of the size from lightness and hints.

    Raises:
        RecipeError: The encoder is unknown, or ends before 1/32 of the size.
    """

    config: CoarseToFineConfig
    encoder: Encoder
    supports_hints = True
    stride = 32
    scale = 2
    distribution_scale = _CELL

    def __init__(self, config: CoarseToFineConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CoarseToFineConfig()
        self.register_buffer("centers", torch.tensor(bin_centers(config.grid)), persistent=False)
        self.encoder = make_encoder(config.encoder)
        channels = self.encoder.channels
        require("encoder", len(channels) == _LEVELS, "one that reaches 1/32 of the size")
        head = self.encoder.head_channels or channels[-1]
        self.decoder = CoarseDecoder(channels[2:], head, len(self.centers), config)
        self.propagation = HintPropagation(config.widths[-1], self.centers, _CELL)
        self.upsampler = ConvexUpsampler(*channels[1:3])

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:
        """Predict color; height and width must be multiples of 32."""
        _, quarter, *features = self.encoder(srgb_gray(lightness))
        bottleneck = features[-1]
        x, logits, ab = self.decoder(features, self.encoder.pooled_head(bottleneck))
        logits, ab, hint_weight = self.propagation(x, logits, ab, hints)
        upsampling = self.upsampler.weights(lightness, quarter, features[0])
        return Prediction(logits, ab, bottleneck, None, hint_weight, upsampling)

    def chroma(self, prediction: Prediction) -> Tensor:
        """Decode a prediction to a*b* (N, 2, H / 2, W / 2)."""
        coarse = decode(
            prediction.logits, prediction.ab, prediction.hint_weight, self.centers, self.config
        )
        fine: Tensor = self.upsampler(coarse, prediction.upsampling)
        return fine


ARCHITECTURE = Architecture(
    name="coarse-to-fine",
    module=CoarseToFine,
    config=CoarseToFineConfig,
    paper="EfficientNet-Lite (github.com/tensorflow/tpu), color bins (arXiv 1603.08511), FiLM "
    "(1709.07871), convex upsampling (RAFT, 2003.12039)",
    character="strong: semantic features, supports hints, trains in an hour on stored features; "
    "weak: small objects share a cell of 8 pixels, needs a pretrained encoder",
)


class CoarseDecoder(nn.Module):
    """Predicts logits of the bins and a*b* at 1/8 from the encoder's features and pooled head.

    Features are normalized where they enter, so that they can come from any frozen encoder.

    Args:
        channels: Of the encoder's features at 1/8, 1/16 and 1/32 of the size.
        head: Length of the encoder's pooled head.
        bins: Number of color bins.
        config: Widths, context and heads.
    """

    def __init__(
        self, channels: Sequence[int], head: int, bins: int, config: CoarseToFineConfig
    ) -> None:
        super().__init__()
        eighth, sixteenth, bottleneck = channels
        first, second, third = config.widths
        length = config.context
        self.context = nn.Sequential(
            nn.BatchNorm1d(head), nn.Linear(head, length), nn.ReLU(inplace=True)
        )
        self.coarse = _Level(0, bottleneck, first, length)
        self.attention = MultiHeadAttention(first, config.heads, normalized=True)
        self.after_attention = _Residual(first, length)
        self.levels = nn.ModuleList(
            (
                _Level(first, sixteenth, second, length, blocks=2),
                _Level(second, eighth, third, length, blocks=2),
            )
        )
        self.bins = nn.Conv2d(third, bins, 1)
        self.ab = nn.Conv2d(third, 2, 1)

    def forward(self, features: Sequence[Tensor], head: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decode features.

        Args:
            features: At 1/8, 1/16 and 1/32 of the size, (N, C, h, w) each.
            head: (N, K) pooled.

        Returns:
            At 1/8 of the size: features (N, C, h, w), logits (N, Q, h, w) and a*b* (N, 2, h, w).
        """
        eighth, sixteenth, bottleneck = features
        context = self.context(head)
        x = self.attention(self.coarse(None, bottleneck, context))
        x = self.after_attention(x, context)
        for level, skip in zip(self.levels, (sixteenth, eighth), strict=True):
            x = level(F.interpolate(x, scale_factor=2.0, mode="bilinear"), skip, context)
        return x, self.bins(x), self.ab(x) * _REGRESSION_UNIT


class _Level(nn.Module):
    """Joins the normalized features of one size with the output of the coarser level."""

    def __init__(self, inputs: int, skip: int, outputs: int, context: int, blocks: int = 1) -> None:
        super().__init__()
        self.skip_norm = nn.BatchNorm2d(skip)
        self.conv = nn.Conv2d(inputs + skip, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.film = FiLM(outputs, context)
        self.blocks = nn.ModuleList(_Residual(outputs, context) for _ in range(blocks))

    def forward(self, x: Tensor | None, skip: Tensor, context: Tensor) -> Tensor:
        skip = self.skip_norm(skip)
        joined = skip if x is None else torch.cat([x, skip], dim=1)
        out: Tensor = F.relu(self.film(self.norm(self.conv(joined)), context))
        for block in self.blocks:
            out = block(out, context)
        return out


class _Residual(nn.Module):
    """A residual block of two 3x3 convolutions, modulated before the addition."""

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.film = FiLM(channels, context)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        inner = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.film(self.norm2(self.conv2(inner)), context))
