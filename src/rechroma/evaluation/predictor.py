"""A model's answers to photographs turned gray: as it would be served, and under other conditions.

All go through the :class:`~rechroma.colorizer.Colorizer`, so that what is measured is what users
get. Where the model is to see something else than the picture that is colored, an engine stands
in for it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color import lab_to_srgb, srgb_to_lab
from rechroma.colorizer import Colorizer
from rechroma.datasets import degrade_lightness, random_hints
from rechroma.engines import input_shape
from rechroma.imaging import photo_of_array

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    from rechroma.color.lab import Float
    from rechroma.engines import Engine
    from rechroma.models import ModelCard

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
        self._engine, self._size = engine, size
        self._places = 0

    def colored(self, gray: Picture, size: int | None = None) -> Picture:
        """A gray picture (H, W) in color (H, W, 3)."""
        return self._colored(gray, self._chroma, size)

    def colored_as(self, gray: Picture, seen: Picture) -> Picture:
        """A gray picture (H, W) in the colors that the model gives another one of that shape."""
        answers: list[Float] = []

        def keep(lightness: Float) -> Float:
            answers.append(self._chroma(lightness))
            return answers[0]

        self._colored(seen, keep)
        return self._colored(gray, lambda _: answers[0])

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

        def answer(lightness: Float) -> Float:
            hints = np.zeros((1, 3, *lightness.shape[2:]), np.float32)
            hints[0, :, : drawn.shape[1], : drawn.shape[2]] = drawn
            return self._chroma(lightness, hints if drawn[2].any() else None)

        return self._colored(gray, answer)

    def _colored(
        self, gray: Picture, answer: Callable[[Float], Float], size: int | None = None
    ) -> Picture:
        colorizer = Colorizer(engine=_StandIn(self._engine, answer))
        return np.asarray(colorizer.colorize(gray, size=size or self._size), np.uint8)

    def _chroma(self, lightness: Float, hints: Float | None = None) -> Float:
        chroma = self._engine.chroma(lightness, hints)
        furthest = np.abs(chroma).max(axis=1)
        self.chroma_max = max(self.chroma_max, float(furthest.max()))
        places = self._places + furthest.size
        beyond = self.chroma_beyond * self._places + np.count_nonzero(furthest > BEYOND)
        self.chroma_beyond, self._places = beyond / places, places
        return chroma


class _StandIn:
    """An engine whose chroma is what a function of the lightness says."""

    def __init__(self, engine: Engine, answer: Callable[[Float], Float]) -> None:
        self._engine, self._answer = engine, answer

    @property
    def card(self) -> ModelCard:
        return self._engine.card

    def chroma(self, lightness: Float, hints: Float | None = None) -> Float:  # noqa: ARG002
        return self._answer(lightness)

    def distribution(self, lightness: Float, hints: Float | None = None) -> Float:
        return self._engine.distribution(lightness, hints)


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
