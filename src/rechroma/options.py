"""What the user may turn, and how it turns the network's chroma."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from rechroma.hints import check_hints
from rechroma.numeric import check_range, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.color.lab import Float
    from rechroma.hints import Hint

MIN_SIZE, MAX_SIZE = 64, 2048

_WARM = np.array([3.0, 12.0], np.float32)  # a* and b* that `warmth` 1 adds to vivid colors
_WARM_HALF = 10.0  # chroma at which half of that is added


class ViewOptions(TypedDict, total=False):
    """What the network sees: two of the fields of :class:`Adjustments` as keyword arguments."""

    size: int | None
    hints: Sequence[Hint]


class InferenceOptions(ViewOptions, total=False):
    """The fields of :class:`Adjustments` as keyword arguments."""

    saturation: float
    warmth: float
    strength: float


@dataclass(frozen=True)
class Adjustments:
    """What the user may turn, and the colors that the user fixed.

    Attributes:
        saturation: Factor on the chroma, 0 (gray) to 3.
        warmth: -1 (cooler) to 1 (warmer): up to 12 units of b* and 3 of a*, less where there is
            little color, so that neutral stays neutral.
        strength: How much of the color is mixed into the gray, 0 to 1.
        size: Long side of the copy that the network sees, 64 to 2048 pixels; None for the size it
            was trained for.
        hints: Colors at places of the picture, later ones over earlier ones; for models that take
            hints. The network decides how far each color spreads; the other knobs turn them, too.

    Raises:
        OptionError: One of them is out of range, or no number.
        HintError: `hints` is no list of hints, or too long a one.
    """

    saturation: float = 1.0
    warmth: float = 0.0
    strength: float = 1.0
    size: int | None = None
    hints: Sequence[Hint] = ()

    def __post_init__(self) -> None:
        check_range("saturation", self.saturation, 0, 3)
        check_range("warmth", self.warmth, -1, 1)
        check_range("strength", self.strength, 0, 1)
        if self.size is not None:
            check_whole("size", self.size, MIN_SIZE, MAX_SIZE)
        check_hints(self.hints)

    def apply(self, ab: Float) -> Float:
        """Turn the knobs on chroma (..., 2), a* and b*."""
        ab = ab * np.float32(self.saturation)
        if self.warmth:
            chroma = np.linalg.norm(ab, axis=-1, keepdims=True)
            ab = ab + np.float32(self.warmth) * _WARM * (chroma / (chroma + _WARM_HALF))
        return np.asarray(ab * np.float32(self.strength), np.float32)
