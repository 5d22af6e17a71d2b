"""A mark on the picture itself that says its colors were made: a disc, half gray and half hues.

The note in the metadata is lost where pictures are copied without it, and nobody sees it; this
stays, and needs no words.
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

_SHARE = 0.045  # of the picture's short side
_SMALLEST = 12  # pixels
_MARGIN = 0.4  # of the disc's side
_FINER = 8  # times larger is it drawn, for smooth edges
_HUES = ("#d9534f", "#e39b3c", "#e8d44d", "#5fae57", "#4a86c5", "#8a63b5")
_GRAYS = ("#3a3a3a", "#6e6e6e", "#a8a8a8")


def draw_badge(rgb: UIntImage, alpha: UIntImage | None = None) -> None:
    """Draw the mark into the lower right corner.

    A picture too small for it gets as much of it as there is room for.

    Args:
        rgb: (H, W, 3) uint8 or uint16, sRGB; changed.
        alpha: (H, W) of the same type: becomes opaque where the mark is.
    """
    height, width = rgb.shape[:2]
    side = max(_SMALLEST, round(_SHARE * min(height, width)))
    disc = to_float(_disc(side))
    margin = round(_MARGIN * side)
    top, left = max(height - margin - side, 0), max(width - margin - side, 0)
    place = (slice(top, top + side), slice(left, left + side))
    _lay_over(rgb[place], disc)
    if alpha is not None:
        patch = alpha[place]
        cover = disc[: patch.shape[0], : patch.shape[1], 3]
        np.maximum(patch, from_float(cover, alpha.dtype), out=patch)


def _lay_over(patch: UIntImage, disc: NDArray[np.float32]) -> None:
    disc = disc[: patch.shape[0], : patch.shape[1]]
    cover = disc[..., 3:]
    patch[:] = from_float(to_float(patch) * (1 - cover) + disc[..., :3] * cover, patch.dtype)


@cache
def _disc(side: int) -> NDArray[np.uint8]:
    """The mark, (side, side, 4)."""
    large = side * _FINER
    image = Image.new("RGBA", (large, large), "#ffffff00")
    draw = ImageDraw.Draw(image)
    draw.ellipse((0, 0, large - 1, large - 1), "white")
    inner = (large * 0.1, large * 0.1, large * 0.9, large * 0.9)
    for sectors, start in ((_HUES, -90), (_GRAYS, 90)):
        angle = 180 / len(sectors)
        for number, color in enumerate(sectors):
            draw.pieslice(inner, start + number * angle, start + (number + 1) * angle, color)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))
