"""Near-duplicate detection by perceptual hash, fast for millions of images.

The hash is the difference hash (N. Krawetz, "Kind of Like That", 2013) in both directions: which
of two neighbors is the brighter one, on a gray of 9 x 9, in 128 bits. Copies that were scaled,
compressed or lightly toned differ in a few bits.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_HAMMING = 5
"""Maximum Hamming distance of the hashes of two near-duplicates.

Of 18,000 photographs, all pairs up to 5 bits were copies or the same scene taken twice; from 6 bits
on, one empty sea was taken for another.
"""

_SIDE = 9
_BLOCKS, _BLOCK_BITS = 8, 16


def difference_hash(rgb: NDArray[np.uint8]) -> int:
    """Compute the perceptual hash of an image (H, W, 3), 128 bits."""
    small = cv2.resize(rgb, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
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
