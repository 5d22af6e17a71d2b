"""`deoldify-artistic`, `deoldify-stable`, `deoldify-video`: DeOldify (Antic 2018, no paper).

The code and the weights of https://github.com/jantic/DeOldify are MIT. A ResNet sees gray as RGB,
and fastai's "dynamic U-Net" on top of it paints RGB: pixel shuffle (Shi et al. 2016, arXiv
1609.05158), spectral normalization (Miyato et al. 2018, 1802.05957) and self-attention (Zhang et
al. 2019, 1805.08318). `deoldify-artistic` has ResNet-34 and two convolutions per level ("deep"),
the other two ResNet-101 and one per level ("wide"); they differ only in their weights. Published
checkpoints load as they are (`rechroma models import`): names, shapes and constants are theirs.

Two steps that surround the network in the published pipeline are part of it here:

- The image is stretched to a square, as training saw only squares; padding to one gave its author
  worse colors. The side is the long side of the input: DeOldify's `16 * render_factor`.
- Of the painted RGB only U and V of Y'UV are used, with the luma Y' of the original. The output is
  the a*b* of the resulting picture: of all colors with the L* of the original, from which the
  lightness of that picture deviates a little, those with the same a*b* are the nearest in CIELAB.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from rechroma.color.lab import EPSILON, KAPPA, RGB_TO_XYZ_OVER_WHITE
from rechroma.networks.architectures.eccv16 import IMAGENET, scale_width
from rechroma.networks.base import (
    LARGE_FINETUNING,
    Architecture,
    Prediction,
    RegressionNetwork,
)
from rechroma.networks.config import require
from rechroma.networks.encoders.base import Encoder, srgb_gray

_DEEP_FACTOR = 1.5  # outputs of a "deep" level over its inputs
_ATTENTION = 1  # the level with self-attention, at 1/8 of the size
_RGB = 3
_RANGE = 3.0  # standard deviations of ImageNet's RGB from its mean that the output can reach
_MIN_V, _MAX_V = -128 / 255, 127 / 255  # limits of 8 bits, which the published pipeline has


@dataclass(frozen=True)
class DeOldifyConfig:
    """Options of these architectures.

    Attributes:
        width: Factor on the channels; published weights need 1, which is slow to train on a CPU.
        blocks: Number of residual blocks in each stage of the encoder; published weights need the
            default.

    Raises:
        RecipeError: A stage has no blocks.
    """

    width: float = 1.0
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)  # ResNet-34

    def __post_init__(self) -> None:
        require("blocks", min(self.blocks) > 0, "four numbers above 0")


@dataclass(frozen=True)
class DeOldifyWideConfig(DeOldifyConfig):
    """Options of the wide ones."""

    blocks: tuple[int, int, int, int] = (3, 4, 23, 3)  # ResNet-101


class DeOldify(RegressionNetwork):
    """Predicts a*b* of every pixel from lightness."""

    config: DeOldifyConfig
    stride = 16
    scale = 1

    def __init__(self, config: DeOldifyConfig, encoder: _ResNet, levels: list[_Level]) -> None:
        super().__init__()
        self.config = config
        coarsest, finest = encoder.channels[-1], levels[-1].channels
        self.layers = nn.ModuleList(
            [
                encoder,
                nn.BatchNorm2d(coarsest),
                nn.ReLU(inplace=True),
                nn.Sequential(
                    _convolution(coarsest, 2 * coarsest), _convolution(2 * coarsest, coarsest)
                ),
                *levels,
                _PixelShuffle(finest, finest, is_last=True),
                nn.Identity(),  # keeps the numbering: the published code concatenates here
                _Residual(finest + _RGB),
                nn.Sequential(spectral_norm(nn.Conv2d(finest + _RGB, _RGB, 1))),
            ]
        )

    @property
    def encoder(self) -> _ResNet:  # type: ignore[override]
        """The ResNet."""
        encoder = self.layers[0]
        assert isinstance(encoder, _ResNet)
        return encoder

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:  # noqa: ARG002 - as all networks
        """Predict color; height and width must be multiples of 16."""
        gray = srgb_gray(lightness)
        height, width = gray.shape[2:]
        side = (height + width + abs(height - width)) // 2  # tracing would fix max() at its result
        rgb, bottleneck = self.paint(F.interpolate(gray, (side, side), mode="bilinear"))
        rgb = F.interpolate(self._clip(rgb.float()), (height, width), mode="bilinear")
        ab = _srgb_to_ab(self._clip(_replace_luma(rgb, gray)))
        return Prediction(ab[:, :0], ab, bottleneck)

    def paint(self, gray: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network as it was published.

        Args:
            gray: (N, 3, S, S) sRGB in 0..1 with equal channels; S is a multiple of 16.

        Returns:
            (N, 3, S, S) sRGB, not clipped to 0..1, and the encoder's coarsest features
            (N, C, S / 32, S / 32), rounded up.
        """
        encoder = self.encoder
        _, normalize, relu, middle, *levels, enlarge, _, refine, to_rgb = self.layers
        seen = (gray - encoder.mean) / encoder.std
        *skips, bottleneck = encoder.features_of(seen)
        x = middle(relu(normalize(bottleneck)))
        for level, skip in zip(levels, reversed(skips), strict=True):
            x = level(x, skip)
        x = to_rgb(refine(torch.cat([enlarge(x), seen], dim=1)))
        return _RANGE * (2 * torch.sigmoid(x) - 1) * encoder.std + encoder.mean, bottleneck

    def _clip(self, rgb: Tensor) -> Tensor:
        """Clip to 0..1, but not in training: what was clipped would have no gradient."""
        return rgb if self.training else rgb.clamp(0, 1)


class DeOldifyArtistic(DeOldify):
    """The "deep" U-Net on ResNet-34."""

    def __init__(self, config: DeOldifyConfig | None = None) -> None:
        config = config or DeOldifyConfig()
        encoder = _ResNet(config, expansion=1)
        above, *skips = reversed(encoder.channels)
        levels = []
        for number, skip in enumerate(skips):
            inputs = above // 2 + skip
            outputs = int((inputs if number < len(skips) - 1 else inputs // 2) * _DEEP_FACTOR)
            attends = number == _ATTENTION
            levels.append(_Level(above, above // 2, skip, outputs, is_deep=True, attends=attends))
            above = outputs
        super().__init__(config, encoder, levels)


class DeOldifyStable(DeOldify):
    """The "wide" U-Net on ResNet-101."""

    config: DeOldifyWideConfig

    def __init__(self, config: DeOldifyWideConfig | None = None) -> None:
        config = config or DeOldifyWideConfig()
        encoder = _ResNet(config, expansion=4)
        above, *skips = reversed(encoder.channels)
        levels = []
        for number, skip in enumerate(skips):
            outputs = scale_width(512 if number < len(skips) - 1 else 256, config.width)
            attends = number == _ATTENTION
            levels.append(_Level(above, outputs, skip, outputs, is_deep=False, attends=attends))
            above = outputs
        super().__init__(config, encoder, levels)


class DeOldifyVideo(DeOldifyStable):
    """The network of `deoldify-stable`; its published weights were trained to flicker less."""


def _published(
    name: str, module: type[DeOldify], render_factor: int, character: str
) -> Architecture:
    return Architecture(
        name=f"deoldify-{name}",
        module=module,
        config=DeOldifyWideConfig if issubclass(module, DeOldifyStable) else DeOldifyConfig,
        paper="DeOldify, Jason Antic 2018 (https://github.com/jantic/DeOldify)",
        character=f"strong: published weights exist, {character}",
        license="MIT",
        authors=("Jason Antic",),
        data=(IMAGENET,),
        size=16 * render_factor,
        finetuning=LARGE_FINETUNING,
    )


# With the render factors that the published functions default to.
ARCHITECTURES = (
    _published("artistic", DeOldifyArtistic, 35, "vivid, detailed; weak: slow, uneven color"),
    _published("stable", DeOldifyStable, 35, "good portraits and landscapes; weak: slow, paler"),
    _published("video", DeOldifyVideo, 21, "steady between frames; weak: slow, pale"),
)


class _ResNet(Encoder, nn.Sequential):
    """ResNet with post-activation (He et al. 2015, arXiv 1512.03385), without its classifier.

    Args:
        config: The number of blocks in each stage, and the width.
        expansion: Outputs of a block over the channels inside: 4 for a bottleneck, 1 if basic.
    """

    def __init__(self, config: DeOldifyConfig, *, expansion: int) -> None:
        super().__init__()
        inside = [scale_width(channels, config.width) for channels in (64, 128, 256, 512)]
        self.channels = (inside[0], *(expansion * channels for channels in inside))
        self.extend(
            [
                nn.Conv2d(_RGB, inside[0], 7, 2, 3, bias=False),
                nn.BatchNorm2d(inside[0]),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(3, 2, 1),
            ]
        )
        for number, count in enumerate(config.blocks):
            inputs, outputs = self.channels[number : number + 2]
            first = _Block(inputs, inside[number], outputs, 2 if number else 1)
            rest = (_Block(outputs, inside[number], outputs) for _ in range(count - 1))
            self.append(nn.Sequential(first, *rest))

    def features_of(self, normalized: Tensor) -> list[Tensor]:
        """Compute the features of images (N, 3, H, W), normalized as in training."""
        convolution, normalize, relu, pool, *stages = self
        features = [relu(normalize(convolution(normalized)))]
        x = pool(features[0])
        for stage in stages:
            x = stage(x)
            features.append(x)
        return features


class _Block(nn.Module):
    """Residual block: basic, or a bottleneck if it has more outputs than channels inside."""

    def __init__(self, inputs: int, inside: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        is_basic = inside == outputs
        kernel, first, second = (3, stride, 1) if is_basic else (1, 1, stride)
        self.conv1 = nn.Conv2d(inputs, inside, kernel, first, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv2 = nn.Conv2d(inside, inside, 3, second, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.conv3 = None if is_basic else nn.Conv2d(inside, outputs, 1, bias=False)
        self.bn3 = None if is_basic else nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.downsample.append(nn.Conv2d(inputs, outputs, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.conv3 is not None and self.bn3 is not None:
            out = self.bn3(self.conv3(F.relu(out)))
        return F.relu(out + self.downsample(x))


class _Level(nn.Module):
    """Doubles the size, joins the encoder's features of that size, and convolves.

    Args:
        above: Channels of the coarser level.
        larger: Channels of it after its size is doubled.
        skip: Channels of the encoder's features.
        outputs: Channels after the convolutions.
        is_deep: Whether there are two of them, not one.
        attends: Whether self-attention follows.
    """

    def __init__(
        self, above: int, larger: int, skip: int, outputs: int, *, is_deep: bool, attends: bool
    ) -> None:
        super().__init__()
        self.channels, self.is_deep = outputs, is_deep
        self.shuf = _PixelShuffle(above, larger)
        self.bn = nn.BatchNorm2d(skip)
        last = _convolution(outputs if is_deep else larger + skip, outputs)
        if attends:
            last.append(_SelfAttention(outputs))
        if is_deep:
            self.conv1, self.conv2 = _convolution(larger + skip, outputs), last
        else:
            self.conv = last

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Go from (N, above, h, w) to (N, outputs, H, W), the size of `skip` (N, C, H, W)."""
        height, width = skip.shape[2:]
        larger = self.shuf(x)[:, :, :height, :width]  # one more if the encoder halved an odd size
        x = F.relu(torch.cat([larger, self.bn(skip)], dim=1))
        out: Tensor = self.conv2(self.conv1(x)) if self.is_deep else self.conv(x)
        return out


class _PixelShuffle(nn.Module):
    """Doubles the size of (N, inputs, h, w) by pixel shuffle, with `outputs` channels.

    It starts as a nearest neighbor (ICNR, Aitken et al. 2017, arXiv 1707.02937), and a 2x2 blur
    removes the checkerboard that training brings back (Sugawara et al. 2018, arXiv 1806.02658). The
    last one of the network is normalized by weight (Salimans and Kingma 2016, arXiv 1602.07868).
    """

    def __init__(self, inputs: int, outputs: int, *, is_last: bool = False) -> None:
        super().__init__()
        convolution = nn.Conv2d(inputs, 4 * outputs, 1, bias=is_last)
        with torch.no_grad():
            convolution.weight.copy_(convolution.weight[::4].repeat_interleave(4, dim=0))
        self.conv = (
            nn.Sequential(weight_norm(convolution))
            if is_last
            else nn.Sequential(spectral_norm(convolution), nn.BatchNorm2d(4 * outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.pixel_shuffle(F.relu(self.conv(x)), 2)
        return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, 1)


class _SelfAttention(nn.Module):
    """Self-attention as in fastai: SAGAN's without the last projection, and not scaled.

    The softmax runs over the queries instead of the keys, which comes to exchanging the two.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (
            spectral_norm(nn.Conv1d(channels, outputs, 1, bias=False))
            for outputs in (channels // 8, channels // 8, channels)
        )
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Attend from every location of (N, C, H, W) to all others."""
        places = x.flatten(2)
        key, query, value = (
            part(places).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return x + self.gamma * mixed.transpose(1, 2).reshape(x.shape)


class _Residual(nn.Module):
    """Two convolutions with ReLU, added to what they see."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        convolutions = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.layers = nn.Sequential(
            *(nn.Sequential(spectral_norm(each), nn.ReLU(inplace=True)) for each in convolutions)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layers(x)
        return out


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(outputs),
    )


def _replace_luma(rgb: Tensor, gray: Tensor) -> Tensor:
    """Give sRGB (N, 3, H, W) the luma of gray (N, 3, H, W), with the constants of OpenCV's Y'UV."""
    red, green, blue = rgb.chunk(3, dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    u, v = 0.492 * (blue - luma), (0.877 * (red - luma)).clamp(_MIN_V, _MAX_V)
    offset = torch.cat([1.140 * v, -0.395 * u - 0.581 * v, 2.032 * u], dim=1)
    return gray + offset


def _srgb_to_ab(rgb: Tensor) -> Tensor:
    """Convert sRGB (N, 3, H, W) in 0..1 to a*b* (N, 2, H, W)."""
    bright = ((rgb.clamp_min(0) + 0.055) / 1.055) ** 2.4
    linear = torch.where(rgb > 0.04045, bright, rgb / 12.92)
    matrix = linear.new_tensor(RGB_TO_XYZ_OVER_WHITE)[:, :, None, None]
    xyz = torch.stack([(row * linear).sum(dim=1) for row in matrix], dim=1)
    roots = torch.where(xyz > EPSILON, xyz.clamp_min(EPSILON) ** (1 / 3), (KAPPA * xyz + 16) / 116)
    x, y, z = roots.chunk(3, dim=1)
    return torch.cat([500 * (x - y), 200 * (y - z)], dim=1)
