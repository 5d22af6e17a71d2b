"""A critic that tells painted pictures from photographs, for the adversarial stage of training.

Convolutions of stride 2 with spectral normalisation (Miyato et al. 2018) and one block of self-
attention (Zhang et al. 2019, SAGAN); every place of the coarsest level gives its own opinion.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Critic(nn.Module):
    """RGB (N, 3, H, W) in 0..1 in, opinions (N, 1, H / 16, W / 16) out: high is a photograph.

    Args:
        width: Channels of the first level; each level has twice those of the one before.
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.fine = nn.Sequential(_halving(3, width), _halving(width, 2 * width))
        self.attention = _Attention(2 * width)
        self.coarse = nn.Sequential(
            _halving(2 * width, 4 * width),
            _halving(4 * width, 8 * width),
            spectral_norm(nn.Conv2d(8 * width, 1, 1)),
        )

    def forward(self, picture: Tensor) -> Tensor:
        """Opinions about pictures; H and W multiples of 16."""
        out: Tensor = self.coarse(self.attention(self.fine(2 * picture - 1)))
        return out


class _Attention(nn.Module):
    """SAGAN's block: the identity at the start, then as much of the others as `share` says."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inside = channels // 4
        self.query, self.key, self.value = (
            spectral_norm(nn.Conv2d(channels, inside, 1)) for _ in range(3)
        )
        self.out = spectral_norm(nn.Conv2d(inside, channels, 1))
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part(x).flatten(2).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        out: Tensor = self.out(mixed.reshape(x.shape[0], -1, *x.shape[2:]))
        return x + self.share * out


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(0.2, inplace=True)
    )
