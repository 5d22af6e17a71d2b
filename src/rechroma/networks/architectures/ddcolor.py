"""`ddcolor` and `ddcolor-tiny`: dual decoders (Kang et al. 2023, ICCV, arXiv 2212.11613).

A ConvNeXt encoder sees the gray image. The pixel decoder, a U-Net, restores the resolution: a
vector of features for every pixel. The color decoder, a Transformer, lets learned color queries
attend to three levels of the U-Net: a vector for every query. The dot products of both are one map
for every query, and a 1x1 convolution mixes these maps and the image to a*b*.

Lightness becomes the gray of sRGB that the authors trained with, normalized as for ImageNet. The
authors' own programs squeeze every image into a square of 512 x 512; nothing in the network needs
that, as its position encoding is relative to height and width, so here the shape of the image is
kept. Their checkpoints load as they are (`rechroma models import`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from rechroma.networks.architectures.eccv16 import IMAGENET
from rechroma.networks.base import (
    LARGE_FINETUNING,
    Architecture,
    Prediction,
    RegressionNetwork,
)
from rechroma.networks.config import require
from rechroma.networks.encoders.base import srgb_gray
from rechroma.networks.encoders.convnext import ConvNeXt, LayerNorm2d
from rechroma.networks.layers.attention import sine_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADS = 8
_FEEDFORWARD = 8  # channels inside the feedforward layers, as a multiple of those outside


@dataclass(frozen=True)
class DDColorConfig:
    """Options of this architecture; the defaults are those of the large published network.

    Attributes:
        channels: Of the four stages of ConvNeXt.
        depths: Blocks of the four stages of ConvNeXt.
        width: Channels of the pixel decoder, a multiple of 16; its last level and the color decoder
            have half of them.
        queries: Number of color queries.
        layers: Layers of the color decoder; they see 1/16, 1/8 and 1/4 of the size in turns.

    Raises:
        RecipeError: A value is outside its range.
    """

    channels: tuple[int, int, int, int] = (192, 384, 768, 1536)
    depths: tuple[int, int, int, int] = (3, 3, 27, 3)
    width: int = 512
    queries: int = 100
    layers: int = 9

    def __post_init__(self) -> None:
        for option in ("channels", "depths"):
            require(option, min(getattr(self, option)) > 0, "above 0")
        fits = self.width > 0 and self.width % (2 * _HEADS) == 0
        require("width", fits, f"a multiple of {2 * _HEADS} above 0")
        for option in ("queries", "layers"):
            require(option, getattr(self, option) > 0, "above 0")


@dataclass(frozen=True)
class DDColorTinyConfig(DDColorConfig):
    """The same options with the encoder of the small published network, ConvNeXt-T."""

    channels: tuple[int, int, int, int] = (96, 192, 384, 768)
    depths: tuple[int, int, int, int] = (3, 3, 9, 3)


class DDColor(RegressionNetwork):
    """Predicts a*b* of every pixel from lightness."""

    config: DDColorConfig
    encoder: ConvNeXt
    stride = 32
    scale = 1

    def __init__(self, config: DDColorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DDColorConfig()
        self.encoder = ConvNeXt(config.channels, config.depths)
        self.norms = nn.ModuleList(LayerNorm2d(channels) for channels in config.channels)
        *skips, bottleneck = config.channels
        color = config.width // 2
        widths = (config.width, config.width, color)
        steps = zip(pairwise((bottleneck, *widths)), reversed(skips), strict=True)
        self.levels = nn.ModuleList(_Level(above, skip, here) for (above, here), skip in steps)
        self.enlarge = _Upsample(color, color, 4, spectral_only=True)
        self.color_decoder = _ColorDecoder(widths, color, config.queries, config.layers)
        self.refine = spectral_norm(nn.Conv2d(config.queries + 3, 2, 1))

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:  # noqa: ARG002 - as all networks
        """Predict color; height and width must be multiples of 32."""
        ab, bottleneck = self.predict_ab(srgb_gray(lightness))
        return Prediction(ab[:, :0], ab, bottleneck)

    def predict_ab(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network as it was published.

        Args:
            image: (N, 3, H, W) sRGB in 0..1 with equal channels; H and W are multiples of 32.

        Returns:
            (N, 2, H, W) a*b*, and the encoder's coarsest features (N, C, H / 32, W / 32).
        """
        features = self.encoder(image)
        *skips, x = (norm(level) for norm, level in zip(self.norms, features, strict=True))
        levels = []
        for level, skip in zip(self.levels, reversed(skips), strict=True):
            x = level(x, skip)
            levels.append(x)
        pixels = self.enlarge(x)  # (N, C, H, W)
        colors = self.color_decoder(levels)  # (N, queries, C)
        maps = (colors @ pixels.flatten(2)).unflatten(2, pixels.shape[2:])
        ab = self.refine(torch.cat([maps, self.encoder.normalize(image)], dim=1))
        return ab, features[-1]


_RENAMED = {
    r"^encoder\.arch\.norm(\d)": r"norms.\1",
    r"^encoder\.arch": "encoder",
    r"^refine_net\.0\.0": "refine",
    r"^decoder\.last_shuf\.conv\.0": "enlarge.conv",
    r"^decoder\.layers\.(\d)\.conv\.0": r"levels.\1.conv",
    r"^decoder\.layers\.(\d)\.conv\.2": r"levels.\1.norm",
    r"^decoder\.layers\.(\d)\.bn": r"levels.\1.skip_norm",
    r"^decoder\.layers\.(\d)\.shuf\.conv\.0": r"levels.\1.enlarge.conv",
    r"^decoder\.layers\.(\d)\.shuf\.conv\.1": r"levels.\1.enlarge.norm",
    r"^decoder\.color_decoder": "color_decoder",
    r"(query_feat|query_embed|level_embed)\.weight$": r"\1",
    r"transformer_cross_attention_layers\.(\d)\.multihead_attn": r"layers.\1.cross_attention",
    r"transformer_cross_attention_layers\.(\d)\.norm": r"layers.\1.cross_norm",
    r"transformer_self_attention_layers\.(\d)\.self_attn": r"layers.\1.self_attention",
    r"transformer_self_attention_layers\.(\d)\.norm": r"layers.\1.self_norm",
    r"transformer_ffn_layers\.(\d)\.linear1": r"layers.\1.feedforward.0",
    r"transformer_ffn_layers\.(\d)\.linear2": r"layers.\1.feedforward.2",
    r"transformer_ffn_layers\.(\d)\.norm": r"layers.\1.norm",
    r"color_decoder\.decoder_norm": "color_decoder.norm",
    r"color_embed\.layers\.0": "color_embed.0",
    r"color_embed\.layers\.1": "color_embed.2",
    r"color_embed\.layers\.2": "color_embed.4",
}
"""Names in the published checkpoints, and the names here."""


def _rename(key: str) -> str | None:
    # Constants of ImageNet, and the normalization of a classifier that was cut off.
    if key in {"mean", "std"} or key.startswith("encoder.arch.norm."):
        return None
    for published, name in _RENAMED.items():
        key = re.sub(published, name, key)
    return key


ARCHITECTURE = Architecture(
    name="ddcolor",
    module=DDColor,
    config=DDColorConfig,
    paper="DDColor: towards photo-realistic image colorization via dual decoders, Kang et al. 2023 "
    "(arXiv 2212.11613)",
    character="strong: vivid, published weights exist; weak: very large, no hints",
    license="Apache-2.0",
    authors=(
        *("Xiaoyang Kang", "Tao Yang", "Wenqi Ouyang"),
        *("Peiran Ren", "Lingzhi Li", "Xuansong Xie"),
    ),
    data=(IMAGENET,),
    size=512,
    finetuning=LARGE_FINETUNING,
    rename=_rename,
)
TINY = replace(
    ARCHITECTURE,
    name="ddcolor-tiny",
    config=DDColorTinyConfig,
    character="strong: vivid, published weights exist; weak: large, no hints",
)


class _Level(nn.Module):
    """Doubles the size of the coarser level and mixes in the encoder's features."""

    def __init__(self, coarse: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.enlarge = _Upsample(coarse, outputs, 2)
        self.skip_norm = nn.BatchNorm2d(skip)
        self.conv = spectral_norm(nn.Conv2d(outputs + skip, outputs, 3, padding=1, bias=False))
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Mix (N, coarse, h, w) and (N, skip, 2h, 2w) to (N, outputs, 2h, 2w)."""
        x = F.relu(torch.cat([self.enlarge(coarse), self.skip_norm(skip)], dim=1))
        out: Tensor = self.norm(F.relu(self.conv(x)))
        return out


class _Upsample(nn.Module):
    """Pixel shuffle (Shi et al. 2016, arXiv 1609.05158) without a checkerboard.

    The subpixels of a location are equal at the start (ICNR, Aitken et al. 2017, 1707.02937), and a
    mean over 2x2 pixels smooths them (Sugawara et al. 2018, 1806.02658).
    """

    def __init__(
        self, inputs: int, outputs: int, factor: int, *, spectral_only: bool = False
    ) -> None:
        super().__init__()
        conv = nn.Conv2d(inputs, outputs * factor**2, 1, bias=spectral_only)
        with torch.no_grad():
            conv.weight.copy_(conv.weight[:outputs].repeat_interleave(factor**2, dim=0))
        self.conv = spectral_norm(conv)
        self.norm = nn.Identity() if spectral_only else nn.BatchNorm2d(outputs * factor**2)
        self.shuffle = nn.PixelShuffle(factor)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge (N, inputs, h, w) to (N, outputs, factor * h, factor * w)."""
        x = self.shuffle(F.relu(self.norm(self.conv(x))))
        return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, stride=1)


class _ColorDecoder(nn.Module):
    """Color queries that attend to features of several levels and to each other.

    A Transformer decoder of the kind of DETR (Carion et al. 2020, arXiv 2005.12872).

    Args:
        inputs: Channels of each level.
        channels: Of the queries.
        queries: How many.
        layers: How many; layer `i` attends to level `i` modulo the number of levels.
    """

    def __init__(self, inputs: Sequence[int], channels: int, queries: int, layers: int) -> None:
        super().__init__()
        self.query_feat = nn.Parameter(torch.randn(queries, channels))
        self.query_embed = nn.Parameter(torch.randn(queries, channels))
        self.level_embed = nn.Parameter(torch.randn(len(inputs), channels))
        self.input_proj = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in inputs)
        self.layers = nn.ModuleList(_Layer(channels) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)
        self.color_embed = nn.Sequential(
            *(nn.Linear(channels, channels), nn.ReLU()),
            *(nn.Linear(channels, channels), nn.ReLU()),
            nn.Linear(channels, channels),
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Decode levels (N, inputs, h, w) to one vector for each query (N, queries, channels)."""
        memories = []
        for level, project, embedding in zip(
            levels, self.input_proj, self.level_embed, strict=True
        ):
            x = project(level)
            values = x.flatten(2).transpose(1, 2) + embedding  # (N, h * w, channels)
            memories.append((values + sine_positions(x), values))
        queries = self.query_feat.expand(levels[0].shape[0], -1, -1)
        for number, layer in enumerate(self.layers):
            queries = layer(queries, self.query_embed, *memories[number % len(memories)])
        out: Tensor = self.color_embed(self.norm(queries))
        return out


class _Layer(nn.Module):
    """Cross-attention to a level, self-attention among the queries, feedforward: all residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cross_attention = nn.MultiheadAttention(channels, _HEADS, batch_first=True)
        self.cross_norm = nn.LayerNorm(channels)
        self.self_attention = nn.MultiheadAttention(channels, _HEADS, batch_first=True)
        self.self_norm = nn.LayerNorm(channels)
        self.feedforward = nn.Sequential(
            nn.Linear(channels, _FEEDFORWARD * channels),
            nn.ReLU(),
            nn.Linear(_FEEDFORWARD * channels, channels),
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, embed: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Update the queries (N, queries, C) from keys and values (N, h * w, C) of a level."""
        attended, _ = self.cross_attention(x + embed, keys, values, need_weights=False)
        x = self.cross_norm(x + attended)
        placed = x + embed
        attended, _ = self.self_attention(placed, placed, x, need_weights=False)
        x = self.self_norm(x + attended)
        out: Tensor = self.norm(x + self.feedforward(x))
        return out
