"""Torch modules, one file per architecture, and their registry."""

from __future__ import annotations

from rechroma.networks.base import ColorizationNetwork, Prediction, no_hints
from rechroma.networks.checkpoint_import import load_published
from rechroma.networks.critic import Critic
from rechroma.networks.encoders.base import Encoder
from rechroma.networks.layers.spectral_norm import fold_spectral_norm
from rechroma.networks.onnx_weights import load_exported
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

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "ColorizationNetwork",
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
