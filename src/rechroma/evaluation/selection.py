"""Which pictures of many to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class ImageScore:
    """One picture of the set.

    Attributes:
        number: Its place among the shards' pictures.
        key: Its name in its shard.
        source: Where it is from.
        gray: CIEDE2000 of gray.
        model: CIEDE2000 of the model's answer.
    """

    number: int
    key: str
    source: str
    gray: float
    model: float

    @property
    def gain(self) -> float:
        """By how much CIEDE2000 the model is nearer to the truth than gray."""
        return self.gray - self.model


def best_and_worst(each: Sequence[ImageScore], limit: int) -> list[ImageScore]:
    """At most `limit` pictures, those that gained most over gray first, those that lost most last.

    Args:
        each: All pictures.
        limit: An even number.
    """
    ranked = sorted(each, key=lambda judged: -judged.gain)
    half = limit // 2
    return ranked if len(ranked) <= limit else ranked[:half] + ranked[-half:]
