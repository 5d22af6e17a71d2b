"""MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381) as an encoder.

The parameter names are those of torchvision's `features.*`, so that the published ImageNet weights
load strictly.
"""

from __future__ import annotations

from torch import Tensor, nn

from rechroma.networks.encoders.base import Encoder

# expansion, channels, repeats, stride: table 2 of the paper
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_TAPS = {1, 3, 6, 13, 17}  # the last block before each halving of the size


class MobileNetV2(Encoder):
    """Features of MobileNetV2 1.0 at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size."""

    channels = (16, 24, 32, 96, 320)

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_convolution(3, 32, 3, stride=2)]
        inputs = 32
        for expansion, outputs, repeats, stride in _STAGES:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                blocks.append(_InvertedResidual(inputs, outputs, step, expansion))
                inputs = outputs
        self.features = nn.Sequential(*blocks)

    def features_of(self, normalized: Tensor) -> list[Tensor]:
        """Compute the features of images (N, 3, H, W), normalized as in training."""
        taps, x = [], normalized
        for number, block in enumerate(self.features):
            x = block(x)
            if number in _TAPS:
                taps.append(x)
        return taps


class _InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        expand = [] if expansion == 1 else [_convolution(inputs, wide, 1)]
        self.conv = nn.Sequential(
            *expand,
            _convolution(wide, wide, 3, stride=stride, groups=wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv(x)
        return x + result if self.shortcut else result


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )
