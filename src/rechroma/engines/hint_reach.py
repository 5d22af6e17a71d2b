"""Reach of color hints: each hint is held to the surface that it was put on.

A network mixes a hint into everything that looks alike, wherever it lies. Here a place takes the
color of a hint only within that hint's reach, which is measured along the image: a step costs more
across an edge, and away from the lightness under the hint and from the color that it had before
(geodesic distance, Criminisi et al., "GeoS", ECCV 2008; Levin et al., SIGGRAPH 2004, spread
scribbles by the same similarity): what the model would color differently is another thing. Beyond
its reach a hint still nudges the color by a hardly visible amount, which is right more often than
not. This takes nothing but the lightness and two predictions, with hints and without, so it serves
every model.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import hypot, inf
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.hints import pixels_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.color.lab import Float
    from rechroma.hints import Hint

# Chosen by benchmarks/hint_leak.py (experiments/LOG.md, 2026-12-01).
_GRID = 112  # long side of the grid on which paths are measured: objects, not their texture
_CELLS = 25 * _GRID**2  # of all grids together: very many colors share coarser ones
_LENGTH = 1.3  # reach over an even surface, relative to the long side
_ONLY_HERE = 0.115  # of that reach, for a hint with `only_here`
_EDGE = 38.0  # difference of L* to the next cell that takes the whole reach
_SHADING = 25.0  # difference of L* to the place of the hint that doubles the cost of a step
_TINT = 9.0  # difference of a*b* without hints to the place of the hint that does the same
_SOFTNESS = 8  # exponent of the falloff: a plateau with a slope at its rim
_NUDGE = 3.0  # a*b* by which a hint may change a place beyond its reach
_RESPONSE = (0.2, 0.5)  # progress towards the hint's color from which it counts, and counts fully
_LIMIT = 1.5  # distance beyond which nothing is left of the falloff
_STEPS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right)


def limit_reach(lightness: Float, hints: Sequence[Hint], hinted: Float, plain: Float) -> Float:
    """Keep the effect of hints within their reach.

    Args:
        lightness: (H, W) CIE L* of the image, 0..100, at any resolution.
        hints: At least one hint.
        hinted: (h, w, 2) a*b* predicted with the hints.
        plain: (h, w, 2) a*b* predicted without them.

    Returns:
        (h, w, 2) a*b*: `hinted` where it follows a hint within whose reach the place is; elsewhere
        `plain`, at most nudged towards the color of a hint without `radius` and `only_here`.
    """
    groups: dict[tuple[str, float, bool], list[Hint]] = {}  # of hints that differ in place alone
    for hint in hints:
        key = (hint.color, inf if hint.radius is None else hint.radius, hint.only_here)
        groups.setdefault(key, []).append(hint)
    scale = min(_GRID, (_CELLS / len(groups)) ** 0.5) / max(lightness.shape)
    rows, columns = (max(1, round(side * min(1.0, scale))) for side in lightness.shape)
    resized = cv2.resize(lightness, (columns, rows), interpolation=cv2.INTER_AREA)
    small = np.asarray(resized, np.float32)
    height, width = plain.shape[:2]
    cells = np.ix_(np.arange(rows) * height // rows, np.arange(columns) * width // columns)
    tints = plain[cells]
    change = hinted - plain
    length = np.maximum(np.sqrt((change * change).sum(axis=2)), 1e-3)
    weight = np.zeros((height, width), np.float32)
    start, full = _RESPONSE
    for group in groups.values():
        distance = _geodesic_distance(small, tints, group)
        reach = cv2.resize(np.exp(-(distance**_SOFTNESS)), (width, height))
        direction = np.array(group[0].ab, np.float32) - plain
        # Less than one unit away there is nothing to tell: the color is right with either answer.
        squares = np.maximum((direction * direction).sum(axis=2), 1)
        response = (change * direction).sum(axis=2) / squares
        np.maximum(weight, reach * np.clip((response - start) / (full - start), 0, 1), out=weight)
        if group[0].radius is None and not group[0].only_here:
            toward = response * np.sqrt(squares) / length
            np.maximum(weight, toward * np.minimum(_NUDGE / length, 1), out=weight)
    limited: Float = plain + weight[..., None] * change
    return limited


def _geodesic_distance(small: Float, tints: Float, hints: Sequence[Hint]) -> Float:
    """Measure each cell's distance to the nearest of some hints; 1 is as far as these reach.

    Dijkstra's algorithm over eight neighbors.

    Args:
        small: (rows, columns) L*.
        tints: (rows, columns, 2) a*b* without hints.
        hints: Hints with the same `radius` and `only_here`.
    """
    rows, columns = small.shape
    side, width = max(rows, columns), columns + 2
    unit = 1 / (_LENGTH * side * (_ONLY_HERE if hints[0].only_here else 1))
    radius = inf if hints[0].radius is None else hints[0].radius * side
    # No sum with the NaN of the border is below anything, so no path leaves the image.
    levels = np.pad(small, 1, constant_values=np.nan).ravel().tolist()
    a, b = np.pad(tints / _TINT, ((1, 1), (1, 1), (0, 0))).reshape(-1, 2).T.tolist()
    steps = [(down * width + right, hypot(down, right) * unit) for down, right in _STEPS]
    distance = [inf] * len(levels)
    queue = []
    for hint in hints:
        y, x = pixels_at(hint.y, rows).start, pixels_at(hint.x, columns).start
        source = (y + 1) * width + x + 1
        queue.append((0.0, source, source))
        distance[source] = 0.0
    heapify(queue)
    while queue:
        path, cell, source = heappop(queue)
        if path > distance[cell]:
            continue  # a shorter path was found meanwhile
        y, x = divmod(source, width)
        for offset, length in steps:
            other = cell + offset
            shading = (levels[other] - levels[source]) / _SHADING
            red, yellow = a[other] - a[source], b[other] - b[source]
            edge = (levels[other] - levels[cell]) / _EDGE
            unlike = 1 + shading * shading + red * red + yellow * yellow
            longer = path + length * unlike + edge * edge
            if not longer < min(distance[other], _LIMIT):
                continue
            if hypot(other // width - y, other % width - x) <= radius:
                distance[other] = longer
                heappush(queue, (longer, other, source))
    return np.array(distance, np.float32).reshape(rows + 2, width)[1:-1, 1:-1]
