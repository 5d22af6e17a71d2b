"""Pictures for training: shards, crops, and lightness that looks old."""

from __future__ import annotations

from rechroma.datasets.aging import aged_lightness
from rechroma.datasets.examples import Crops, Example, Examples, Ticket, Tickets, small_chroma
from rechroma.datasets.hints import random_hints
from rechroma.datasets.shards import Shards

__all__ = [
    "Crops",
    "Example",
    "Examples",
    "Shards",
    "Ticket",
    "Tickets",
    "aged_lightness",
    "random_hints",
    "small_chroma",
]
