"""An engine without a network, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rechroma.engines.base import check_hints_supported
from rechroma.models import ModelCard

if TYPE_CHECKING:
    from rechroma.color.lab import Float


class FakeEngine:
    """An engine that predicts one hue everywhere, with chroma proportional to lightness.

    A cell with a hint in it gets the mean of what was fixed there. The distribution knows of two
    colors, neutral and `ab`, and of no hints.

    Args:
        ab: The a* and b* of white; a cell of mean lightness L* gets L* / 100 of them.
        stride: See :class:`rechroma.models.ModelCard`, as for the other two.
        scale: Height and width of the input over those of the chroma.
        size: Long side of the network's input.
        hints: Whether it takes any.
    """

    def __init__(
        self,
        ab: tuple[float, float] = (20.0, 30.0),
        *,
        stride: int = 32,
        scale: int = 4,
        size: int = 256,
        hints: bool = True,
    ) -> None:
        self._ab = np.array(ab, np.float32).reshape(1, 2, 1, 1)
        self._card = ModelCard(
            name="fake",
            version="1",
            stride=stride,
            scale=scale,
            size=size,
            license="Apache-2.0",
            authors=("The Rechroma authors",),
            data=(),
            hints=hints,
            bins=((0.0, 0.0), ab),
            description="One hue for everything; for tests.",
        )

    @property
    def card(self) -> ModelCard:
        """The card of the model."""
        return self._card

    def chroma(self, lightness: Float, hints: Float | None = None) -> Float:
        """See :meth:`rechroma.engines.Engine.chroma`."""
        check_hints_supported(self._card, hints)
        free: Float = self._cells(lightness) / np.float32(100) * self._ab
        if hints is None:
            return free
        mask = hints[:, 2:]
        share = self._cells(mask)
        fixed = self._cells(hints[:, :2] * mask) / np.where(share > 0, share, 1)
        return np.where(share > 0, fixed, free)

    def distribution(self, lightness: Float, hints: Float | None = None) -> Float:
        """See :meth:`rechroma.engines.Engine.distribution`."""
        check_hints_supported(self._card, hints)
        share: Float = self._cells(lightness) / np.float32(100)
        return np.concatenate([1 - share, share], axis=1)

    def _cells(self, planes: Float) -> Float:
        """Average lightness over the cells of the chroma."""
        scale = self._card.scale
        height, width = (side // scale for side in planes.shape[2:])
        cells = planes.reshape(*planes.shape[:2], height, scale, width, scale)
        mean: Float = cells.mean(axis=(3, 5))
        return mean
