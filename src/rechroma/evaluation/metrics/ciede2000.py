"""CIEDE2000 color difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.color import deltaE_ciede2000

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.color.lab import Float


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
