"""The interface of inference engines, independent of the runtime behind them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from rechroma.errors import ModelFeatureError
from rechroma.options import check_int

if TYPE_CHECKING:
    from rechroma.color.lab import Float
    from rechroma.models import ModelCard

_MAX_THREADS = 8  # a small network gains little from more


class Engine(Protocol):
    """Runs a color model. One engine can be used from several threads at once."""

    @property
    def card(self) -> ModelCard:
        """The model card."""
        ...

    def chroma(self, lightness: Float, hints: Float | None = None) -> Float:
        """Predict the chroma of a batch of images.

        Args:
            lightness: (N, 1, H, W) float32, CIE L* in 0..100; H and W are multiples of the
                card's `stride`.
            hints: (N, 3, H, W) float32: a* and b* of the hints, and a mask that is 1 at hints and
                0 elsewhere; None for no hints.

        Returns:
            (N, 2, H / scale, W / scale) float32, CIE a* and b*, all finite.

        Raises:
            EngineError: Inference failed, or its output is invalid.
            ModelFeatureError: There are hints, but the model does not support them.
        """
        ...

    def distribution(self, lightness: Float, hints: Float | None = None) -> Float:
        """Predict the probability of each of the card's `bins` at every position.

        Args:
            lightness: As for :meth:`chroma`.
            hints: As for :meth:`chroma`.

        Returns:
            (N, Q, h, w) float32, probabilities of the Q bins; h = H / distribution_scale, and w
            likewise.

        Raises:
            EngineError: Inference failed, or its output is invalid.
            ModelFeatureError: The model has no distribution; or there are hints, but it does not
                support them.
        """
        ...


def check_hints_supported(card: ModelCard, hints: object | None) -> None:
    """Reject hints for a model that does not support them.

    Raises:
        ModelFeatureError: `hints` is not None, and the card says that hints are not supported.
    """
    if hints is not None and not card.hints:
        raise ModelFeatureError(
            f"the model {card.name} does not support hints",
            hint="Choose one that does: see 'rechroma models list'.",
        )


def available_threads() -> int:
    """Return the number of threads that this process can run at once, at most 8."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MAX_THREADS)
    return min(os.cpu_count() or 1, _MAX_THREADS)


def resolve_threads(threads: int | None) -> int:
    """Return the number of threads to use; None stands for :func:`available_threads`.

    Raises:
        OptionError: `threads` is not a whole number, or below 1.
    """
    if threads is None:
        return available_threads()
    check_int("threads", threads, 1, None)
    return threads
