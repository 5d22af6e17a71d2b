"""Learned upsampling by convex combination (RAFT, Teed and Deng 2020, arXiv 2003.12039).

Every fine location takes a weighted mean of the 3x3 coarse locations around it. The weights are
nonnegative and sum to 1, so no color appears that no neighbor has, and an edge can stay sharp where
bilinear interpolation would bleed.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FACTOR = 4
_NEIGHBORS = 9
_HIDDEN = 64
_LEAST = 1e-3  # weight at the start of a neighbor that bilinear interpolation leaves out


class ConvexUpsampler(nn.Module):
    """Enlarge a*b* from 1/8 to 1/2 of the size; close to bilinear at the start.

    Args:
        quarter: Channels of the encoder's features at 1/4 of the size.
        eighth: Likewise at 1/8.
    """

    neighborhood: Tensor

    def __init__(self, quarter: int, eighth: int) -> None:
        super().__init__()
        self.guide = nn.Sequential(
            nn.Conv2d(_FACTOR**2 + 4 * quarter + eighth, _HIDDEN, 3, padding=1, bias=False),
            nn.BatchNorm2d(_HIDDEN),
            nn.ReLU(inplace=True),
        )
        self.logits = nn.Conv2d(_HIDDEN, _NEIGHBORS * _FACTOR**2, 1)
        nn.init.zeros_(self.logits.weight)
        offsets = (torch.arange(_FACTOR) + 0.5) / _FACTOR - 0.5
        line = torch.stack([(-offsets).clamp_min(0), 1 - offsets.abs(), offsets.clamp_min(0)])
        bilinear = torch.einsum("ip,jq->ijpq", line, line).flatten()  # (9 * 16,), by neighbor
        self.logits.get_parameter("bias").data = bilinear.clamp_min(_LEAST).log()
        # A convolution by unit kernels fetches the neighbors: runtimes know no `unfold`.
        kernels = torch.eye(_NEIGHBORS).view(_NEIGHBORS, 1, 3, 3)
        self.register_buffer("neighborhood", kernels, persistent=False)

    def weights(self, lightness: Tensor, quarter: Tensor, eighth: Tensor) -> Tensor:
        """Predict the weights of the neighbors.

        Args:
            lightness: (N, 1, H, W) in 0..100.
            quarter: (N, C, H / 4, W / 4) features of the encoder.
            eighth: (N, C', H / 8, W / 8), likewise.

        Returns:
            (N, 9, 16, H / 8, W / 8): weights of the 9 neighbors for each of 4 x 4 fine locations.
        """
        fine = F.pixel_unshuffle(F.avg_pool2d(lightness, 2) / 100, _FACTOR)
        guide = torch.cat([fine, F.pixel_unshuffle(quarter, 2), eighth], dim=1)
        logits = self.logits(self.guide(guide)).float()
        logits = logits.unflatten(1, (_NEIGHBORS, _FACTOR**2))
        odds = torch.exp(logits - logits.amax(dim=1, keepdim=True))
        return odds / odds.sum(dim=1, keepdim=True)

    def forward(self, ab: Tensor, weights: Tensor) -> Tensor:
        """Enlarge a*b* (N, 2, h, w) to (N, 2, 4h, 4w) by :meth:`weights`."""
        padded = F.pad(ab, (1, 1, 1, 1), mode="replicate")
        planes = [F.conv2d(padded[:, [plane]], self.neighborhood) for plane in range(2)]
        fine = [(plane[:, :, None] * weights).sum(dim=1) for plane in planes]
        return F.pixel_shuffle(torch.cat(fine, dim=1), _FACTOR)
