"""Predictions of a model for photographs converted to gray, as users would get them.

All go through :meth:`Colorizer.predict <rechroma.Colorizer.predict>` and `render`, so that
evaluation measures what is served.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Unpack

import numpy as np

from rechroma.color import lab_to_srgb
from rechroma.colorizer import Colorizer
from rechroma.datasets import degrade_lightness
from rechroma.hints import Hint, hint_square
from rechroma.imaging import photo_of_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from rechroma.color.lab import Float
    from rechroma.colorizer import PredictKwargs
    from rechroma.engines import Engine

    Image = NDArray[np.uint8]

MAX_CHROMA = 110.0  # sRGB reaches 108
_SEED = 20_040
_BENCHMARK_SIDE = 256
_BENCHMARK_RUNS = 20


class EvalPredictor:
    """Colors gray images with one engine, and keeps track of the predicted chroma.

    Args:
        engine: The model.
        size: Long side of the network's input; by default the model's own.

    Attributes:
        chroma_max: Largest absolute a* or b* predicted so far, before gamut mapping; with hints,
            after their reach was limited.
        chroma_beyond: Share of the predicted pixels, 0..1, with an absolute a* or b* above 110,
            which no sRGB color has.
    """

    def __init__(self, engine: Engine, size: int | None = None) -> None:
        self.card = engine.card
        self.chroma_max = self.chroma_beyond = 0.0
        self._colorizer, self._size = Colorizer(engine=engine), size
        self._pixels = 0

    def colorize(self, gray: Image, size: int | None = None) -> Image:
        """Color a gray image (H, W); returns (H, W, 3)."""
        return self._render(gray, self._predict(gray, size=size or self._size))

    def colorize_as(self, gray: Image, seen: Image) -> Image:
        """Color a gray image (H, W) with the chroma predicted for another one of its shape."""
        return self._render(gray, self._predict(seen, size=self._size))

    def colorize_with_hints(self, gray: Image, hints: Sequence[Hint]) -> Image:
        """Color a gray image (H, W) with hints.

        Raises:
            ModelFeatureError: There are hints, and the model does not support them.
        """
        return self._render(gray, self._predict(gray, size=self._size, hints=hints))

    def _render(self, gray: Image, chroma: Float) -> Image:
        return np.asarray(self._colorizer.render(gray, chroma), np.uint8)

    def _predict(self, gray: Image, **options: Unpack[PredictKwargs]) -> Float:
        chroma = self._colorizer.predict(gray, **options)
        largest = np.abs(chroma).max(axis=-1)
        self.chroma_max = max(self.chroma_max, float(largest.max()))
        pixels = self._pixels + largest.size
        beyond = self.chroma_beyond * self._pixels + np.count_nonzero(largest > MAX_CHROMA)
        self.chroma_beyond, self._pixels = beyond / pixels, pixels
        return chroma


def to_gray(rgb: Image) -> Image:
    """Convert a color image (H, W, 3) to sRGB gray (H, W) of the same luminance."""
    return np.asarray(photo_of_array(rgb).gray, np.uint8)


def degrade(rgb: Image, rng: Generator) -> Image:
    """Render a color image (H, W, 3) as the sRGB gray (H, W) of a simulated old print."""
    light = degrade_lightness(rgb, rng)
    lab = np.stack([light, np.zeros_like(light), np.zeros_like(light)], axis=-1)
    return np.ascontiguousarray(lab_to_srgb(lab, np.uint8)[..., 1], np.uint8)


def gray_to_rgb(gray: Image) -> Image:
    """Repeat a gray image (H, W) to (H, W, 3)."""
    return np.repeat(gray[..., None], 3, axis=-1)


def draw_hints(truth: Image, count: int, rng: Generator) -> list[Hint]:
    """Draw true colors of a photograph (H, W, 3) as hints, more of them near its middle.

    Fewer hints are a prefix of more hints, if the generators have the same seed.
    """
    hints = []
    for x, y in rng.normal(0.5, 0.25, size=(count, 2)).clip(0, 1).tolist():
        color = truth[hint_square(x, y, *truth.shape[:2])].mean(axis=(0, 1))
        hints.append(Hint(x, y, f"#{bytes(np.rint(color).astype(np.uint8)).hex()}"))
    return hints


def rng_for(key: str) -> Generator:
    """Make the random generator of an image: the same in every run, for any set of images."""
    return np.random.default_rng((_SEED, zlib.crc32(key.encode())))


def network_milliseconds(engine: Engine) -> float:
    """Measure the network alone at 256 x 256, or the next larger size that it supports.

    Returns the median of 20 runs in milliseconds, after one warm-up run.
    """
    side = -(-_BENCHMARK_SIDE // engine.card.stride) * engine.card.stride
    lightness = np.full((1, 1, side, side), 50, np.float32)
    seconds = []
    for _ in range(1 + _BENCHMARK_RUNS):
        began = perf_counter()
        engine.chroma(lightness)
        seconds.append(perf_counter() - began)
    return 1000 * median(seconds[1:])


def peak_memory_mb() -> float:
    """Return the peak memory of this process in MB, all its libraries included; nan on Windows.

    On Linux it is read from /proc: `getrusage` also counts what the process that spawned this one
    had in use at that time.
    """
    with suppress(OSError), Path("/proc/self/status").open(encoding="ascii") as status:
        for line in status:  # some containers leave it out
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 976.5625
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return float("nan")
    return getrusage(RUSAGE_SELF).ru_maxrss / 1e6  # bytes on macOS
