"""A model in a process of its own, so that its time and peak memory are measured separately.

The process is spawned, not forked, and must import little: what it imports counts as its memory.
"""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from rechroma.colorizer import Colorizer
from rechroma.errors import EngineError
from rechroma.evaluation.predictor import peak_memory_mb

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rechroma.evaluation.predictor import Image


class ModelProcess:
    """A model that colors photographs in another process.

    Args:
        path: The model file.
        warm_up: A gray photograph (H, W), colored once before any time is taken.

    Attributes:
        seconds: Time of each photograph so far, from gray pixels to colored pixels.

    Raises:
        ModelError: The model cannot be used.
        EngineError: Inference failed; here or later, the process has ended.
    """

    def __init__(self, path: Path, warm_up: Image) -> None:
        self._path = path
        self.seconds: list[float] = []
        ignore_ctrl_c = (signal.SIGINT, signal.SIG_IGN)  # the parent stops the process
        self._pool = ProcessPoolExecutor(
            1, get_context("spawn"), initializer=signal.signal, initargs=ignore_ctrl_c
        )
        try:
            self._call(_load, path, warm_up)
        except BaseException:
            self.close()
            raise

    def colorize(self, gray: Image) -> Image:
        """Color a photograph (H, W); returns (H, W, 3)."""
        rgb: Image
        rgb, seconds = self._call(_colorize, gray)
        self.seconds.append(seconds)
        return rgb

    def peak_memory_mb(self) -> float:
        """Return the peak memory of the process in MB, Python included."""
        return float(self._call(peak_memory_mb))

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(cancel_futures=True)

    def _call(self, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise EngineError(
                f"{self._path}: the process of this model ended unexpectedly",
                hint="Often the memory is too small: compare fewer or smaller models at a time.",
            ) from error


_colorizer: Colorizer | None = None  # of the spawned process


def _load(path: Path, warm_up: Image) -> None:
    global _colorizer
    _colorizer = Colorizer(path)
    _colorizer.colorize(warm_up)


def _colorize(gray: Image) -> tuple[Image, float]:
    assert _colorizer is not None
    began = perf_counter()
    rgb = np.asarray(_colorizer.colorize(gray), np.uint8)
    return rgb, perf_counter() - began
