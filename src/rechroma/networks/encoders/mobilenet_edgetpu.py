"""MobileNetEdgeTPU 1.0 as an encoder (Xiong et al. 2020, arXiv 2004.14525; Howard and Gupta 2019).

Its first blocks expand by a dense 3x3 convolution instead of a pointwise and a depthwise one, which
processors with wide vector units run faster; all activations are plain ReLU. The parameter names
are `convs.N.conv.*` and `convs.N.bn.*`, in the order of the convolutions.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.networks.encoders.base import Encoder
from rechroma.networks.layers.blocks import SameConv2d

_HALF = (0.5, 0.5, 0.5)  # trained on RGB in -1..1


class _Plan(NamedTuple):
    """A block: kernel, stride, channels inside and after, dense or depthwise, with a shortcut."""

    kernel: int
    stride: int
    wide: int
    outputs: int
    dense: bool
    shortcut: bool


_BLOCKS = (
    _Plan(3, 2, 128, 32, dense=True, shortcut=False),
    *[_Plan(3, 1, 128, 32, dense=True, shortcut=True)] * 3,
    _Plan(3, 2, 256, 48, dense=True, shortcut=False),
    *[_Plan(3, 1, 192, 48, dense=True, shortcut=True)] * 3,
    _Plan(3, 2, 384, 96, dense=False, shortcut=False),
    *[_Plan(3, 1, 384, 96, dense=False, shortcut=True)] * 3,
    _Plan(3, 1, 768, 96, dense=False, shortcut=False),
    *[_Plan(3, 1, 384, 96, dense=False, shortcut=True)] * 3,
    _Plan(5, 2, 768, 160, dense=False, shortcut=False),
    *[_Plan(5, 1, 640, 160, dense=False, shortcut=True)] * 3,
    _Plan(3, 1, 1280, 192, dense=False, shortcut=False),
)
_STEM, _HEAD = 32, 1280


class MobileNetEdgeTPU(Encoder):
    """Features of MobileNetEdgeTPU 1.0 at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size."""

    channels = (16, 32, 48, 96, _HEAD)

    def __init__(self) -> None:
        super().__init__(_HALF, _HALF)
        inputs = self.channels[0]
        convolutions = [
            _Convolution(3, _STEM, 3, stride=2),
            _Convolution(_STEM, inputs, 1, active=False),
        ]
        for kernel, stride, wide, outputs, dense, _ in _BLOCKS:
            narrow = _Convolution(wide, outputs, 1, active=False)
            if dense:
                convolutions.append(_Convolution(inputs, wide, kernel, stride=stride))
            else:
                depthwise = _Convolution(wide, wide, kernel, stride=stride, groups=wide)
                convolutions += [_Convolution(inputs, wide, 1), depthwise]
            convolutions.append(narrow)
            inputs = outputs
        self.convs = nn.ModuleList([*convolutions, _Convolution(inputs, _HEAD, 1)])

    def features_of(self, normalized: Tensor) -> list[Tensor]:
        """Compute the features of images (N, 3, H, W), normalized as in training."""
        stem, narrow, *rest, head = self.convs
        x = narrow(stem(normalized))
        taps = []
        convolutions = iter(rest)
        for plan in _BLOCKS:
            if plan.stride == 2:
                taps.append(x)
            result = x
            for _ in range(2 if plan.dense else 3):
                result = next(convolutions)(result)
            x = x + result if plan.shortcut else result
        return [*taps, head(x)]


class _Convolution(nn.Module):
    """A convolution, batch normalization and, if active, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        active: bool = True,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.conv = SameConv2d(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return F.relu(x) if self.active else x
