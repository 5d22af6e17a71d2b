"""Preprocessing: the downscaled, padded network input, and how its output maps to the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from rechroma.color import lightness
from rechroma.errors import HintError
from rechroma.hints import check_hints, hint_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.color.lab import Float
    from rechroma.hints import Hint
    from rechroma.imaging import UIntImage
    from rechroma.models import ModelCard

_MIN_UPSCALED_SIDE = 96  # only smaller images are enlarged: blur costs more than size gives


@dataclass(frozen=True)
class ModelInput:
    """The network input of one image.

    It is downscaled by averaging areas of the sRGB-encoded gray, not of linear light: that is how
    training images were downscaled, too.

    Attributes:
        lightness: (1, 1, H, W) float32, CIE L*, padded by reflection to the card's `stride`.
        hints: (1, 3, H, W) float32, the hint map padded with zeros; None for no hints.
        shape: Height and width of the input without the padding.
    """

    lightness: Float
    hints: Float | None
    shape: tuple[int, int]

    @classmethod
    def from_image(
        cls,
        gray: UIntImage,
        card: ModelCard,
        size: int | None = None,
        hints: Sequence[Hint] | Float = (),
    ) -> ModelInput:
        """Downscale and pad an image, and rasterize its hints.

        Args:
            gray: (H, W) uint8 or uint16, sRGB-encoded.
            card: Model card of the network.
            size: Long side of the input before padding; None for the card's `size`.
            hints: Hints, or a hint map (3, h, w) of the shape that :func:`input_shape` gives.

        Raises:
            HintError: `hints` is neither, or there are too many.
        """
        height, width = input_shape(gray.shape, size or card.size, card.scale)
        small = lightness(_resize(gray, height, width))
        padding = [(0, -side % card.stride) for side in small.shape]
        drawn: Float | None = None
        if isinstance(hints, np.ndarray):
            if hints.shape != (3, height, width):
                raise HintError(
                    f"a hint map of shape {hints.shape} instead of {(3, height, width)}"
                )
            drawn = hints.astype(np.float32, copy=False) if hints[2].any() else None
        else:
            check_hints(hints)
            drawn = hint_map(hints, height, width) if hints else None
        return cls(
            np.pad(small, padding, mode="reflect")[None, None],
            None if drawn is None else np.pad(drawn, [(0, 0), *padding])[None],
            (height, width),
        )

    def unpad(self, output: Float) -> Float:
        """Crop the padding from a network output (1, C, h, w) of any scale.

        Returns:
            (h, w, C), with the height and width of :attr:`shape` over the scale, rounded up.
        """
        scale = self.lightness.shape[2] // output.shape[2]
        height, width = (-(-side // scale) for side in self.shape)
        return np.ascontiguousarray(output[0, :, :height, :width].transpose(1, 2, 0))


def input_shape(shape: tuple[int, ...], size: int, scale: int) -> tuple[int, int]:
    """Return height and width of the network input before padding.

    Both are multiples of `scale`, so that the padding can be cropped from the output exactly.

    Args:
        shape: Height and width of the image.
        size: Requested long side. A smaller image keeps its own, but at least 96.
        scale: Height and width of the network input over those of its output.
    """
    longest = max(shape)
    factor = min(size, max(longest, _MIN_UPSCALED_SIDE)) / longest
    height, width = (max(round(side * factor / scale), 1) * scale for side in shape)
    return height, width


def _resize(gray: UIntImage, height: int, width: int) -> UIntImage:
    """Resize an image; large ones are first shrunk by an integer factor, which is fast.

    The first step crops the remainder at the right and the bottom: less than half a pixel of the
    result.
    """
    factor = min(gray.shape[0] // height, gray.shape[1] // width) // 2
    if factor > 1:
        rows, columns = (side // factor for side in gray.shape)
        even = gray[: rows * factor, : columns * factor]
        gray = cast("UIntImage", cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA))
    shrinks = height <= gray.shape[0] and width <= gray.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cast("UIntImage", cv2.resize(gray, (width, height), interpolation=method))
