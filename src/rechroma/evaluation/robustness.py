"""A model under other conditions: with colors given, at other sizes, on photographs of old."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color import srgb_to_lab
from rechroma.evaluation.metrics import Scores, ciede2000, nanmean_over_images, no_reference_metrics
from rechroma.evaluation.predictor import dice, gray_level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rechroma.color.lab import Float
    from rechroma.datasets import Shards
    from rechroma.evaluation.aggregate import Figures
    from rechroma.evaluation.predictor import Painter, Picture

HINTS = (0, 1, 5, 10, 50)
SIZES = (256, 512, 1024)

_HINT_FIGURES = ("ciede2000", "psnr", "hue_hit")


def hint_curve(
    painter: Painter, pictures: Shards, numbers: Iterable[int], on_picture: Callable[[], None]
) -> dict[str, dict[str, float]]:
    """How the answer nears the truth with the number of true colors given.

    The hints are drawn by :func:`rechroma.datasets.random_hints`; those of a smaller number are
    the first of those of a larger one.

    Returns:
        CIEDE2000, PSNR and hue hit by the number of hints, and `at_hints`: how far the colors at
        the places of the hints are from what the hints say, in CIEDE2000.

    Raises:
        ModelFeatureError: The model takes no hints.
    """
    scores = {count: Scores() for count in HINTS}
    off: dict[int, list[float]] = {count: [] for count in HINTS if count}
    for number in numbers:
        truth, key = pictures[number], pictures.key(number)
        gray = gray_level(truth)
        for count, gathered in scores.items():
            drawn = painter.true_hints(truth, count, dice(key))
            answer = painter.colored_with_hints(gray, drawn)
            gathered.update(answer, truth)
            if count:
                off[count].append(difference_at_hints(answer, drawn))
        on_picture()
    found = {count: gathered.compute() for count, gathered in scores.items()}
    return {
        str(count): {name: figures[name] for name in _HINT_FIGURES if name in figures}
        | ({"at_hints": float(np.mean(off[count]))} if count else {})
        for count, figures in found.items()
    }


def difference_at_hints(answer: Picture, drawn: Float) -> float:
    """How far a picture's colors are from hints at their places, mean CIEDE2000.

    Args:
        answer: (H, W, 3) sRGB.
        drawn: (3, h, w) a*, b* and mask of the whole picture, with at least one hint.
    """
    small = cv2.resize(answer, drawn.shape[:0:-1], interpolation=cv2.INTER_AREA)
    places = drawn[2] > 0
    found = srgb_to_lab(np.asarray(small, np.uint8))[places]
    asked = np.stack([found[:, 0], *drawn[:2, places]], axis=-1)
    return float(ciede2000(found, asked).mean())


def size_agreement(
    painter: Painter, pictures: Shards, numbers: Iterable[int], on_picture: Callable[[], None]
) -> dict[str, Figures]:
    """How much the colors change with the size of a picture, and of what the network sees of it.

    Pictures are brought to 1024 pixels first, so that all sizes differ. The results are compared
    at 256 pixels.

    Returns:
        Mean CIEDE2000 between the results at two sizes, by "256-512" and so on: "picture" if it is
        the picture that comes in that size, "network" if the network sees it so.
    """
    ways = {"picture": _at_own_size, "network": _seen_at_size}
    pairs = list(combinations(SIZES, 2))
    found: dict[str, list[list[float]]] = {way: [] for way in ways}
    for number in numbers:
        gray = _resized(gray_level(pictures[number]), max(SIZES))
        for way, colored in ways.items():
            labs = {size: _small_lab(colored(painter, gray, size)) for size in SIZES}
            found[way].append([_color_difference(labs[a], labs[b]) for a, b in pairs])
        on_picture()
    return {
        way: {f"{a}-{b}": float(v) for (a, b), v in zip(pairs, np.mean(values, 0), strict=True)}
        for way, values in found.items()
    }


def _color_difference(lab: Float, other: Float) -> float:
    """Mean CIEDE2000 of two pictures whose lightness is the same but for how it was resized."""
    return float(ciede2000(lab, np.concatenate([lab[..., :1], other[..., 1:]], axis=-1)).mean())


def _at_own_size(painter: Painter, gray: Picture, size: int) -> Picture:
    return painter.colored(_resized(gray, size))


def _seen_at_size(painter: Painter, gray: Picture, size: int) -> Picture:
    return painter.colored(gray, size)


def old_photographs(
    painter: Painter, pictures: Shards, numbers: Iterable[int], on_picture: Callable[[], None]
) -> dict[str, float]:
    """The figures for which no truth is needed, of photographs that have none."""
    found = []
    for number in numbers:
        rgb = painter.colored(gray_level(pictures[number]))
        found.append(no_reference_metrics(rgb, srgb_to_lab(rgb)))
        on_picture()
    return {"pictures": len(found), **nanmean_over_images(found)}


def _resized(picture: Picture, side: int) -> Picture:
    """A picture of that long side."""
    factor = side / max(picture.shape[:2])
    height, width = (max(round(length * factor), 1) for length in picture.shape[:2])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)


def _small_lab(picture: Picture) -> Float:
    return srgb_to_lab(_resized(picture, min(SIZES)))
