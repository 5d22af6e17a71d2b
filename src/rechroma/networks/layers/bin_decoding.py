"""From scores of color bins to probabilities and to a color.

ONNX Runtime's own softmax over channels takes longer than a small network; a sum by convolution
takes next to nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def probabilities(logits: Tensor) -> Tensor:
    """The softmax (N, Q, h, w) of logits of that shape, over the bins."""
    logits = logits.float()
    shares = torch.exp(logits - logits.amax(dim=1, keepdim=True))
    return shares / F.conv2d(shares, torch.ones_like(shares[:1, :, :1, :1]))


def annealed_mean(logits: Tensor, centers: Tensor, temperature: float) -> Tensor:
    """The mean color of the bins after sharpening their probabilities (Zhang 2016, eq. 5).

    Args:
        logits: (N, Q, h, w).
        centers: (Q, 2) a*b* of the bins.
        temperature: 1 gives the plain mean, towards 0 the mode.

    Returns:
        (N, 2, h, w) a*b*.
    """
    logits = logits.float()
    shares = torch.exp((logits - logits.amax(dim=1, keepdim=True)) / temperature)
    weights = torch.cat([centers, torch.ones_like(centers[:, :1])], dim=1)
    sums = F.conv2d(shares, weights.T[:, :, None, None])
    return sums[:, :2] / sums[:, 2:]
