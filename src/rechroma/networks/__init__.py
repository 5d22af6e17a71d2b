"""Torch modules, one file per architecture, and their registry."""

from __future__ import annotations

from rechroma.networks.base import ColourNetwork, Prediction, no_hints
from rechroma.networks.critic import Critic
from rechroma.networks.encoder import Encoder
from rechroma.networks.exported import load_exported
from rechroma.networks.published import load_published
from rechroma.networks.registry import (
    ARCHITECTURES,
    Architecture,
    build,
    by_name,
    describe,
    fill,
    find,
    load_encoder,
    weights_of,
)
from rechroma.networks.spectral import fold_spectral_norm

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "ColourNetwork",
    "Critic",
    "Encoder",
    "Prediction",
    "build",
    "by_name",
    "describe",
    "fill",
    "find",
    "fold_spectral_norm",
    "load_encoder",
    "load_exported",
    "load_published",
    "no_hints",
    "weights_of",
]
