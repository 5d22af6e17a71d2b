"""`attention-gan`: a U-Net with self-attention, made to be trained against a critic.

After the generator of DeOldify: a pretrained encoder, a decoder with skip connections whose
convolutions have spectral normalization (Miyato et al. 2018, arXiv 1802.05957) next to batch
normalization, and self-attention as in SAGAN (Zhang et al. 2019, arXiv 1805.08318). It regresses
a*b*; what keeps them from being pale are the perceptual loss and the critic
(:mod:`rechroma.training.adversarial`). Attention sits at the coarsest level, where its cost, which
grows with the square of the number of places, stays small for large images too.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from rechroma.networks.base import Architecture, Prediction, RegressionNetwork
from rechroma.networks.config import require
from rechroma.networks.encoders import make_encoder
from rechroma.networks.encoders.base import Encoder, gray
from rechroma.networks.layers.attention import SelfAttention


@dataclass(frozen=True)
class AttentionGanConfig:
    """Options of this architecture.

    Attributes:
        encoder: One of :data:`rechroma.networks.encoders.ENCODERS`.
        width: Channels of the decoder at half the size, a multiple of 4; each coarser level has
            twice as many, up to `widest`.
        widest: Most channels of a level, a multiple of 4.

    Raises:
        RecipeError: A value is outside its range.
    """

    encoder: str = "resnet-50"
    width: int = 48
    widest: int = 256

    def __post_init__(self) -> None:
        for option in ("width", "widest"):
            channels = getattr(self, option)
            require(option, channels > 0 and channels % 4 == 0, "a multiple of 4 above 0")


class AttentionGan(RegressionNetwork):
    """Predicts a*b* at half the size from lightness.

    Raises:
        RecipeError: The encoder is unknown.
    """

    config: AttentionGanConfig
    encoder: Encoder
    scale = 2

    def __init__(self, config: AttentionGanConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or AttentionGanConfig()
        self.encoder = make_encoder(config.encoder)
        self.stride = 2 ** len(self.encoder.channels)
        *skips, bottleneck = self.encoder.channels
        widths = [min(config.widest, config.width << level) for level in range(len(skips) + 1)]
        widths.reverse()
        self.coarse = nn.Sequential(
            _convolution(bottleneck, widths[0], 1),
            SelfAttention(widths[0]),
            _convolution(widths[0], widths[0]),
        )
        self.levels = nn.ModuleList(
            _Level(above, skip, here)
            for (above, here), skip in zip(pairwise(widths), reversed(skips), strict=True)
        )
        self.ab = nn.Conv2d(config.width, 2, 1)

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:  # noqa: ARG002 - as all networks
        """Predict color; height and width must be multiples of the stride."""
        *skips, bottleneck = self.encoder(gray(lightness))
        x = self.coarse(bottleneck)
        for level, skip in zip(self.levels, reversed(skips), strict=True):
            x = level(x, skip)
        return self.prediction(self.ab(x), bottleneck)


ARCHITECTURE = Architecture(
    name="attention-gan",
    module=AttentionGan,
    config=AttentionGanConfig,
    paper="SAGAN (arXiv 1805.08318), spectral normalization (1802.05957), NoGAN (DeOldify)",
    character="strong: a critic rewards plausible color; weak: slow and unstable training",
)


class _Level(nn.Module):
    """Doubles the size and adds a skip connection from the encoder's features of that size."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.narrow = _convolution(skip, outputs, 1)
        self.mix = nn.Sequential(
            _convolution(inputs + outputs, outputs), _convolution(outputs, outputs)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        larger = F.interpolate(x, scale_factor=2.0, mode="bilinear")
        out: Tensor = self.mix(torch.cat([larger, self.narrow(skip)], dim=1))
        return out


def _convolution(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
