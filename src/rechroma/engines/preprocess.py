"""The small copy of a picture that a network sees, and how its output lies on the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from rechroma.color import lightness
from rechroma.hints import hint_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.color.lab import Float
    from rechroma.hints import Hint
    from rechroma.imaging import UIntImage
    from rechroma.models import ModelCard

_ENLARGED_TO = 96  # only smaller pictures are enlarged: blur costs more than size gives


@dataclass(frozen=True)
class View:
    """What a network sees of one picture.

    The copy is made by averaging areas of the sRGB-encoded gray, not of linear light: that is how
    the pictures that networks learn from were made small.

    Attributes:
        lightness: (1, 1, H, W) float32, CIE L*, padded by its mirror image to the card's `stride`.
        hints: (1, 3, H, W) float32, the hints drawn as :func:`rechroma.imaging.hint_map` does;
            None for none.
        shape: Height and width of the copy without the padding.
    """

    lightness: Float
    hints: Float | None
    shape: tuple[int, int]

    @classmethod
    def of(cls, gray: UIntImage, card: ModelCard, size: int | None, hints: Sequence[Hint]) -> View:
        """Look at a picture.

        Args:
            gray: (H, W) uint8 or uint16, sRGB-encoded.
            card: Of the model that is to see it.
            size: Long side of the copy; None for the size that the model was trained for.
            hints: Colors that the user fixed.
        """
        height, width = input_shape(gray.shape, size or card.size, card.scale)
        small = lightness(_resized(gray, height, width))
        padding = [(0, -side % card.stride) for side in small.shape]
        padded = np.pad(small, padding, mode="reflect")
        drawn = _drawn(hints, small.shape, padding)
        return cls(padded[None, None], drawn, (height, width))

    def crop(self, output: Float) -> Float:
        """Take the padding off a network's output (1, C, h, w), of whatever scale.

        Returns:
            (h, w, C), with the height and width of :attr:`shape` over the scale, rounded up.
        """
        scale = self.lightness.shape[2] // output.shape[2]
        height, width = (-(-side // scale) for side in self.shape)
        return np.ascontiguousarray(output[0, :, :height, :width].transpose(1, 2, 0))


def input_shape(shape: tuple[int, ...], size: int, scale: int) -> tuple[int, int]:
    """Height and width of the copy that the network sees, before it is padded.

    Both are multiples of `scale`, so that the padding can be cropped from the chroma exactly.

    Args:
        shape: Height and width of the picture.
        size: Long side asked for. A picture smaller than that keeps its own, but at least 96.
        scale: Height and width of the network's input over those of the chroma.
    """
    longest = max(shape)
    factor = min(size, max(longest, _ENLARGED_TO)) / longest
    height, width = (max(round(side * factor / scale), 1) * scale for side in shape)
    return height, width


def _drawn(
    hints: Sequence[Hint], shape: tuple[int, ...], padding: list[tuple[int, int]]
) -> Float | None:
    """The hints (1, 3, H, W) drawn on a picture of a shape, which is then padded; None for none."""
    if not hints:
        return None
    return np.pad(hint_map(hints, *shape), [(0, 0), *padding])[None]


def _resized(gray: UIntImage, height: int, width: int) -> UIntImage:
    """A copy of another size; large pictures are first shrunk by a whole number, which is fast.

    The first step leaves out what is over at the right and the bottom: less than half a pixel of
    the copy.
    """
    whole = min(gray.shape[0] // height, gray.shape[1] // width) // 2
    if whole > 1:
        rows, columns = (side // whole for side in gray.shape)
        even = gray[: rows * whole, : columns * whole]
        gray = cast("UIntImage", cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA))
    shrinks = height <= gray.shape[0] and width <= gray.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cast("UIntImage", cv2.resize(gray, (width, height), interpolation=method))
