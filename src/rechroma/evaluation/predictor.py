"""A model's answers to photographs turned gray: as it would be served, and under other conditions.

All go through :meth:`Colorizer.predict <rechroma.Colorizer.predict>` and `render`, so that what is
measured is what users get.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Unpack

import cv2
import numpy as np

from rechroma.color import lab_to_srgb, srgb_to_lab
from rechroma.colorizer import Colorizer
from rechroma.datasets import degrade_lightness, random_hints
from rechroma.engines import input_shape
from rechroma.imaging import photo_of_array

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from rechroma.color.lab import Float
    from rechroma.colorizer import PredictKwargs
    from rechroma.engines import Engine

    Picture = NDArray[np.uint8]

BEYOND = 110.0  # sRGB reaches 108
_SEED = 20_040


class Painter:
    """Colors gray pictures with one engine.

    Args:
        engine: The model.
        size: Long side that the network sees; without, the model's own.

    Attributes:
        chroma_max: The largest absolute a* or b* that the network has given so far, before it was
            mapped into the gamut.
        chroma_beyond: The share of its places, 0..1, where one was above 110, which no color is.
    """

    def __init__(self, engine: Engine, size: int | None = None) -> None:
        self.card = engine.card
        self.chroma_max = self.chroma_beyond = 0.0
        self._colorizer, self._size = Colorizer(engine=engine), size
        self._places = 0

    def colored(self, gray: Picture, size: int | None = None) -> Picture:
        """A gray picture (H, W) in color (H, W, 3)."""
        return self._render(gray, self._predict(gray, size=size or self._size))

    def colored_as(self, gray: Picture, seen: Picture) -> Picture:
        """A gray picture (H, W) in the colors that the model gives another one of that shape."""
        return self._render(gray, self._predict(seen, size=self._size))

    def true_hints(self, truth: Picture, count: int, rng: Generator) -> Float:
        """`count` colors of a photograph (H, W, 3), drawn as the network would see them.

        Returns:
            (3, h, w) a*, b* and mask at the network's size, see
            :func:`rechroma.datasets.random_hints`.
        """
        shape = input_shape(truth.shape[:2], self._size or self.card.size, self.card.scale)
        small = cv2.resize(srgb_to_lab(truth)[..., 1:], shape[::-1], interpolation=cv2.INTER_AREA)
        return random_hints(np.asarray(small, np.float32), count, rng)

    def colored_with_hints(self, gray: Picture, drawn: Float) -> Picture:
        """A gray picture (H, W) in color, with colors given as by :meth:`true_hints`.

        Raises:
            ModelFeatureError: There are hints, and the model takes none.
        """
        return self._render(gray, self._predict(gray, size=self._size, hints=drawn))

    def _render(self, gray: Picture, chroma: Float) -> Picture:
        return np.asarray(self._colorizer.render(gray, chroma), np.uint8)

    def _predict(self, gray: Picture, **options: Unpack[PredictKwargs]) -> Float:
        chroma = self._colorizer.predict(gray, **options)
        furthest = np.abs(chroma).max(axis=-1)
        self.chroma_max = max(self.chroma_max, float(furthest.max()))
        places = self._places + furthest.size
        beyond = self.chroma_beyond * self._places + np.count_nonzero(furthest > BEYOND)
        self.chroma_beyond, self._places = beyond / places, places
        return chroma


def gray_level(rgb: Picture) -> Picture:
    """The sRGB gray (H, W) that has the luminance of a color picture (H, W, 3)."""
    return np.asarray(photo_of_array(rgb).gray, np.uint8)


def aged_level(rgb: Picture, rng: Generator) -> Picture:
    """The sRGB gray (H, W) of an old-looking print of a color picture (H, W, 3)."""
    light = degrade_lightness(rgb, rng)
    lab = np.stack([light, np.zeros_like(light), np.zeros_like(light)], axis=-1)
    return np.ascontiguousarray(lab_to_srgb(lab, np.uint8)[..., 1], np.uint8)


def in_rgb(gray: Picture) -> Picture:
    """A gray picture (H, W) as (H, W, 3)."""
    return np.repeat(gray[..., None], 3, axis=-1)


def dice(key: str) -> Generator:
    """The dice of one picture: the same in every run, whatever other pictures there are."""
    return np.random.default_rng((_SEED, zlib.crc32(key.encode())))
