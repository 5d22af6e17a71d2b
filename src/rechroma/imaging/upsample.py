"""Bicubic upsampling of a low-resolution chroma map, strip by strip.

A network's chroma is about sixteen times smaller than the photograph on each side. Upsampled at
once it would be the largest array of the whole run (800 MB for 100 megapixels), so rows are
computed on demand. The few rows of the map are widened once; a strip is then the product of two
thin matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = NDArray[np.float32]

_SHARPNESS = -0.75  # the free parameter of the cubic kernel, at the value that cv2.resize uses
_CHUNK = 2  # rows of the map upsampled at a time: few, as each output row uses only 4


class ChromaUpsampler:
    """Upsamples any rows of a chroma map to full size, or to the means of blocks of pixels.

    The strips join seamlessly: together they equal ``cv2.resize`` with ``INTER_CUBIC`` on the
    whole map (pixel centers aligned, edges repeated). Thread-safe.

    Args:
        chroma: (h, w, 2) float32, CIE a* and b*.
        size: Height and width of the photograph in pixels.
        block: Side of the blocks that are averaged, 1 or 2; the last row or column is repeated in
            blocks that reach beyond it.
    """

    def __init__(self, chroma: Float, size: tuple[int, int], block: int = 1) -> None:
        height, width = size
        rows = len(chroma)
        resized = cv2.resize(chroma, (width, rows), interpolation=cv2.INTER_CUBIC)
        wide = np.asarray(resized, np.float32).reshape(rows, width, 2)
        weights = _cubic_weights(np.arange(height), height, rows)
        self._wide = _mean_of_blocks(wide, (1, block)).reshape(rows, -1)
        self._weights = _mean_of_blocks(weights, (block, 1))
        self._chunk = max(1, _CHUNK * len(self._weights) // rows)

    def strip(self, rows: slice) -> Float:
        """Upsample a range of rows.

        Args:
            rows: Rows of the photograph, or of its blocks; within its height and with step 1.

        Returns:
            (n, W, 2) float32; W is the number of pixels, or of blocks, in a row.
        """
        weights = self._weights[rows]
        strip = np.empty((len(weights), self._wide.shape[1]), np.float32)
        for first in range(0, len(weights), self._chunk):
            chunk = slice(first, first + self._chunk)
            used = np.flatnonzero(weights[chunk].any(axis=0))
            band = slice(used[0], used[-1] + 1)
            # Not `@`: BLAS threads keep spinning after every product and starve ours.
            np.einsum("ps,sx->px", weights[chunk, band], self._wide[band], out=strip[chunk])
        return strip.reshape(len(weights), -1, 2)


def _mean_of_blocks(values: Float, block: tuple[int, int]) -> Float:
    """Average blocks of some rows and columns; the last ones are repeated in incomplete blocks."""
    rows, columns = (-(-size // side) for size, side in zip(values.shape, block, strict=False))
    below, right = rows * block[0] - len(values), columns * block[1] - values.shape[1]
    whole = cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def _cubic_weights(rows: NDArray[np.intp], size: int, small: int) -> Float:
    """Weights of `small` samples for some of `size` output rows, (rows, small)."""
    position = (rows + 0.5) * (small / size) - 0.5
    first = np.floor(position).astype(np.intp)
    taps = first[:, None] + np.arange(-1, 3)
    weights = np.zeros((len(rows), small), np.float32)
    cells = (np.arange(len(rows))[:, None], np.clip(taps, 0, small - 1))
    # Cubic convolution kernel of Keys (1981) at distances of 0..2 samples.
    distance = np.abs(position[:, None] - taps)
    near = ((_SHARPNESS + 2) * distance - (_SHARPNESS + 3)) * distance**2 + 1
    far = _SHARPNESS * (((distance - 5) * distance + 8) * distance - 4)
    np.add.at(weights, cells, np.where(distance <= 1, near, far).astype(np.float32))
    return weights
