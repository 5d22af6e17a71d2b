"""Square crops of images, the chroma of a crop averaged over cells, and random hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color import srgb_to_lab

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from rechroma.color.lab import Float

MAX_PATCH = 9  # pixels
_MAX_HINTS = 64


def random_crop(
    rgb: NDArray[np.uint8], size: int, min_area: float, rng: Generator, *, mirror: bool = True
) -> NDArray[np.uint8]:
    """Take a square crop at a random position and resize it.

    Args:
        rgb: (H, W, 3) sRGB.
        size: Side of the result in pixels.
        min_area: Smallest share of the largest square's area to crop, 0..1; 1 always takes the
            whole short side.
        rng: Draws area, position and mirroring.
        mirror: Mirror half of the crops.

    Returns:
        (size, size, 3) sRGB.
    """
    height, width = rgb.shape[:2]
    side = max(2, round(min(height, width) * np.sqrt(rng.uniform(min_area, 1))))
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    crop = rgb[top : top + side, left : left + side]
    shrink = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    scaled = cv2.resize(crop, (size, size), interpolation=shrink)
    flip = mirror and rng.random() < 0.5
    return np.ascontiguousarray(scaled[:, ::-1] if flip else scaled, np.uint8)


def downsample_chroma(rgb: NDArray[np.uint8], scale: int) -> NDArray[np.float32]:
    """Compute the mean a*b* of every scale x scale cell, (2, H / scale, W / scale)."""
    return average_cells(srgb_to_lab(rgb)[..., 1:], scale)


def average_cells(chroma: Float, scale: int) -> Float:
    """Average a*b* (H, W, 2) over scale x scale cells, (2, H / scale, W / scale)."""
    height, width = chroma.shape[:2]
    small = cv2.resize(chroma, (width // scale, height // scale), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.moveaxis(small, -1, 0), np.float32)


def random_hints(chroma: Float, count: int, rng: Generator) -> Float:
    """Draw hints (3, H, W) from true a*b* (H, W, 2): a*, b* and a 0/1 mask.

    As in Zhang et al. (2017, "Real-time user-guided image colorization"), most are near the middle,
    and each is a small square of the mean color under it.
    """
    hints = np.zeros((3, *chroma.shape[:2]), np.float32)
    for _ in range(count):
        patch = int(rng.integers(1, MAX_PATCH + 1))
        spans = []
        for side in chroma.shape[:2]:
            middle = rng.normal(side / 2, side / 4)
            start = int(np.clip(round(middle - patch / 2), 0, max(0, side - patch)))
            spans.append(slice(start, start + patch))
        rows, columns = spans
        hints[:2, rows, columns] = chroma[rows, columns].mean(axis=(0, 1))[:, None, None]
        hints[2, rows, columns] = 1
    return hints


def random_count(rng: Generator) -> int:
    """Draw a number of hints, 1 to 64, uniform in its logarithm.

    The 8 on average of Zhang et al. teach little in a short training.
    """
    return int(np.exp(rng.uniform(0, np.log(_MAX_HINTS + 1))))
