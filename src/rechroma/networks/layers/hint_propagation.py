"""Propagation of color hints by learned similarity (compare scribbles, Levin et al. 2004).

Each location is a mixture of two experts: the network's own prediction, and the hints. The odds of
the hints fall with their distance to the location in a learned space of features and position. The
hints are weighted by a sharp softmax over these distances, so the nearest one dominates. At its own
location a hint gets nearly all of the weight. Without hints the mixture is the prediction alone.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.networks.layers.bin_decoding import probabilities

_MAX_HINTS = 256  # hinted locations in use; of more, those covered most, ties broken at random
_COMPETITION = 8.0  # sharpness of the competition between hints, relative to their odds
_PIN_WEIGHT = 1e4  # odds of a hint at its own location: it determines the color there
_UNHINTED_DISTANCE = 1e3  # of the padding in batches whose images have different numbers of hints
_EMBEDDING = 24  # length of the learned features that are compared
_BIN_SIGMA = 5.0  # of a hint's color over the bins, as of the soft labels (Zhang 2016)
_POSITION_UNIT = 256.0  # pixels of the input to a unit of position


class HintPropagation(nn.Module):
    """Mix hints into a prediction.

    Args:
        channels: Of the features that similarity is learned from.
        centers: (Q, 2) a*b* of the bins.
        cell: Side of the input square that a location covers, in pixels.
    """

    centers: Tensor

    def __init__(self, channels: int, centers: Tensor, cell: int = 4) -> None:
        super().__init__()
        self.cell = cell
        self.register_buffer("centers", centers.clone(), persistent=False)
        self.features = nn.Conv2d(channels, _EMBEDDING, 1)
        self.nearness = nn.Parameter(torch.tensor(2.0))  # weight of distance in position
        self.certainty = nn.Parameter(torch.tensor(3.0))  # log-odds of a hint at its own location

    def forward(
        self, x: Tensor, logits: Tensor, ab: Tensor, hints: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Mix hints into a prediction.

        Args:
            x: (N, C, h, w) features of every location.
            logits: (N, Q, h, w) of the bins, as the network predicts them.
            ab: (N, 2, h, w) a*b*, likewise.
            hints: (N, 3, cell * h, cell * w) a*, b* and mask.

        Returns:
            Logits and a*b* of the mixture, and the weight (N, 1, h, w) of the hints in it, 0..1.
            The weight is None in a training batch without hints.
        """
        if self.training and not hints[:, 2].any():
            return logits, ab, None  # propagation costs more than the rest of the network
        features = self.features(x).float()
        with torch.autocast(x.device.type, enabled=False):
            color, covered = pool_hints(hints.float(), self.cell)
            positions = _positions(covered) * (self.cell / _POSITION_UNIT)
            point = torch.cat([features, self.nearness * positions], dim=1)
            shares = probabilities(logits, self.centers)
            return _mixture(shares, ab.float(), self._spread(point, color, covered))

    def _spread(self, point: Tensor, color: Tensor, covered: Tensor) -> Tensor:
        """Sum the hints' bins, a*b* and 1 at every location by their odds: (N, Q + 3, h, w)."""
        chosen = _select(covered)
        hinted, colors, weight = (_gather(chosen, x) for x in (point, color, (covered > 0).float()))
        distance = _squared_distances(point.flatten(2), hinted) + _UNHINTED_DISTANCE * (1 - weight)
        pin_weight = _PIN_WEIGHT * weight * (_indices(covered)[:, :, None] == chosen)
        odds = (torch.exp(self.certainty - distance) + pin_weight).sum(dim=2, keepdim=True)
        nearest = distance.amin(dim=2, keepdim=True)
        shares = torch.exp(_COMPETITION * (nearest - distance)) + pin_weight
        shares = shares * odds / shares.sum(dim=2, keepdim=True)
        colors = colors.transpose(1, 2)
        ones = torch.ones_like(colors[..., :1])
        values = torch.cat([self._over_bins(colors), colors, ones], dim=2)
        return (shares @ values).transpose(1, 2).reshape(values.shape[0], -1, *point.shape[2:])

    def _over_bins(self, color: Tensor) -> Tensor:
        """Spread colors (N, K, 2) over the bins as probabilities (N, K, Q)."""
        squares = (color[:, :, None] - self.centers).square().sum(dim=3)
        nearness = torch.exp(-squares / (2 * _BIN_SIGMA**2)) + 1e-12
        return nearness / nearness.sum(dim=2, keepdim=True)


def _mixture(shares: Tensor, ab: Tensor, hinted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mix the network's prediction (odds 1) with the hints, which are multiplied by their odds."""
    bins, color, odds = hinted[:, :-3], hinted[:, -3:-1], hinted[:, -1:]
    return (
        torch.log(shares + bins + 1e-9),
        (ab + color) / (1 + odds),
        odds / (1 + odds),
    )


def pool_hints(hints: Tensor, cell: int) -> tuple[Tensor, Tensor]:
    """Pool hints to cells.

    Args:
        hints: (N, 3, H, W) a*, b* and mask.
        cell: Side of a cell in pixels.

    Returns:
        The mean a*b* (N, 2, H / cell, W / cell) of each cell's hints, and how much of the cell
        (N, 1, H / cell, W / cell) they cover, 0..1.
    """
    sums = F.avg_pool2d(hints * hints[:, 2:], cell)
    return sums[:, :2] / (sums[:, 2:] + 1e-6), sums[:, 2:]


def _positions(like: Tensor) -> Tensor:
    """Compute the row and column (N, 2, h, w) of every location."""
    ones = torch.ones_like(like)
    return torch.cat([ones.cumsum(dim=2), ones.cumsum(dim=3)], dim=1)


def _indices(locations: Tensor) -> Tensor:
    """Number the locations of (N, 1, h, w): (N, P)."""
    return torch.ones_like(locations.flatten(1)).cumsum(dim=1) - 1


def _select(covered: Tensor) -> Tensor:
    """Select up to `_MAX_HINTS` hinted locations by their numbers (N, 1, K).

    In cells of 4 pixels every drawn hint covers one location fully, and those come first. An image
    with fewer hints than another of the batch is padded with locations that have no hint.
    """
    tie_break = torch.sin(_indices(covered) * 12.9898)
    # No more than there are, also in the exported file: propagation takes a sixth of the network's
    # time. A tensor, because tracing would store an integer as a constant.
    count = cast("int", (covered > 0).flatten(1).sum(dim=1).amax(dim=0).clamp(1, _MAX_HINTS))
    return (covered.flatten(1) * (tie_break + 100)).topk(count, dim=1).indices[:, None]


def _gather(chosen: Tensor, values: Tensor) -> Tensor:
    """Gather `values` (N, C, h, w) at the chosen locations (N, 1, K): (N, C, K)."""
    return values.flatten(2).gather(2, chosen.expand(-1, values.shape[1], -1))


def _squared_distances(points: Tensor, others: Tensor) -> Tensor:
    """Compute the squared distances (N, P, K) between columns (N, C, P) and (N, C, K)."""
    crossed = points.transpose(1, 2) @ others
    squares = points.square().sum(dim=1)[:, :, None] + others.square().sum(dim=1)[:, None]
    return (squares - 2 * crossed).clamp_min(0)
