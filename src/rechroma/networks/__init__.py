"""Torch modules, one file per architecture, and their registry."""

from __future__ import annotations

from rechroma.networks.base import ColourNetwork, Prediction, no_hints
from rechroma.networks.critic import Critic
from rechroma.networks.encoder import Encoder
from rechroma.networks.exported import load_exported
from rechroma.networks.registry import Architecture, build, describe, fill, find, load_encoder

__all__ = [
    "Architecture",
    "ColourNetwork",
    "Critic",
    "Encoder",
    "Prediction",
    "build",
    "describe",
    "fill",
    "find",
    "load_encoder",
    "load_exported",
    "no_hints",
]
