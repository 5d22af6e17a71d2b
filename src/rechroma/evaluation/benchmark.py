"""Time and memory of a model on this machine, too noisy to test against."""

from __future__ import annotations

import sys
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rechroma.engines import Engine

_SIDE = 256
_RUNS = 20


def network_milliseconds(engine: Engine) -> float:
    """Measure the network alone at 256 x 256, or the next larger size that it supports.

    Returns the median of 20 runs in milliseconds, after one warm-up run.
    """
    side = -(-_SIDE // engine.card.stride) * engine.card.stride
    lightness = np.full((1, 1, side, side), 50, np.float32)
    seconds = []
    for _ in range(1 + _RUNS):
        began = perf_counter()
        engine.chroma(lightness)
        seconds.append(perf_counter() - began)
    return 1000 * median(seconds[1:])


def peak_memory_mb() -> float:
    """Return the peak memory of this process in MB, the evaluation included; nan on Windows."""
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit / 1e6
