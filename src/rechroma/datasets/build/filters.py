"""Rejection of images: gray, toned, or near-duplicates of others; and quantiles of a data set."""

from __future__ import annotations

from array import array
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color import colorfulness, srgb_to_lab

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MIN_COLORFULNESS = 4.0
"""Threshold of colorfulness (M3 of a 64 x 64 copy) for gray; 3 of 10,000 photographs are below."""

MIN_TONE_RESIDUAL = 2.5
"""Threshold of the tone residual for toned images.

Below are 2 of 100 color photographs, nearly gray ones, and three quarters of toned prints, of which
half were unevenly yellowed, most noisy, and all compressed.
"""

_COLOR_SIDE = 64
_QUANTILES = (0, 5, 25, 50, 75, 95, 100)
MAX_HAMMING = 5
"""Maximum Hamming distance of the hashes of two near-duplicates.

Of 18,000 photographs, all pairs up to 5 bits were copies or the same scene taken twice; from 6 bits
on, one empty sea was taken for another.
"""

_HASH_SIDE = 9
_BLOCKS, _BLOCK_BITS = 8, 16


class NoColor(StrEnum):
    """Reason to reject an image as training data for color."""

    GRAY = "gray"
    TONED = "toned"


def color_fault(rgb: NDArray[np.uint8]) -> NoColor | None:
    """Detect an image (H, W, 3) without color, or with a paper tone alone (sepia, cyanotype)."""
    small = np.asarray(
        cv2.resize(rgb, (_COLOR_SIDE, _COLOR_SIDE), interpolation=cv2.INTER_AREA), np.uint8
    )
    if colorfulness(small) < MIN_COLORFULNESS:
        return NoColor.GRAY
    return NoColor.TONED if tone_residual(small) < MIN_TONE_RESIDUAL else None


def tone_residual(rgb: NDArray[np.uint8]) -> float:
    """Compute how much of an image's color is not a function of its lightness.

    A toned print has one color for each lightness. So a* and b* are fitted by cubics of L*; the
    result is the root mean square residual in a*b*.

    Args:
        rgb: (H, W, 3), a small copy.
    """
    lab = srgb_to_lab(rgb).reshape(-1, 3).astype(np.float64)
    powers = np.vander(lab[:, 0] / 100, 4)
    fitted = powers @ np.linalg.lstsq(powers, lab[:, 1:], rcond=None)[0]
    return float(np.sqrt(np.square(lab[:, 1:] - fitted).sum(axis=1).mean()))


def quantiles(values: Iterable[float]) -> dict[str, float]:
    """Compute quantiles by their percentage; empty without values."""
    found = np.fromiter(values, np.float64)
    if not len(found):
        return {}
    levels = np.percentile(found, _QUANTILES)
    return {str(share): round(float(v), 2) for share, v in zip(_QUANTILES, levels, strict=True)}


def difference_hash(rgb: NDArray[np.uint8]) -> int:
    """Compute the perceptual hash of an image (H, W, 3), 128 bits.

    It is the difference hash (N. Krawetz, "Kind of Like That", 2013) in both directions: which of
    two neighbors is the brighter one, on a gray of 9 x 9. Copies that were scaled, compressed or
    lightly toned differ in a few bits.
    """
    small = cv2.resize(rgb, (_HASH_SIDE, _HASH_SIDE), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    across = gray[:-1, 1:] > gray[:-1, :-1]
    down = gray[1:, :-1] > gray[:-1, :-1]
    # Taken in steps, a block holds some of every part: flat skies make no whole block alike.
    bits = np.concatenate([across.ravel(), down.ravel()]).reshape(_BLOCK_BITS, _BLOCKS).T
    return int.from_bytes(np.packbits(bits).tobytes())


class NearDuplicateIndex:
    """Index of perceptual hashes that finds near-duplicates.

    Two hashes of 128 bits that differ in fewer than 8 have at least one of 8 blocks in common
    (pigeonhole), so only hashes that share a block are compared: of a million photographs, some
    hundreds for each.
    """

    def __init__(self) -> None:
        self._hashes: list[int] = []
        self._buckets: list[dict[int, array[int]]] = [{} for _ in range(_BLOCKS)]

    def find(self, hashed: int) -> int | None:
        """Find the first added hash within the maximum distance; returns its number, or None."""
        alike = [
            number
            for block, buckets in zip(_blocks(hashed), self._buckets, strict=True)
            for number in buckets.get(block, ())
            if (hashed ^ self._hashes[number]).bit_count() <= MAX_HAMMING
        ]
        return min(alike, default=None)

    def add(self, hashed: int) -> int:
        """Add a hash and return its number, counted from 0."""
        number = len(self._hashes)
        self._hashes.append(hashed)
        for block, buckets in zip(_blocks(hashed), self._buckets, strict=True):
            buckets.setdefault(block, array("L")).append(number)
        return number


def _blocks(hashed: int) -> list[int]:
    mask = (1 << _BLOCK_BITS) - 1
    return [hashed >> (_BLOCK_BITS * place) & mask for place in range(_BLOCKS)]
