"""Convolutions, feature-wise modulation and global-feature fusion that several networks share."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (but for the stride), batch normalization and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class SameConv2d(nn.Conv2d):
    """A convolution that pads as TensorFlow's "SAME" does on even heights and widths.

    With stride 2 there is one row and one column more behind than before. The amounts are fixed by
    kernel and stride, so they are exact for every input that is a multiple of the total stride,
    also where its size is only known at run time.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel, odd.
        stride: 1 or 2.
        groups: As of :class:`torch.nn.Conv2d`.
        bias: Likewise.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        self.pad = (before, after) * 2 if before != after else None
        padding = 0 if self.pad else before
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, C, H, W) to (N, outputs, H / stride, W / stride)."""
        return super().forward(F.pad(x, self.pad) if self.pad else x)


class Fusion(nn.Module):
    """Fuse a global feature vector into every location (Iizuka et al. 2016, section 3.2).

    In the paper a vector is repeated over all locations, concatenated with the features and mixed
    by a 1x1 convolution. That is linear, so here both parts are convolved separately and added: the
    result is the same without the repeated vector, which would be large at a fine level.

    Args:
        channels: Of the features.
        vector: Length of the vector.
        outputs: Channels after the mixing.
    """

    def __init__(self, channels: int, vector: int, outputs: int) -> None:
        super().__init__()
        self.places = nn.Conv2d(channels, outputs, 1, bias=False)
        self.whole = nn.Linear(vector, outputs, bias=False)
        self.after = nn.Sequential(nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        """Mix (N, C, h, w) with (N, V) to (N, outputs, h, w)."""
        out: Tensor = self.after(self.places(x) + self.whole(vector)[:, :, None, None])
        return out


class FiLM(nn.Module):
    """Scale and shift every channel by a context vector; the identity at the start.

    Args:
        channels: Of the features.
        context: Length of the vector.
    """

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.dense = nn.Linear(context, 2 * channels)
        nn.init.zeros_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Modulate (N, C, h, w) by (N, K)."""
        scale, shift = self.dense(context)[:, :, None, None].chunk(2, dim=1)
        out: Tensor = x * (1 + scale) + shift
        return out
