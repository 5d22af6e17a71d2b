"""Comparison of two sets of images by a fixed network: feature distances, classifier agreement.

The distances are meaningful only with the name of the features: FID and KID are defined by those of
Inception's third pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rechroma.color.lab import Float

    _Double = NDArray[np.float64]


def frechet_distance(first: Float, second: Float) -> float:
    """Compute the Frechet distance of normal distributions fitted to the two sets.

    M. Heusel et al.: GANs Trained by a Two Time-Scale Update Rule (2017), equation 6. It is
    biased upwards for few images: compare only sets of one size, and prefer
    :func:`kernel_distance` below 5,000.

    Args:
        first: (N, D) features, one image per row.
        second: (M, D).

    Returns:
        0 or more; nan for a set of fewer than two images.
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
    """Compute the unbiased squared maximum mean discrepancy with a cubic kernel.

    M. Binkowski et al.: Demystifying MMD GANs (2018); the kernel is (x y / D + 1)^3.
    Both sets show the same scenes, so an image is never compared with its own counterpart: A.
    Gretton et al.: A Kernel Two-Sample Test (2012), equation 4. The form for independent sets,
    which is more common, would come out too low.

    Args:
        first: (N, D) features, one image per row.
        second: (N, D), of the same images in other colors, in the same order.

    Returns:
        0 for equal sets, about 0 for similar ones, larger for others; nan for fewer than two
        images.
    """
    count = len(first)
    if count < 2:
        return float("nan")
    between = _kernel(first, second)
    pairs = _kernel(first, first) + _kernel(second, second) - between - between.T
    return float((pairs.sum() - np.trace(pairs)) / (count * (count - 1)))


def _moments(features: Float) -> tuple[_Double, _Double]:
    """Compute the mean (D,) and a matrix R of at most D rows with R' R = covariance."""
    mean = features.mean(axis=0, dtype=np.float64)
    centered = (features - mean) / np.sqrt(len(features) - 1)
    return mean, np.asarray(np.linalg.qr(centered, mode="r"))


def _kernel(first: Float, second: Float) -> _Double:
    product = first.astype(np.float64) @ second.T.astype(np.float64)
    return np.asarray((product / first.shape[1] + 1) ** 3)


def top1_agreement(classes: Sequence[int], true: Sequence[int]) -> float:
    """Compute the share of images, 0..1, with the same class as the true ones; nan for none.

    Without labels, the classifier's prediction for the true photograph serves as the label.
    """
    return float(np.mean(np.equal(classes, true))) if len(true) else float("nan")


def gap_recovered(share: float, gray: float) -> float:
    """Compute the share of the gap between gray and ground truth that is closed.

    Args:
        share: Agreement of the colored images, 0..1.
        gray: Agreement of the gray images, 0..1.

    Returns:
        0 for gray, 1 for the ground truth, below 0 for worse than gray; nan when gray agrees fully.
    """
    return (share - gray) / (1 - gray) if gray < 1 else float("nan")
