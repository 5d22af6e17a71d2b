"""Degradation of lightness to that of an old black-and-white print.

Only the network's input is degraded; the target stays the color of the photograph. Old film did not
record all colors alike: orthochromatic plates hardly saw red, the earliest only blue ("Time-
Travel Rephotography", arXiv 2012.12261), and photographers used filters. Prints fade, blur, gather
grain and scratches, and scans are compressed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color.lab import (
    lightness,
    lightness_of_luminance,
    linear_table,
    weighted_light,
)

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from rechroma.color.lab import Float

# Weights of linear red, green and blue in the light that the film records.
_FILMS = {
    "panchromatic": (0.30, 0.45, 0.25),
    "orthochromatic": (0.03, 0.55, 0.42),
    "blue-sensitive": (0.0, 0.12, 0.88),
    "red filter": (0.80, 0.18, 0.02),
    "yellow filter": (0.40, 0.55, 0.05),
    "green filter": (0.15, 0.75, 0.10),
}
_FILM_SHARE = 0.5  # of the degraded images; the others are recorded as the eye sees them


def degrade_lightness(rgb: NDArray[np.uint8], rng: Generator) -> Float:
    """Render a photograph as the L* of an old print of it.

    Args:
        rgb: (H, W, 3) sRGB.
        rng: Draws the defects and their strengths.

    Returns:
        (H, W) float32 in 0..100.
    """
    degraded = _film(rgb, rng) if rng.random() < _FILM_SHARE else lightness(rgb)
    for defect, probability in _DEFECTS:
        if rng.random() < probability:
            degraded = defect(degraded, rng)
    return np.clip(degraded, 0, 100).astype(np.float32)


def _film(rgb: NDArray[np.uint8], rng: Generator) -> Float:
    weights = np.array(list(_FILMS.values()), np.float32)[rng.integers(len(_FILMS))]
    weights = weights * rng.uniform(0.8, 1.2, 3).astype(np.float32)
    light = weighted_light(rgb, linear_table("uint8"), weights / weights.sum())
    return lightness_of_luminance(light)


def _tone(light: Float, rng: Generator) -> Float:
    gamma = np.exp2(rng.uniform(-0.8, 0.8))
    return np.asarray(100 * np.clip(light / 100, 0, 1) ** gamma, np.float32)


def _fade(light: Float, rng: Generator) -> Float:
    black, white = rng.uniform(0, 25), rng.uniform(75, 100)
    return (light * ((white - black) / 100) + black).astype(np.float32)


def _vignette(light: Float, rng: Generator) -> Float:
    height, width = light.shape
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    return (light * (1 - rng.uniform(0.1, 0.5) * (x * x + y * y) / 2)).astype(np.float32)


def _blur(light: Float, rng: Generator) -> Float:
    return np.asarray(cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 1.8)), np.float32)


def _enlarge(light: Float, rng: Generator) -> Float:
    height, width = light.shape
    factor = rng.uniform(1.3, 3)
    small = (max(2, round(width / factor)), max(2, round(height / factor)))
    shrunk = cv2.resize(light, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR))


def _grain(light: Float, rng: Generator) -> Float:
    noise = rng.standard_normal(light.shape, np.float32)
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.3, 0.9)))
    midtones = 0.5 + 2 * (light / 100) * (1 - light / 100)
    return np.asarray(light + rng.uniform(1, 7) * noise * midtones / noise.std(), np.float32)


def _compress(light: Float, rng: Generator) -> Float:
    levels = np.clip(np.rint(light * 2.55), 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 95))]
    data = cv2.imencode(".jpg", levels, quality)[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(2.55)


def _scratch(light: Float, rng: Generator) -> Float:
    height, width = light.shape
    scratched = light.copy()
    for _ in range(rng.integers(1, 6)):
        ends = rng.integers(0, (width, height), (2, 2))
        shade = float(rng.choice([rng.uniform(0, 25), rng.uniform(75, 100)]))
        start, end = ends[0].tolist(), ends[1].tolist()
        cv2.line(scratched, start, end, shade, 1, cv2.LINE_AA)
    return scratched


_Defect = Callable[["Float", "Generator"], "Float"]

# In the order in which they occur: exposure, lens, paper, scan.
_DEFECTS: tuple[tuple[_Defect, float], ...] = (
    (_tone, 0.5),
    (_blur, 0.35),
    (_enlarge, 0.2),
    (_vignette, 0.25),
    (_grain, 0.5),
    (_fade, 0.4),
    (_scratch, 0.15),
    (_compress, 0.4),
)
