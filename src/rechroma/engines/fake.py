"""An engine without a network, for tests and for trying out what stands around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rechroma.models import ModelCard

if TYPE_CHECKING:
    from rechroma.color.lab import Float


class FakeEngine:
    """Gives every place one hue, the stronger the lighter it is; black stays neutral.

    Args:
        ab: The a* and b* of white; a cell of mean lightness L* gets L* / 100 of them.
        stride: See :class:`rechroma.models.ModelCard`, as for the other two.
        scale: Height and width of the input over those of the chroma.
        size: Long side of the network's input.
    """

    def __init__(
        self,
        ab: tuple[float, float] = (20.0, 30.0),
        *,
        stride: int = 32,
        scale: int = 4,
        size: int = 256,
    ) -> None:
        self._ab = np.array(ab, np.float32).reshape(1, 2, 1, 1)
        self._card = ModelCard(
            name="fake",
            version="1",
            stride=stride,
            scale=scale,
            size=size,
            licence="Apache-2.0",
            authors=("The Rechroma authors",),
            data=(),
            description="One hue for everything; for tests.",
        )

    @property
    def card(self) -> ModelCard:
        """A card as a model file would carry it."""
        return self._card

    def chroma(self, lightness: Float) -> Float:
        """See :meth:`rechroma.engines.Engine.chroma`."""
        count, _, height, width = lightness.shape
        scale = self._card.scale
        cells = lightness.reshape(count, 1, height // scale, scale, width // scale, scale)
        mean: Float = cells.mean(axis=(3, 5)) / np.float32(100)
        return mean * self._ab
