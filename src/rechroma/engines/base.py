"""What every engine keeps, whatever it runs on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from rechroma.errors import OptionError

if TYPE_CHECKING:
    from rechroma.color.lab import Float
    from rechroma.models import ModelCard

_MOST_THREADS = 8  # a small network gains little from more


class Engine(Protocol):
    """Runs a colour model. One engine may be used from several threads at once."""

    @property
    def card(self) -> ModelCard:
        """What the model says about itself."""
        ...

    def chroma(self, lightness: Float) -> Float:
        """Predict the chroma of a batch of pictures.

        Args:
            lightness: (N, 1, H, W) float32, CIE L* in 0..100; H and W are multiples of the
                card's `stride`.

        Returns:
            (N, 2, H / scale, W / scale) float32, CIE a* and b*, all finite.

        Raises:
            EngineError: The model failed, or gave something that is no chroma.
        """
        ...


def available_threads() -> int:
    """How many threads this process may run at once, at most 8."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST_THREADS)
    return min(os.cpu_count() or 1, _MOST_THREADS)


def checked_threads(threads: int | None) -> int:
    """The number of threads to use: what was asked for, or :func:`available_threads`.

    Raises:
        OptionError: No whole number, or one below 1.
    """
    if threads is None:
        return available_threads()
    if not isinstance(threads, int) or threads < 1:
        raise OptionError(f"threads must be a whole number of at least 1, not {threads!r}")
    return threads
