"""Color science in numpy and OpenCV: L*a*b*, gamut mapping, ab bins, colorfulness."""

from __future__ import annotations

from rechroma.color.bins import (
    REACH,
    TABLE_ROWS,
    bin_centers,
    bin_counts,
    dominant_chroma,
    nearest_bins,
    rebalancing_weights,
    smooth_prior,
    table_index,
)
from rechroma.color.colorfulness import colorfulness, colorfulness_abs
from rechroma.color.gamut import map_to_gamut
from rechroma.color.lab import lab_to_srgb, lightness, luminance, srgb_to_lab

__all__ = [
    "REACH",
    "TABLE_ROWS",
    "bin_centers",
    "bin_counts",
    "colorfulness",
    "colorfulness_abs",
    "dominant_chroma",
    "lab_to_srgb",
    "lightness",
    "luminance",
    "map_to_gamut",
    "nearest_bins",
    "rebalancing_weights",
    "smooth_prior",
    "srgb_to_lab",
    "table_index",
]
