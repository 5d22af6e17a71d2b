"""`rechroma`: the network that ships.

A pretrained MobileNetV2 sees the lightness as a grey picture; a decoder with skip connections goes
up to a quarter of the size. The pooled bottleneck is turned into one vector that scales and shifts
every level of the decoder (FiLM, Perez et al. 2018), so that each place knows what the whole
picture shows; one attention block lets far-apart places of the coarse level agree. Two heads read
the finest level: one classifies colour into bins (Zhang et al. 2016), one regresses a*b*. The
chroma that comes out is the annealed mean of the bins, if asked for mixed with the regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.color import bin_centres
from rechroma.networks.base import ColourNetwork, Prediction
from rechroma.networks.mobilenet_v2 import MobileNetV2

_MEAN = (0.485, 0.456, 0.406)  # of ImageNet's RGB in 0..1, as the encoder was trained
_STD = (0.229, 0.224, 0.225)
_CONTEXT = 512
_AB_UNIT = 50.0  # the regression head works in units of this many a*b* steps


@dataclass(frozen=True)
class Config:
    """What may differ between two networks of this architecture.

    Attributes:
        widths: Channels of the decoder at 1/32, 1/16, 1/8 and 1/4 of the size.
        film: Whether the pooled vector scales and shifts every decoder level.
        attention: Whether the coarse level attends to itself.
        grid: Side of a colour bin in a*b* units.
        temperature: Annealing of the decoded bins, above 0: 1 gives their mean (safe), towards 0
            their mode (vivid).
        regression_share: How much of the chroma comes from the regression head, 0..1.
    """

    widths: tuple[int, int, int, int] = (256, 128, 96, 64)
    film: bool = True
    attention: bool = True
    grid: int = 10
    temperature: float = 0.38
    regression_share: float = 0.0


class Rechroma(ColourNetwork):
    """Lightness in, colour bins and a*b* at a quarter of the size out."""

    stride = 32
    scale = 4

    mean: Tensor
    std: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.register_buffer("centres", torch.tensor(bin_centres(config.grid)), persistent=False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)
        self.encoder = MobileNetV2()
        self.context = _Context(self.encoder.channels[-1])
        self.coarse = _Coarse(self.encoder.channels[-1], config)
        self.levels = _levels(self.encoder.channels, config)
        self.bins = nn.Conv2d(config.widths[-1], len(self.centres), 1)
        self.ab = nn.Conv2d(config.widths[-1], 2, 1)

    def forward(self, lightness: Tensor) -> Prediction:
        """Predict colour from lightness (N, 1, H, W) in 0..100; H and W multiples of 32."""
        grey = (lightness / 100 - self.mean) / self.std
        _, *skips, bottom = self.encoder(grey)
        context = self.context(bottom)
        x = self.coarse(bottom, context)
        for level, skip in zip(self.levels, reversed(skips), strict=True):
            x = level(x, skip, context)
        return Prediction(self.bins(x), self.ab(x) * _AB_UNIT)

    def chroma(self, prediction: Prediction) -> Tensor:
        """Decode a prediction to a*b* (N, 2, h, w) by the configured annealing and mix."""
        annealed = annealed_mean(prediction.logits, self.centres, self.config.temperature)
        return torch.lerp(annealed, prediction.ab, self.config.regression_share)


def annealed_mean(logits: Tensor, centres: Tensor, temperature: float) -> Tensor:
    """The mean colour of the bins after sharpening their probabilities (Zhang 2016, eq. 5).

    Args:
        logits: (N, Q, h, w).
        centres: (Q, 2) a*b* of the bins.
        temperature: 1 gives the plain mean, towards 0 the mode.

    Returns:
        (N, 2, h, w) a*b*.
    """
    share = torch.softmax(logits / temperature, dim=1)
    return F.conv2d(share, centres.T[:, :, None, None])


class _Context(nn.Module):
    """The pooled bottleneck as one vector of 512."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dense = nn.Linear(channels, _CONTEXT)

    def forward(self, bottom: Tensor) -> Tensor:
        return F.relu(self.dense(bottom.mean(dim=(2, 3))))


class _Film(nn.Module):
    """Scale and shift of every channel by the context; the identity at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dense = _zeroed(nn.Linear(_CONTEXT, 2 * channels))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        scale, shift = self.dense(context)[:, :, None, None].chunk(2, dim=1)
        out: Tensor = x * (1 + scale) + shift
        return out


class _Attention(nn.Module):
    """Multi-head self-attention over places, added to what came in; the identity at the start."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.out = _zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        folded = self.query_key_value(x).view(n, 3, self.heads, channels // self.heads, -1)
        query, key, value = folded.transpose(3, 4).unbind(dim=1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(mixed.transpose(2, 3).reshape(n, channels, height, width))
        return x + out


class _Block(nn.Module):
    """Two 3x3 convolutions, with the context let in between."""

    def __init__(self, inputs: int, outputs: int, film: bool) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs)
        self.film = _Film(outputs) if film else None
        self.second = _convolution(outputs, outputs)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        x = self.first(x)
        if self.film is not None:
            x = self.film(x, context)
        out: Tensor = self.second(x)
        return out


class _Coarse(nn.Module):
    """The level at 1/32: fewer channels, then attention."""

    def __init__(self, inputs: int, config: Config) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inputs, config.widths[0], 1)
        self.attention = _Attention(config.widths[0]) if config.attention else nn.Identity()
        self.block = _Block(config.widths[0], config.widths[0], config.film)

    def forward(self, bottom: Tensor, context: Tensor) -> Tensor:
        out: Tensor = self.block(self.attention(self.narrow(bottom)), context)
        return out


class _Level(nn.Module):
    """Doubles the size and lets the encoder's features of that size in."""

    def __init__(self, inputs: int, skip: int, outputs: int, film: bool) -> None:
        super().__init__()
        self.block = _Block(inputs + skip, outputs, film)

    def forward(self, x: Tensor, skip: Tensor, context: Tensor) -> Tensor:
        larger = F.interpolate(x, scale_factor=2.0, mode="bilinear")
        out: Tensor = self.block(torch.cat([larger, skip], dim=1), context)
        return out


def _zeroed(layer: nn.Module) -> nn.Module:
    for weights in layer.parameters():
        nn.init.zeros_(weights)
    return layer


def _levels(channels: tuple[int, ...], config: Config) -> nn.ModuleList:
    skips = reversed(channels[1:-1])
    widths = zip(config.widths, config.widths[1:], skips, strict=False)
    return nn.ModuleList(_Level(above, skip, here, config.film) for above, here, skip in widths)


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
