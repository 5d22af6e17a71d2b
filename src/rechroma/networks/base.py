"""What the training loop and the export ask of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Prediction(NamedTuple):
    """What a network says of a batch: bin logits (N, Q, h, w) and a*b* (N, 2, h, w)."""

    logits: Tensor
    ab: Tensor


class ColourNetwork(nn.Module, ABC):
    """Lightness (N, 1, H, W) in 0..100 in, a :class:`Prediction` out.

    Attributes:
        stride: Height and width of the lightness must be multiples of this.
        scale: The chroma is smaller than the lightness by this factor.
        centres: (Q, 2) a*b* of the colour bins.
        encoder: The part that starts from pretrained weights.
    """

    stride: int
    scale: int
    centres: Tensor
    encoder: nn.Module

    @abstractmethod
    def forward(self, lightness: Tensor) -> Prediction:
        """Predict from lightness (N, 1, H, W) in 0..100."""

    @abstractmethod
    def chroma(self, prediction: Prediction) -> Tensor:
        """Decode a prediction to a*b* (N, 2, H / scale, W / scale)."""
