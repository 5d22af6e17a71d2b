"""Decoding of color-bin logits to probabilities and to a*b*.

ONNX Runtime's own softmax over channels takes longer than a small network; a sum by convolution
takes next to nothing.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from rechroma.color import REACH


class Decoding(Protocol):
    """The options of :func:`decode` in a network's configuration.

    Attributes:
        temperature: Annealing of the bins, above 0: 1 gives their mean (safe), towards 0 their
            mode (vivid).
        regression_share: How much of the chroma comes from the regression head, 0..1.
        saturation: Factor on the chroma. Both heads hedge, and the mean of several possible colors
            is paler than each of them.
    """

    @property
    def temperature(self) -> float: ...  # noqa: D102
    @property
    def regression_share(self) -> float: ...  # noqa: D102
    @property
    def saturation(self) -> float: ...  # noqa: D102


def probabilities(logits: Tensor, centers: Tensor) -> Tensor:
    """The softmax (N, Q, h, w) of logits of that shape, over the bins with `centers` (Q, 2)."""
    odds = _odds(logits)
    return odds / F.conv2d(odds, torch.ones_like(centers[:, :1]).T[:, :, None, None])


def annealed_mean(logits: Tensor, centers: Tensor, temperature: float) -> Tensor:
    """The mean color of the bins after sharpening their probabilities (Zhang 2016, eq. 5).

    Args:
        logits: (N, Q, h, w).
        centers: (Q, 2) a*b* of the bins.
        temperature: 1 gives the plain mean, towards 0 the mode.

    Returns:
        (N, 2, h, w) a*b*.
    """
    weights = torch.cat([centers, torch.ones_like(centers[:, :1])], dim=1)
    sums = F.conv2d(_odds(logits, temperature), weights.T[:, :, None, None])
    return sums[:, :2] / sums[:, 2:]


def decode(
    logits: Tensor, ab: Tensor, hint_weight: Tensor | None, centers: Tensor, config: Decoding
) -> Tensor:
    """Mix the annealed mean of the bins with the regressed a*b*.

    The saturation factor applies to the predicted chroma, not to that of hints.

    Args:
        logits: (N, Q, h, w) of the bins.
        ab: (N, 2, h, w) regressed; values beyond +-110, which no sRGB color has, are clipped.
        hint_weight: (N, 1, h, w) how much of the color comes from hints, 0..1; None for nothing.
        centers: (Q, 2) a*b* of the bins.
        config: Temperature, shares and factor.

    Returns:
        (N, 2, h, w) a*b*.
    """
    annealed = annealed_mean(logits, centers, config.temperature)
    # Nothing bounds the regression head, and a single place far off would show as a stain.
    mixed = torch.lerp(annealed, ab.float().clamp(-REACH, REACH), config.regression_share)
    own = config.saturation
    return mixed * (own + (1 - own) * (0.0 if hint_weight is None else hint_weight))


def _odds(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Exponentiate logits, with a maximum of 1 at each location so that none overflows."""
    logits = logits.float()
    return torch.exp((logits - logits.amax(dim=1, keepdim=True)) / temperature)
