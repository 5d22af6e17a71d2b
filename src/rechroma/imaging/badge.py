"""A visible badge that marks generated colors: a disc, half gray and half hues.

The provenance note in the metadata is invisible, and lost when an image is copied without it; the
badge stays, and needs no words.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from rechroma.color.lab import from_float, to_float

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.imaging.photo import UIntImage

_RELATIVE_SIZE = 0.045  # of the short side
_MIN_SIDE = 12  # pixels
_MARGIN = 0.4  # of the disc's side
_SUPERSAMPLING = 8  # for smooth edges
_HUES = ("#d9534f", "#e39b3c", "#e8d44d", "#5fae57", "#4a86c5", "#8a63b5")
_GRAYS = ("#3a3a3a", "#6e6e6e", "#a8a8a8")


def draw_badge(rgb: UIntImage, alpha: UIntImage | None = None) -> None:
    """Draw the badge into the lower right corner, cropped if the image is too small for it.

    Args:
        rgb: (H, W, 3) uint8 or uint16, sRGB; modified in place.
        alpha: (H, W) of the same type: becomes opaque under the badge.
    """
    height, width = rgb.shape[:2]
    side = max(_MIN_SIDE, round(_RELATIVE_SIZE * min(height, width)))
    disc = to_float(_disc(side))
    margin = round(_MARGIN * side)
    top, left = max(height - margin - side, 0), max(width - margin - side, 0)
    area = (slice(top, top + side), slice(left, left + side))
    patch = rgb[area]
    disc = disc[: patch.shape[0], : patch.shape[1]]
    cover = disc[..., 3:]
    patch[:] = from_float(to_float(patch) * (1 - cover) + disc[..., :3] * cover, rgb.dtype)
    if alpha is not None:
        np.maximum(alpha[area], from_float(cover[..., 0], alpha.dtype), out=alpha[area])


@cache
def _disc(side: int) -> NDArray[np.uint8]:
    """Draw the badge as RGBA, (side, side, 4)."""
    large = side * _SUPERSAMPLING
    image = Image.new("RGBA", (large, large), "#ffffff00")
    draw = ImageDraw.Draw(image)
    draw.ellipse((0, 0, large - 1, large - 1), "white")
    inner = (large * 0.1, large * 0.1, large * 0.9, large * 0.9)
    for sectors, start in ((_HUES, -90), (_GRAYS, 90)):
        angle = 180 / len(sectors)
        for number, color in enumerate(sectors):
            draw.pieslice(inner, start + number * angle, start + (number + 1) * angle, color)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))
