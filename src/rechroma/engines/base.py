"""What every engine keeps, whatever it runs on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from rechroma.errors import ModelFeatureError, OptionError

if TYPE_CHECKING:
    from rechroma.color.lab import Float
    from rechroma.models import ModelCard

_MAX_THREADS = 8  # a small network gains little from more


class Engine(Protocol):
    """Runs a color model. One engine may be used from several threads at once."""

    @property
    def card(self) -> ModelCard:
        """What the model says about itself."""
        ...

    def chroma(self, lightness: Float, hints: Float | None = None) -> Float:
        """Predict the chroma of a batch of pictures.

        Args:
            lightness: (N, 1, H, W) float32, CIE L* in 0..100; H and W are multiples of the
                card's `stride`.
            hints: (N, 3, H, W) float32: a* and b* of what the user fixed, and a mask that is 1
                there and 0 elsewhere. None fixes nothing.

        Returns:
            (N, 2, H / scale, W / scale) float32, CIE a* and b*, all finite.

        Raises:
            EngineError: The model failed, or gave something that is no chroma.
            ModelFeatureError: There are hints, and the model takes none.
        """
        ...

    def distribution(self, lightness: Float, hints: Float | None = None) -> Float:
        """Predict how likely each of the card's `bins` is, for every place.

        Args:
            lightness: As for :meth:`chroma`.
            hints: As for :meth:`chroma`.

        Returns:
            (N, Q, h, w) float32, probabilities of the Q bins; h = H / distribution_scale, and w
            likewise.

        Raises:
            EngineError: The model failed, or gave something that is no distribution.
            ModelFeatureError: The model gives none; or there are hints, and it takes none.
        """
        ...


def check_takes_hints(card: ModelCard, hints: object | None) -> None:
    """Refuse hints to a model that takes none.

    Raises:
        ModelFeatureError: There are hints, and the card says that the model takes none.
    """
    if hints is not None and not card.hints:
        raise ModelFeatureError(
            f"the model {card.name} takes no hints",
            hint="Use one that does: see 'rechroma models list'.",
        )


def available_threads() -> int:
    """How many threads this process may run at once, at most 8."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MAX_THREADS)
    return min(os.cpu_count() or 1, _MAX_THREADS)


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
