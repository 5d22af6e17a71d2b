"""Torch modules, one file per architecture, and their registry."""

from __future__ import annotations

from rechroma.networks.base import ColourNetwork, Prediction
from rechroma.networks.registry import Architecture, build, find, load_encoder

__all__ = ["Architecture", "ColourNetwork", "Prediction", "build", "find", "load_encoder"]
