"""The color conversions of :mod:`rechroma.color` in torch, differentiable."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rechroma.color.lab import EPSILON, KAPPA, RGB_TO_XYZ_OVER_WHITE, XYZ_OVER_WHITE_TO_RGB

_COS_30 = 0.8660
_MIN_ROOT = 1e-4  # below this the slope of a root would blow up the gradient


def rgb_to_lightness(rgb: Tensor) -> Tensor:
    """Convert sRGB (N, 3, H, W) in 0..1 to L* (N, 1, H, W) in 0..100."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    weights = linear.new_tensor(RGB_TO_XYZ_OVER_WHITE[1]).view(1, 3, 1, 1)
    luminance = (linear * weights).sum(dim=1, keepdim=True)
    root = luminance.clamp(min=EPSILON) ** (1 / 3)
    return torch.where(luminance > EPSILON, 116 * root - 16, KAPPA * luminance)


def lab_to_srgb(lightness: Tensor, ab: Tensor) -> Tensor:
    """Convert L* (N, 1, H, W) and a*b* (N, 2, H, W) to sRGB (N, 3, H, W), clipped to 0..1."""
    y = (lightness + 16) / 116
    roots = torch.cat([y + ab[:, :1] / 500, y, y - ab[:, 1:] / 200], dim=1)
    xyz = torch.where(roots**3 > EPSILON, roots**3, (116 * roots - 16) / KAPPA)
    to_linear = xyz.new_tensor(XYZ_OVER_WHITE_TO_RGB)
    linear = torch.einsum("ij,njhw->nihw", to_linear, xyz).clamp(0, 1)
    bright = 1.055 * linear.clamp(min=_MIN_ROOT) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, bright)


def colorize_luminance(chroma: Tensor, photograph: Tensor) -> Tensor:
    """Replace the chroma of photographs (N, 3, H, W), sRGB in 0..1, by a*b* (N, 2, h, w)."""
    # In bfloat16 gray would not stay gray, and a critic would recognize the network by that.
    with torch.autocast(chroma.device.type, enabled=False):
        larger = F.interpolate(chroma.float(), photograph.shape[2:], mode="bilinear")
        return lab_to_srgb(rgb_to_lightness(photograph), larger)


def colorfulness(rgb: Tensor) -> Tensor:
    """Compute the colorfulness (N,) of sRGB (N, 3, H, W) in 0..1 (Hasler 2003, M3, abs form)."""
    red, green, blue = (255 * rgb).unbind(dim=1)
    opponents = torch.stack([(red - green).abs(), ((red + green) / 2 - blue).abs()]).flatten(2)
    spread = (opponents.var(dim=2, correction=0).sum(dim=0) + _MIN_ROOT).sqrt()
    distance = (opponents.mean(dim=2).square().sum(dim=0) + _MIN_ROOT).sqrt()
    return spread + 0.3 * distance


def chroma_difference(ab: Tensor, true: Tensor) -> Tensor:
    """Compute the color difference (N, h, w) of a*b* (N, 2, h, w) at equal lightness.

    The formula of CIE94: the difference counts less along the chroma of vivid colors. CIEDE2000
    differs little from it but for blues, and its gradient is unsteady.
    """
    chroma, true_chroma = _norm(ab), _norm(true)
    along = chroma - true_chroma
    across = ((ab - true).square().sum(dim=1) - along.square()).clamp(min=0)
    parts = (along / (1 + 0.045 * true_chroma)) ** 2 + across / (1 + 0.015 * true_chroma) ** 2
    return (parts + _MIN_ROOT).sqrt()


def soft_hue_error(ab: Tensor, true: Tensor) -> Tensor:
    """Compute a differentiable form of 1 - hue hit of a*b* (N, 2, h, w), 0..1.

    Of the truly colorful locations, the share that is too pale or off by more than 30 degrees of
    hue; every octant of the true hue counts the same.
    """
    chroma, true_chroma = _norm(ab), _norm(true)
    cosine = (ab * true).sum(dim=1) / (chroma * true_chroma)
    hit = torch.sigmoid((chroma - 10) / 2) * torch.sigmoid((cosine - _COS_30) / 0.05)
    octant = ((torch.atan2(true[:, 1], true[:, 0]) / torch.pi + 1) * 4).long().clamp(0, 7)
    octant = torch.where(true_chroma >= 20, octant, 8).flatten()
    counts = torch.bincount(octant, minlength=9)[:8]
    sums = hit.new_zeros(9).index_add(0, octant, 1 - hit.flatten())[:8]
    present = counts > 0
    return (sums[present] / counts[present]).mean() if present.any() else hit.sum() * 0


def _norm(ab: Tensor) -> Tensor:
    return (ab.square().sum(dim=1) + _MIN_ROOT).sqrt()
