"""Self-attention over the locations of a feature map, in the forms of SAGAN and Transformers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_LONGEST_PERIOD = 10_000


class SelfAttention(nn.Module):
    """Single-head attention with spectral normalization (SAGAN, Zhang et al. 2019, 1805.08318).

    The attended features are added with the learned weight `share`, which is 0 at the start.

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
        """Attend from every location of (N, C, H, W) to all others."""
        # One head, as an axis of its own, for the exporter's sake.
        query, key, value = (
            part(x).flatten(2).transpose(1, 2)[:, None]
            for part in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(2, 3)
        out: Tensor = self.out(mixed.reshape(x.shape[0], -1, *x.shape[2:]))
        return x + self.share * out


class MultiHeadAttention(nn.Module):
    """Multi-head attention with a residual connection (Vaswani et al. 2017, arXiv 1706.03762).

    It is the identity at the start. There is no positional encoding: features of a convolutional
    encoder contain their position, and images of any size can be used.

    Args:
        channels: Of the features (N, C, H, W) in and out; a multiple of `heads`.
        heads: Number of heads.
        normalized: Whether each location is layer-normalized before it is projected.
    """

    def __init__(self, channels: int, heads: int, *, normalized: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels) if normalized else None
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        """Attend from every location of (N, C, H, W) to all others."""
        n, channels, height, width = x.shape
        seen = x if self.norm is None else self.norm(x.movedim(1, 3)).movedim(3, 1)
        folded = self.query_key_value(seen).reshape(n, 3, self.heads, channels // self.heads, -1)
        query, key, value = folded.transpose(3, 4).unbind(dim=1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(mixed.transpose(2, 3).reshape(n, channels, height, width))
        return x + out


def sine_positions(x: Tensor) -> Tensor:
    """Encode locations by sines and cosines of their row and column (DETR, arXiv 2005.12872).

    Rows and columns count from 0 to 2 pi over the whole height and width, so that the encoding of
    a place in the image does not depend on the size.

    Args:
        x: Features (N, C, H, W), of which only the shape counts; C is a multiple of 4.

    Returns:
        The encoding (H * W, C): half of the channels for the row, half for the column.
    """
    _, channels, height, width = x.shape
    pairs = torch.arange(channels // 4, device=x.device) / (channels // 4)
    frequencies = 2 * math.pi / _LONGEST_PERIOD**pairs

    def encode(count: int) -> Tensor:
        steps = torch.arange(1, count + 1, device=x.device) / (count + 1e-6)
        angles = steps[:, None] * frequencies
        return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)

    rows = encode(height)[:, None].expand(-1, width, -1)
    columns = encode(width)[None].expand(height, -1, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1)
