"""What the page gets besides its files, from the service or as files of a static site."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, Any

from rechroma.imaging import encode_preview, read_photo
from rechroma.options import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from rechroma.models import ModelCard

LARGE_SAMPLE, SMALL_SAMPLE = (2048, 92), (200, 80)
"""Long side in pixels and JPEG quality of a sample, and of its thumbnail."""


def sliders() -> list[dict[str, Any]]:
    """List the name, range, step and default of each adjustment."""
    return [
        {
            "name": option.name,
            "min": option.low,
            "max": option.high,
            "step": option.step,
            "default": option.default,
        }
        for option in OPTIONS.values()
        if option.step is not None
    ]


def card_for_reading(card: ModelCard) -> dict[str, Any]:
    """Return a model's card without its color bins, which nobody reads."""
    fields = dataclasses.asdict(card)
    del fields["bins"]
    return fields


@cache
def gray_sample(path: Path, side: int, quality: int) -> bytes:
    """Encode a sample in gray as a JPEG, of at most `side` pixels on its long side."""
    return encode_preview(read_photo(path).gray, side, quality)
