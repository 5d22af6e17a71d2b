"""Reach of color hints: each hint is held to the surface that it was put on.

A network mixes a hint into everything that looks alike, wherever it lies. Here a place keeps that
color only within reach of a hint, which is measured along the image: a step costs more across an
edge, and away from the lightness under the hint (geodesic distance, Criminisi et al., "GeoS", ECCV
2008; Levin et al., SIGGRAPH 2004, spread scribbles by the same likeness). It takes nothing but the
lightness and the network's two answers, with hints and without, so it serves every model.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import hypot, inf
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.color.lab import Float
    from rechroma.hints import Hint

# Chosen by benchmarks/hint_leak.py: the most inside an object at 2 % outside.
_GRID = 112  # long side of the grid on which paths are measured: objects, not their texture
_LENGTH = 0.5  # reach over an even surface, relative to the long side
_ONLY_HERE = 0.25  # of that reach, for a hint with `only_here`
_EDGE = 60.0  # difference of L* to the next cell that takes the whole reach
_SHADING = 35.0  # difference of L* to the place of the hint that doubles the cost of a step
_SOFTNESS = 6  # exponent of the falloff: a plateau with a slope at its rim
_RESPONSE = (0.2, 0.5)  # share of the way to the hint's color at which its say begins, and is full

_LIMIT = 2.0  # distance beyond which nothing is left of the falloff
_STEPS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right)


def limit_reach(lightness: Float, hints: Sequence[Hint], hinted: Float, plain: Float) -> Float:
    """Keep the effect of hints within their reach.

    Args:
        lightness: (H, W) CIE L* of the image, 0..100, at any resolution.
        hints: At least one hint.
        hinted: (h, w, 2) a*b* predicted with the hints.
        plain: (h, w, 2) a*b* predicted without them.

    Returns:
        (h, w, 2) a*b*: `hinted` within reach of a hint, `plain` beyond.
    """
    height, width = plain.shape[:2]
    reach = cv2.resize(_reach(lightness, hints), (width, height), interpolation=cv2.INTER_LINEAR)
    change = hinted - plain
    response = np.zeros((height, width), np.float32)
    for a, b in {hint.ab for hint in hints}:
        way = np.array([a, b], np.float32) - plain
        # Less than one unit away there is nothing to tell: the color is right with either answer.
        share = (change * way).sum(axis=2) / np.maximum((way * way).sum(axis=2), 1)
        np.maximum(response, share, out=response)
    start, full = _RESPONSE
    say = reach * np.clip((response - start) / (full - start), 0, 1)
    limited: Float = plain + say[..., None] * change
    return limited


def _reach(lightness: Float, hints: Sequence[Hint]) -> Float:
    """Map the reach of all hints (rows, columns): 1 at a hint, 0 beyond the reach of each."""
    scale = min(1.0, _GRID / max(lightness.shape))
    rows, columns = (max(1, round(side * scale)) for side in lightness.shape)
    small = cv2.resize(lightness, (columns, rows), interpolation=cv2.INTER_AREA)
    distance = _geodesic_distance(np.asarray(small, np.float32), hints)
    falloff: Float = np.exp(-(distance**_SOFTNESS))
    return falloff


def _geodesic_distance(small: Float, hints: Sequence[Hint]) -> Float:
    """Measure each cell's distance to its nearest hint; 1 is as far as that hint reaches.

    Dijkstra's algorithm over eight neighbors, in which a cell is settled by its nearest hint.
    """
    rows, columns = small.shape
    side, width = max(rows, columns), columns + 2
    # No sum with the NaN of the border is below anything, so no path leaves the image.
    levels = np.pad(small, 1, constant_values=np.nan).ravel().tolist()
    steps = [(down * width + right, hypot(down, right)) for down, right in _STEPS]
    distance = [_LIMIT] * len(levels)
    queue = []
    sources = []
    for number, hint in enumerate(hints):
        y, x = min(int(hint.y * rows), rows - 1) + 1, min(int(hint.x * columns), columns - 1) + 1
        unit = 1 / (_LENGTH * side * (_ONLY_HERE if hint.only_here else 1))
        radius = inf if hint.radius is None else hint.radius * side
        sources.append((y, x, levels[y * width + x], unit, radius))
        queue.append((0.0, y * width + x, number))
        distance[y * width + x] = 0.0
    heapify(queue)
    while queue:
        covered, cell, number = heappop(queue)
        if covered > distance[cell]:
            continue  # a shorter path was found meanwhile
        y, x, level, unit, radius = sources[number]
        for offset, length in steps:
            other = cell + offset
            shading, edge = (
                (levels[other] - level) / _SHADING,
                (levels[other] - levels[cell]) / _EDGE,
            )
            path = covered + length * unit * (1 + shading * shading) + edge * edge
            if path < distance[other] and hypot(other // width - y, other % width - x) <= radius:
                distance[other] = path
                heappush(queue, (path, other, number))
    return np.array(distance, np.float32).reshape(rows + 2, width)[1:-1, 1:-1]
