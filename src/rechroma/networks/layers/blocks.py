"""Layers that several networks are made of."""

from __future__ import annotations

from torch import Tensor, nn


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (but for the stride), batch normalization and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Fusion(nn.Module):
    """Lets every place know what the whole picture shows (Iizuka et al. 2016, section 3.2).

    There a vector is repeated over all places, concatenated with the features and mixed by a 1x1
    convolution. That is linear, so it is done in two parts which are added: the same numbers
    without the repeated vector, which at a fine level would be larger than all the rest.

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
