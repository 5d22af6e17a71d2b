"""Rendering of gray and chroma to the Y'CbCr planes of a JPEG: luma at full size, chroma at half.

A JPEG with subsampled chroma (4:2:0) stores one color for each block of 2 x 2 pixels, and predicted
chroma is smooth, so the color is worked out for the block's mean gray level. The luma Y' of a color
differs from the gray level of the same lightness by at most some twenty levels; this offset is
looked up for the block, too, and added to its four levels. Only where both the contrast within a
block and its color are strong would that be visible: there the four pixels are done one by one.

A photograph has few colors, apart from their lightness: all of them are worked out once, into a
table, instead of for each block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import cv2
import numpy as np

from rechroma.color.render import render_srgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rechroma.color.lab import Float

    Plane = NDArray[np.uint8]

_NEUTRAL = 128
_STEP = 1.0  # of a* and b* in a table; longer where more than _MAX_STEPS would be needed
_MAX_STEPS = 128
_NODE_STEPS = 4  # steps between exact entries
_LEVELS = 128  # of gray, each for two neighbors
_FROM_RGB = np.array(  # of ITU-R BT.601, as in JFIF
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)
_MAX_UNEVENNESS = 2000  # contrast times chroma, in levels, of a block with a single color


class Planes(NamedTuple):
    """Y'CbCr as in JFIF: BT.601 of sRGB-encoded colors, over the full range of 8 bits.

    Attributes:
        luma: Y', (H, W) uint8.
        blue: Cb, uint8, of the same size or (h, w) = (H, W) / 2, rounded up.
        red: Cr, likewise.
    """

    luma: Plane
    blue: Plane
    red: Plane


class YcbcrTable:
    """Y'CbCr of the colors of a chroma map, by level, a* and b*; thread-safe.

    CIE a* and b* are rounded to steps, usually of 1, which is about a level of Cb and Cr, and gray
    to every second level. The table is exact at every fourth step, and interpolated between.

    Args:
        chroma: (h, w, 2) float32, CIE a* and b*.

    Attributes:
        steps: (h, w, 2) float32, the map in steps from the origin of the table.
    """

    def __init__(self, chroma: Float) -> None:
        low, high = (extreme(chroma, axis=(0, 1)) for extreme in (np.min, np.max))
        scale = np.float32(max((high - low).max() / (_MAX_STEPS - 2 * _NODE_STEPS), _STEP))
        first = np.floor(low / scale / _NODE_STEPS) - 1  # at multiples, so that gray is a node
        origin = first * _NODE_STEPS
        self.steps: Float = np.asarray(chroma / scale - origin, np.float32)
        nodes = int(self.steps.max() / _NODE_STEPS) + 2
        self._last = (nodes - 1) * _NODE_STEPS - 1
        a, b = np.outer(scale * _NODE_STEPS, np.arange(nodes) + first[:, None]).reshape(2, -1)
        ab = np.stack(np.meshgrid(a, b), axis=-1).astype(np.float32).reshape(-1, 1, 2)
        self._offset, self._blue, self._red = (
            _interpolate_nodes(plane.reshape(nodes, nodes, _LEVELS) + np.float32(_NEUTRAL))
            for plane in _render_nodes(ab)
        )

    def render(self, gray: Plane, steps: Float) -> Planes:
        """Render a picture, or a strip of an even number of rows, with chroma of half the size.

        Args:
            gray: (H, W), sRGB-encoded gray.
            steps: (h, w, 2) float32, :attr:`steps` of each block of 2 x 2 pixels; h = H / 2 and
                w = W / 2, rounded up. It is changed.

        Returns:
            Planes with chroma of half the size.
        """
        height, width = gray.shape
        even = pad_to_even(gray)
        rounded = cv2.convertScaleAbs(np.clip(steps, 0, self._last, out=steps))
        colors = np.multiply(rounded.view(np.uint16)[..., 0], _LEVELS, dtype=np.intp)
        entries = colors + half_size(even) // 2
        offset, blue, red = (
            table.take(entries, mode="clip") for table in (self._offset, self._blue, self._red)
        )
        luma = even + _double(offset) - _NEUTRAL  # may wrap around and back
        self._refine_edges(even, colors, Planes(luma, blue, red))
        return Planes(luma[:height, :width], blue, red)

    def _refine_edges(self, gray: Plane, colors: NDArray[np.intp], planes: Planes) -> None:
        """Correct planes in place where blocks have strong contrast and strong color."""
        luma, blue, red = planes
        strong_blue, strong_red = (
            cv2.convertScaleAbs(plane, beta=-_NEUTRAL) for plane in (blue, red)
        )
        strength = cv2.add(strong_blue, strong_red)
        unevenness = cv2.multiply(_contrast(gray), strength, dtype=cv2.CV_16U)
        uneven = np.flatnonzero(unevenness > _MAX_UNEVENNESS)
        width = gray.shape[1]
        corner = 2 * uneven + uneven // (width // 2) * width
        pixels = np.stack([corner, corner + 1, corner + width, corner + width + 1])
        levels = gray.take(pixels)  # (4, N)
        entries = colors.take(uneven) + levels // 2
        luma.reshape(-1)[pixels] = levels + self._offset.take(entries) - _NEUTRAL
        for plane, table in ((blue, self._blue), (red, self._red)):
            four = table.take(entries)
            plane.reshape(-1)[uneven] = (four.sum(axis=0, dtype=np.uint16) + 2) // 4


def _render_nodes(ab: Float) -> Sequence[Float]:
    """Render colors (N, 1, 2); returns the offset of luma, Cb and Cr, (N, levels), around 0."""
    gray = np.arange(_LEVELS) * 2 + 0.5
    gray[[0, -1]] = 0, 255  # black and white have no color
    levels, chroma = np.tile(gray * 257, (len(ab), 1)), np.repeat(ab, _LEVELS, axis=1)
    rgb = render_srgb(levels.astype(np.uint16), chroma).astype(np.float32) / np.float32(257)
    luma, blue, red = cast("Sequence[Float]", cv2.split(cv2.transform(rgb, _FROM_RGB)))
    return luma - gray.astype(np.float32), blue, red


def _interpolate_nodes(nodes: Float) -> Plane:
    """Interpolate nodes (n, n, levels); b*, a*, level is at b* * 256 * levels + a* * levels."""
    count = (len(nodes) - 1) * _NODE_STEPS
    table = np.empty((count, 256, _LEVELS), np.uint8)  # what is never filled takes no memory
    fine = _interpolate(_interpolate(nodes).swapaxes(0, 1))
    np.rint(fine.swapaxes(0, 1), out=table[:, :count], casting="unsafe")
    return table.reshape(-1)


def _interpolate(nodes: Float) -> Float:
    """Insert values between those along the first axis, linearly."""
    low, high = nodes[:-1], nodes[1:]
    parts = (np.arange(_NODE_STEPS, dtype=np.float32) / _NODE_STEPS).reshape(-1, 1, 1)
    return (low[:, None] + parts * (high - low)[:, None]).reshape(-1, *nodes.shape[1:])


def pad_to_even(gray: Plane) -> Plane:
    """Repeat the last row and column of a picture (H, W) if their number is odd."""
    height, width = gray.shape
    if height % 2 or width % 2:
        border = cv2.BORDER_REPLICATE
        gray = cast("Plane", cv2.copyMakeBorder(gray, 0, height % 2, 0, width % 2, border))
    return np.ascontiguousarray(gray)


def half_size(gray: Plane) -> Plane:
    """Average blocks of 2 x 2 pixels of a picture with even sides."""
    height, width = gray.shape
    size = (width // 2, height // 2)
    return cast("Plane", cv2.resize(gray, size, interpolation=cv2.INTER_AREA))


def _double(plane: Plane) -> Plane:
    """Repeat each value in both directions; several times as fast as cv2.resize."""
    wide = np.multiply(plane, np.uint16(0x0101), dtype=np.uint16).view(np.uint8)
    return np.repeat(wide, 2, axis=0)


def _contrast(gray: Plane) -> Plane:
    """Return the difference of the lightest and the darkest level of each block of 2 x 2 pixels."""
    above, below = gray[::2], gray[1::2]
    low, high = np.minimum(above, below), np.maximum(above, below)
    return np.maximum(high[:, ::2], high[:, 1::2]) - np.minimum(low[:, ::2], low[:, 1::2])
