"""The critic of adversarial training: a patch discriminator of colorized images.

Convolutions of stride 2 with spectral normalization (Miyato et al. 2018) and one block of self-
attention (Zhang et al. 2019, SAGAN); every place of the coarsest level gives its own logit.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from rechroma.networks.layers.attention import SelfAttention


class Critic(nn.Module):
    """RGB (N, 3, H, W) in 0..1 in, logits (N, 1, H / 16, W / 16) out: high for photographs.

    Args:
        width: Channels of the first level; each level has twice those of the one before.
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.fine = nn.Sequential(_halving(3, width), _halving(width, 2 * width))
        self.attention = SelfAttention(2 * width)
        self.coarse = nn.Sequential(
            _halving(2 * width, 4 * width),
            _halving(4 * width, 8 * width),
            spectral_norm(nn.Conv2d(8 * width, 1, 1)),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Judge images; H and W are multiples of 16."""
        out: Tensor = self.coarse(self.attention(self.fine(2 * image - 1)))
        return out


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(0.2, inplace=True)
    )
