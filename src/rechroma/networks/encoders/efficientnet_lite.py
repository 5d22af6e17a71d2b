"""EfficientNet-Lite2 (Liu 2020; Tan and Le 2019, arXiv 1905.11946) as an encoder.

Batch normalization is folded into the convolutions once, as the published weights are converted
(`experiments/convert_efficientnet_lite.py`), so training and export see plain convolutions with a
bias. The parameter names are `stem.*`, `blocks.N.expand|depthwise|project.*` and `head.*`.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.networks.encoders.base import Encoder
from rechroma.networks.layers.blocks import SameConv2d

# expansion, channels, repeats, stride, kernel
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 3, 2, 3),
    (6, 48, 3, 2, 5),
    (6, 88, 4, 2, 3),
    (6, 120, 4, 1, 5),
    (6, 208, 5, 2, 5),
    (6, 352, 1, 1, 3),
)
_STEM = 32


class EfficientNetLite2(Encoder):
    """Features of EfficientNet-Lite2 at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size."""

    channels = (16, 24, 48, 120, 352)
    head_channels = 1280
    tolerates_int8 = False

    def __init__(self) -> None:
        super().__init__((127 / 255,) * 3, (128 / 255,) * 3)
        self.stem = SameConv2d(3, _STEM, 3, stride=2)
        self.blocks = nn.ModuleList()
        inputs = _STEM
        for expansion, outputs, repeats, stride, kernel in _STAGES:
            for repeat in range(repeats):
                step = 1 if repeat else stride
                self.blocks.append(_InvertedResidual(inputs, outputs, expansion, kernel, step))
                inputs = outputs
        self.head = nn.Conv2d(inputs, self.head_channels, 1)

    def features_of(self, normalized: Tensor) -> list[Tensor]:
        """Compute the features of images (N, 3, H, W), normalized as in training."""
        features, x = [], F.relu6(self.stem(normalized))
        for block in self.blocks:
            if block.stride == 2:
                features.append(x)
            x = block(x)
        return [*features, x]

    def pooled_head(self, bottleneck: Tensor) -> Tensor:
        """The 1,280 pooled features from which the published classifier reads the class."""
        return F.relu6(self.head(bottleneck)).mean(dim=(2, 3))


class _InvertedResidual(nn.Module):
    """Pointwise, depthwise, pointwise; without squeeze-and-excitation, which Lite leaves out."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.stride = stride
        self.expand = nn.Conv2d(inputs, wide, 1) if expansion > 1 else None
        self.depthwise = SameConv2d(wide, wide, kernel, stride=stride, groups=wide)
        self.project = nn.Conv2d(wide, outputs, 1)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else F.relu6(self.expand(x))
        result: Tensor = self.project(F.relu6(self.depthwise(wide)))
        return x + result if self.shortcut else result
