"""ResNet-50 with pre-activation (He et al. 2016, arXiv 1603.05027) as an encoder, without stage 4.

The last stage holds most of the weights and sees 32 times coarser; color needs neither. The
parameter names are `bn_in`, `conv0`, `bn0` and `stages.S.B.*`; the stride sits in `conv2`.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.networks.encoders.base import Encoder

_STAGES = ((64, 256, 3, 1), (128, 512, 4, 2), (256, 1024, 6, 2))  # inside, after, blocks, stride
_STEM = 64


class ResNet50(Encoder):
    """Features of ResNet-50 v2 at 1/2, 1/4, 1/8 and 1/16 of the size."""

    channels = (_STEM, 256, 512, 1024)

    def __init__(self) -> None:
        super().__init__()
        self.bn_in = nn.BatchNorm2d(3)
        self.conv0 = nn.Conv2d(3, _STEM, 7, 2, 3, bias=False)
        self.bn0 = nn.BatchNorm2d(_STEM)
        inputs = _STEM
        self.stages = nn.ModuleList()
        for inside, outputs, blocks, stride in _STAGES:
            first = _Bottleneck(inputs, inside, outputs, stride)
            rest = [_Bottleneck(outputs, inside, outputs) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(first, *rest))
            inputs = outputs

    def features_of(self, normalized: Tensor) -> list[Tensor]:
        """Compute the features of images (N, 3, H, W), normalized as in training."""
        x = F.relu(self.bn0(self.conv0(self.bn_in(normalized))))
        taps = [x]
        x = F.max_pool2d(x, 3, 2, 1)
        for stage in self.stages:
            x = stage(x)
            taps.append(x)
        return taps


class _Bottleneck(nn.Module):
    def __init__(self, inputs: int, inside: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, inside, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.conv2 = nn.Conv2d(inside, inside, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(inside)
        self.conv3 = nn.Conv2d(inside, outputs, 1, bias=False)
        changes = stride != 1 or inputs != outputs
        self.downsample = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(active)
        inside = F.relu(self.bn2(self.conv1(active)))
        out: Tensor = self.conv3(F.relu(self.bn3(self.conv2(inside))))
        return shortcut + out
