"""Colors that the user fixed, spread over the places that look like theirs.

What a place shows is taken for a mixture: either it is what the network thinks of it, or it is as
the hints say. How likely a hint is right for a place falls with the distance of the two in a
learned space of features and position; of hints that disagree, the nearest in that space counts the
most, and at its own place a hint is law. Without hints the mixture is the network alone. (An idea
near to the propagation of scribbles by likeness, Levin et al. 2004, with features that are
learned.)
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.networks.layers.bin_decoding import probabilities

_MOST = 256  # places from which hints spread; of more, those covered best, and then by lot
_RIVALRY = 8.0  # how much faster than its likelihood a hint's say among others falls with distance
_LAW = 1e4  # odds of a hint at its own place
_FAR = 1e3  # distance of a place where nothing is fixed
_FEATURES = 24
_SPREAD = 5.0  # of a fixed color over the bins, as of the targets in training (Zhang 2016)
_UNIT = 256.0  # pixels of the input to a unit of position


class Propagation(nn.Module):
    """Mixes hints into a prediction.

    Args:
        channels: Of the features that likeness is learned from.
        centers: (Q, 2) a*b* of the bins.
        cell: Pixels of the input in one place, to each side.
    """

    centers: Tensor

    def __init__(self, channels: int, centers: Tensor, cell: int = 4) -> None:
        super().__init__()
        self.cell = cell
        self.register_buffer("centers", centers.clone(), persistent=False)
        self.features = nn.Conv2d(channels, _FEATURES, 1)
        self.nearness = nn.Parameter(torch.tensor(2.0))  # weight of distance in position
        self.certainty = nn.Parameter(torch.tensor(3.0))  # log-odds of a hint at its own place

    def forward(
        self, x: Tensor, logits: Tensor, ab: Tensor, hints: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Mix hints into a prediction.

        Args:
            x: (N, C, h, w) features of every place.
            logits: (N, Q, h, w) of the bins, as the network thinks.
            ab: (N, 2, h, w) a*b*, likewise.
            hints: (N, 3, cell * h, cell * w) a*, b* and mask.

        Returns:
            Logits and a*b* of the mixture, and the share (N, 1, h, w) that the hints have in it.
        """
        if self.training and not hints[:, 2].any():
            return logits, ab, None  # what follows would cost more than all the rest
        features = self.features(x).float()
        with torch.autocast(x.device.type, enabled=False):
            color, covered = pool_hints(hints.float(), self.cell)
            positions = _positions(covered) * (self.cell / _UNIT)
            point = torch.cat([features, self.nearness * positions], dim=1)
            return _mixture(logits.float(), ab.float(), self._spread(point, color, covered))

    def _spread(self, point: Tensor, color: Tensor, covered: Tensor) -> Tensor:
        """What the hints say at every place, times their odds: (N, Q + 3, h, w)."""
        chosen = _chosen(covered)
        there, given, weight = (_at(chosen, x) for x in (point, color, (covered > 0).float()))
        distance = _squared_distances(point.flatten(2), there) + _FAR * (1 - weight)
        law = _LAW * weight * (_numbers(covered)[:, :, None] == chosen)
        odds = (torch.exp(self.certainty - distance) + law).sum(dim=2, keepdim=True)
        nearest = distance.amin(dim=2, keepdim=True)
        say = torch.exp(_RIVALRY * (nearest - distance)) + law
        say = say * odds / say.sum(dim=2, keepdim=True)
        given = given.transpose(1, 2)
        said = torch.cat([self._over_bins(given), given, torch.ones_like(given[..., :1])], dim=2)
        return (say @ said).transpose(1, 2).reshape(said.shape[0], -1, *point.shape[2:])

    def _over_bins(self, color: Tensor) -> Tensor:
        """Colors (N, K, 2) as probabilities of the bins (N, K, Q)."""
        squares = (color[:, :, None] - self.centers).square().sum(dim=3)
        nearness = torch.exp(-squares / (2 * _SPREAD**2)) + 1e-12
        return nearness / nearness.sum(dim=2, keepdim=True)


def _mixture(logits: Tensor, ab: Tensor, hinted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The network's view, of odds 1, and what the hints say, already times their odds."""
    bins, color, odds = hinted[:, :-3], hinted[:, -3:-1], hinted[:, -1:]
    return (
        torch.log(probabilities(logits) + bins + 1e-9),
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
    """Row and column (N, 2, h, w) of every place."""
    ones = torch.ones_like(like)
    return torch.cat([ones.cumsum(dim=2), ones.cumsum(dim=3)], dim=1)


def _numbers(places: Tensor) -> Tensor:
    """The number (N, P) of each of the places (N, 1, h, w)."""
    return torch.ones_like(places.flatten(1)).cumsum(dim=1) - 1


def _chosen(covered: Tensor) -> Tensor:
    """The numbers (N, 1, K) of up to `_MOST` fixed places.

    Every drawn hint covers one place whole, so those come first. Where fewer are fixed in a picture
    than in another of the batch, or none at all, places that are not come with them.
    """
    lots = torch.sin(_numbers(covered) * 12.9898)
    # As few as there are, also in the exported file: what follows is a sixth of the network's time.
    most = (covered > 0).flatten(1).sum(dim=1).amax(dim=0)
    count = cast("int", most.clamp(1, _MOST).item())
    return (covered.flatten(1) * (lots + 100)).topk(count, dim=1).indices[:, None]


def _at(chosen: Tensor, values: Tensor) -> Tensor:
    """What `values` (N, C, h, w) hold at the chosen places (N, 1, K): (N, C, K)."""
    return values.flatten(2).gather(2, chosen.expand(-1, values.shape[1], -1))


def _squared_distances(points: Tensor, others: Tensor) -> Tensor:
    """Between columns (N, C, P) and (N, C, K): (N, P, K)."""
    crossed = points.transpose(1, 2) @ others
    squares = points.square().sum(dim=1)[:, :, None] + others.square().sum(dim=1)[:, None]
    return (squares - 2 * crossed).clamp_min(0)
