"""Self-attention as in SAGAN (Zhang et al. 2019, arXiv 1805.08318)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class SelfAttention(nn.Module):
    """The identity at the start, then as much of what other places hold as `share` says.

    All its convolutions have spectral normalization.

    Args:
        channels: Of the features (N, C, H, W) in and out; a multiple of 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inside = channels // 4
        self.query, self.key, self.value = (
            spectral_norm(nn.Conv2d(channels, inside, 1)) for _ in range(3)
        )
        self.out = spectral_norm(nn.Conv2d(inside, channels, 1))
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Let every place of (N, C, H, W) look at all others."""
        # One head, as an axis of its own, for the exporter's sake.
        query, key, value = (
            part(x).flatten(2).transpose(1, 2)[:, None]
            for part in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(2, 3)
        out: Tensor = self.out(mixed.reshape(x.shape[0], -1, *x.shape[2:]))
        return x + self.share * out
