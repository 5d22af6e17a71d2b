"""How far apart two sets of pictures are, by the features that a fixed network sees in them.

The figures mean something only with the name of the features: it is FID and KID only with those of
Inception's third pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.color.lab import Float

    _Double = NDArray[np.float64]


def frechet_distance(first: Float, second: Float) -> float:
    """Frechet distance of the two normal distributions with the sets' means and covariances.

    M. Heusel et al.: GANs Trained by a Two Time-Scale Update Rule (2017), equation 6. It is the
    larger the fewer pictures there are: compare only sets of one size, and prefer
    :func:`kernel_distance` below 5,000.

    Args:
        first: (N, D) features, a picture a row.
        second: (M, D).

    Returns:
        0 or more; nan where a set has less than two pictures.
    """
    if min(len(first), len(second)) < 2:
        return float("nan")
    (mean1, root1), (mean2, root2) = _moments(first), _moments(second)
    # tr sqrt(C1 C2) is the sum of the singular values of R1 R2' where C = R' R: no root of a
    # matrix is needed, and sets smaller than D do no harm.
    cross = np.linalg.svd(root1 @ root2.T, compute_uv=False).sum()
    spread = np.square(root1).sum() + np.square(root2).sum() - 2 * cross
    return float(np.square(mean1 - mean2).sum() + max(spread, 0))


def kernel_distance(first: Float, second: Float) -> float:
    """Squared maximum mean discrepancy with a cubic kernel, without bias.

    M. Binkowski et al.: Demystifying MMD GANs (2018); the kernel is (x y / D + 1)^3.
    Both sets show the same scenes, so a picture is never compared with its own counterpart: A.
    Gretton et al.: A Kernel Two-Sample Test (2012), equation 4. The form for independent sets,
    which is more common, would come out too low.

    Args:
        first: (N, D) features, a picture a row.
        second: (N, D), of the same pictures in other colors, in the same order.

    Returns:
        0 for the same sets, about 0 for sets of one kind, larger for others; nan for less than two
        pictures.
    """
    count = len(first)
    if count < 2:
        return float("nan")
    between = _kernel(first, second)
    pairs = _kernel(first, first) + _kernel(second, second) - between - between.T
    return float((pairs.sum() - np.trace(pairs)) / (count * (count - 1)))


def _moments(features: Float) -> tuple[_Double, _Double]:
    """Mean (D,) and a matrix R of at most D rows with R' R = covariance."""
    mean = features.mean(axis=0, dtype=np.float64)
    centered = (features - mean) / np.sqrt(len(features) - 1)
    return mean, np.asarray(np.linalg.qr(centered, mode="r"))


def _kernel(first: Float, second: Float) -> _Double:
    product = first.astype(np.float64) @ second.T.astype(np.float64)
    return np.asarray((product / first.shape[1] + 1) ** 3)
