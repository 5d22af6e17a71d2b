"""What the networks have in common that give a*b* straight away: no bins, no hints."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from rechroma.networks.base import AB_UNIT, ColorizationNetwork, Prediction


class Regression(NamedTuple):
    """What such a network finds.

    Attributes:
        ab: (N, 2, h, w) in units of `AB_UNIT`.
        bottleneck: (N, C, ...) the coarsest features.
        classes: (N, K) logits of what the picture shows, where it has such a head.
    """

    ab: Tensor
    bottleneck: Tensor
    classes: Tensor | None = None


class RegressionNetwork(ColorizationNetwork):
    """Lightness in, a*b* out; hints are not heeded, and there are no bins."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centers", torch.zeros(0, 2), persistent=False)

    @abstractmethod
    def regress(self, lightness: Tensor) -> Regression:
        """What the network finds in lightness (N, 1, H, W) in 0..100."""

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:  # noqa: ARG002 - as all networks
        """Predict color; height and width must be multiples of the stride."""
        found = self.regress(lightness)
        ab = found.ab * AB_UNIT
        return Prediction(ab[:, :0], ab, found.bottleneck, found.classes)

    def chroma(self, prediction: Prediction) -> Tensor:
        """The a*b* (N, 2, h, w) of the prediction, as they are."""
        return prediction.ab.float()
