"""What a prediction costs: rebalanced classification of colour, and regression of a*b*."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.color import REACH, nearest_bins, rebalancing_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rechroma.networks import Prediction
    from rechroma.training.recipe import Loss

_AB_UNIT = 20.0  # a*b* steps that cost one unit: about the chroma of a muted colour


class Cost(NamedTuple):
    """The loss to descend and its two parts."""

    total: Tensor
    bins: Tensor
    ab: Tensor


class ColourLoss(nn.Module):
    """Cross-entropy against soft bins, weighted for rare colours, plus Huber on a*b*.

    The classification follows Zhang et al. (2016), sections 2.1-2.2.

    Args:
        centres: (Q, 2) a*b* of the bins.
        prior: (Q,) how often each bin occurs in the training pictures.
        settings: Weights and widths.
    """

    bins: Tensor
    shares: Tensor
    class_weights: Tensor

    def __init__(
        self, centres: NDArray[np.float32], prior: NDArray[np.float32], settings: Loss
    ) -> None:
        super().__init__()
        bins, shares = nearest_bins(centres, settings.neighbours)
        weights = rebalancing_weights(prior, settings.uniform_share)
        self.register_buffer("bins", torch.from_numpy(bins))
        self.register_buffer("shares", torch.from_numpy(shares))
        self.register_buffer("class_weights", torch.from_numpy(weights))
        self.regression = settings.regression

    def forward(self, prediction: Prediction, chroma: Tensor) -> Cost:
        """Compare a prediction with the true a*b* (N, 2, h, w)."""
        bins = self._classification(prediction.logits, chroma)
        ab = F.huber_loss(prediction.ab / _AB_UNIT, chroma / _AB_UNIT)
        return Cost(bins + self.regression * ab, bins, ab)

    def _classification(self, logits: Tensor, chroma: Tensor) -> Tensor:
        rows = _table_rows(chroma)
        bins, shares = self.bins[rows], self.shares[rows]
        log_shares = F.log_softmax(logits.float(), dim=1).gather(1, bins.movedim(-1, 1))
        entropy = -(shares.movedim(-1, 1) * log_shares).sum(dim=1)
        return (self.class_weights[bins[..., 0]] * entropy).mean()


def _table_rows(chroma: Tensor) -> Tensor:
    """:func:`rechroma.color.table_index` of a*b* (N, 2, h, w), on the device where they are."""
    unit = chroma.round().clamp(-REACH, REACH).long() + REACH
    return unit[:, 0] * (2 * REACH + 1) + unit[:, 1]
