"""Feature-wise linear modulation (FiLM, Perez et al. 2018, arXiv 1709.07871)."""

from __future__ import annotations

from torch import Tensor, nn


class FiLM(nn.Module):
    """Scale and shift every channel by a context vector; the identity at the start.

    Args:
        channels: Of the features.
        context: Length of the vector.
    """

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.dense = nn.Linear(context, 2 * channels)
        nn.init.zeros_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Modulate (N, C, h, w) by (N, K)."""
        scale, shift = self.dense(context)[:, :, None, None].chunk(2, dim=1)
        out: Tensor = x * (1 + scale) + shift
        return out
