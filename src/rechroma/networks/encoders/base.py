"""The interface of pretrained recognition networks that serve as encoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of ImageNet's RGB in 0..1
IMAGENET_STD = (0.229, 0.224, 0.225)

_LINEAR_BELOW = 8.0  # CIE L*, below which it is linear in luminance
_SRGB_LINEAR_BELOW = 0.0031308  # luminance, likewise of the sRGB curve


def gray(lightness: Tensor) -> Tensor:
    """Scale lightness (N, 1, H, W) in 0..100 to gray RGB (N, 3, H, W) in 0..1."""
    return (lightness / 100).expand(-1, 3, -1, -1)


def srgb_gray(lightness: Tensor) -> Tensor:
    """Convert lightness (N, 1, H, W) in 0..100 to sRGB (N, 3, H, W) in 0..1 of that gray.

    Encoders that were trained on photographs saw these values; :func:`gray` is an approximation.
    """
    luminance = torch.where(
        lightness > _LINEAR_BELOW, ((lightness + 16) / 116) ** 3, lightness * (27 / 24389)
    )
    curve = 1.055 * luminance.clamp_min(_SRGB_LINEAR_BELOW) ** (1 / 2.4) - 0.055
    encoded = torch.where(luminance > _SRGB_LINEAR_BELOW, curve, 12.92 * luminance)
    return encoded.expand(-1, 3, -1, -1)


class Encoder(nn.Module, ABC):
    """Maps RGB (N, 3, H, W) in 0..1 to features, finest first, each half as large as the last.

    Batch normalization always uses the published statistics: a small batch would shift them, and a
    converged encoder gains nothing from it.

    Attributes:
        channels: Of the features, finest first.
        head_channels: Of :meth:`pooled_head`; 0 stands for those of the coarsest features.
        tolerates_int8: Whether the export may round its weights to int8. Without normalization
            layers, which absorb the error of a channel, rounding causes wrong colors.
    """

    channels: tuple[int, ...]
    head_channels: int = 0
    tolerates_int8: bool = True
    mean: Tensor
    std: Tensor

    def __init__(
        self, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @abstractmethod
    def features_of(self, normalized: Tensor) -> list[Tensor]:
        """Compute the features of images (N, 3, H, W), normalized as in training."""

    def forward(self, image: Tensor) -> list[Tensor]:
        """Compute features of RGB (N, 3, H, W) in 0..1, finest first; H and W multiples of 32."""
        return self.features_of(self.normalize(image))

    def normalize(self, image: Tensor) -> Tensor:
        """Normalize RGB (N, 3, H, W) in 0..1 by the mean and deviation of the training images."""
        return (image - self.mean) / self.std

    def pooled_head(self, bottleneck: Tensor) -> Tensor:
        """Pool the coarsest features (N, C, h, w) to one vector (N, head_channels) per image."""
        return bottleneck.mean(dim=(2, 3))

    def train(self, mode: bool = True) -> Self:
        """Switch the mode; batch normalization stays in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self
