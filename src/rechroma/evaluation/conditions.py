"""A model under other conditions: with colours given, at other sizes, on photographs of old."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color import srgb_to_lab
from rechroma.evaluation.painter import dice, grey_level
from rechroma.metrics import Scores, ciede2000, over_pictures, truthless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rechroma.datasets import Shards
    from rechroma.evaluation.painter import Painter, Picture

HINTS = (0, 1, 5, 10, 50)
SIZES = (256, 512, 1024)

_HINT_FIGURES = ("ciede2000", "psnr", "hue_hit")


def hint_curve(
    painter: Painter, pictures: Shards, numbers: Iterable[int], on_picture: Callable[[], None]
) -> dict[str, dict[str, float]]:
    """How the answer nears the truth with the number of true colours given.

    The hints are drawn by :func:`rechroma.datasets.random_hints`; those of a smaller number are
    the first of those of a larger one.

    Returns:
        CIEDE2000, PSNR and hue hit by the number of hints.

    Raises:
        ModelFeatureError: The model takes no hints.
    """
    scores = {count: Scores() for count in HINTS}
    for number in numbers:
        truth, key = pictures[number], pictures.key(number)
        for count, gathered in scores.items():
            gathered.update(painter.colored_with_hints(truth, count, dice(key)), truth)
        on_picture()
    found = {count: gathered.compute() for count, gathered in scores.items()}
    return {
        str(count): {name: figures[name] for name in _HINT_FIGURES if name in figures}
        for count, figures in found.items()
    }


def size_agreement(
    painter: Painter, pictures: Shards, numbers: Iterable[int], on_picture: Callable[[], None]
) -> dict[str, float]:
    """How much the colours change with the size at which the network sees a picture.

    Smaller pictures are enlarged to 1024 pixels first, so that all sizes differ. The results are
    compared at 256 pixels.

    Returns:
        Mean CIEDE2000 between the results of two sizes, by "256-512" and so on.
    """
    pairs: dict[str, list[float]] = {f"{a}-{b}": [] for a, b in combinations(SIZES, 2)}
    for number in numbers:
        grey = _at_least(grey_level(pictures[number]), max(SIZES))
        labs = [_small_lab(painter.colored(grey, size)) for size in SIZES]
        for values, (first, second) in zip(pairs.values(), combinations(labs, 2), strict=True):
            values.append(float(ciede2000(first, second).mean()))
        on_picture()
    return {name: float(np.mean(values)) for name, values in pairs.items()}


def old_photographs(
    painter: Painter, pictures: Shards, numbers: Iterable[int], on_picture: Callable[[], None]
) -> dict[str, float]:
    """The figures for which no truth is needed, of photographs that have none."""
    found = []
    for number in numbers:
        rgb = painter.colored(grey_level(pictures[number]))
        found.append(truthless(rgb, srgb_to_lab(rgb)))
        on_picture()
    return {"pictures": len(found), **over_pictures(found)}


def _at_least(grey: Picture, side: int) -> Picture:
    factor = side / max(grey.shape)
    if factor <= 1:
        return grey
    height, width = (max(round(length * factor), 1) for length in grey.shape)
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _small_lab(picture: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    factor = min(SIZES) / max(picture.shape)
    height, width = (max(round(length * factor), 1) for length in picture.shape[:2])
    return srgb_to_lab(
        np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    )
