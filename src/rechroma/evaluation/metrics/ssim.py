"""How much of the structure is kept: SSIM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.color.lab import Float

_SIDE, _SIGMA = 11, 1.5  # of the Gaussian window
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Structural similarity, the mean over the three channels.

    Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli: Image Quality Assessment (2004), with the
    parameters given there: a Gaussian window of 11 x 11 and sigma 1.5, moved within the picture.
    Color hardly moves it: gray and truth have the same lightness.

    Args:
        first: (H, W, 3) sRGB. Of a picture with a side below 11, all places count.
        second: The same shape.

    Returns:
        -1..1; 1 for the same picture.
    """
    x, y = first.astype(np.float32), second.astype(np.float32)
    mean_x, mean_y = _blurred(x), _blurred(y)
    variances = _blurred(x * x) - mean_x**2 + _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    detail = (2 * covariance + _C2) / (variances + _C2)
    return float(_within(light * detail).mean(dtype=np.float64))


def _blurred(picture: Float) -> Float:
    window = (_SIDE, _SIDE)
    blurred = cv2.GaussianBlur(picture, window, _SIGMA, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


def _within(places: NDArray[np.floating]) -> NDArray[np.floating]:
    edge = _SIDE // 2 if min(places.shape[:2]) >= _SIDE else 0
    height, width = places.shape[:2]
    return places[edge : height - edge, edge : width - edge]
