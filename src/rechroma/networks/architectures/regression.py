"""The base of networks that regress a*b* directly, without bins and hints."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from rechroma.networks.base import AB_UNIT, ColorizationNetwork, Prediction


class Regression(NamedTuple):
    """The raw outputs of a regression network.

    Attributes:
        ab: (N, 2, h, w) in units of `AB_UNIT`.
        bottleneck: (N, C, ...) the coarsest features.
        classes: (N, K) logits of the image's class, where it has such a head.
    """

    ab: Tensor
    bottleneck: Tensor
    classes: Tensor | None = None


class RegressionNetwork(ColorizationNetwork):
    """Lightness in, a*b* out; hints have no effect, and there are no bins."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centers", torch.zeros(0, 2), persistent=False)

    @abstractmethod
    def regress(self, lightness: Tensor) -> Regression:
        """Regress a*b* from lightness (N, 1, H, W) in 0..100."""

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:  # noqa: ARG002 - as all networks
        """Predict color; height and width must be multiples of the stride."""
        outputs = self.regress(lightness)
        ab = outputs.ab * AB_UNIT
        return Prediction(ab[:, :0], ab, outputs.bottleneck, outputs.classes)

    def chroma(self, prediction: Prediction) -> Tensor:
        """Return the regressed a*b* (N, 2, h, w)."""
        return prediction.ab.float()
