"""Colorization networks in torch: the interface, the architectures, and their weights."""

from __future__ import annotations

from rechroma.networks.base import (
    Architecture,
    ColorizationNetwork,
    Prediction,
    RegressionNetwork,
    no_hints,
)
from rechroma.networks.checkpoint_io import (
    fold_normalization,
    load_encoder,
    load_exported,
    load_published,
    load_weights,
    state_without_counters,
)
from rechroma.networks.encoders.base import Encoder
from rechroma.networks.registry import (
    ARCHITECTURES,
    check_is_imported,
    create_network,
    get_architecture,
    network_config,
    register,
)

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "ColorizationNetwork",
    "Encoder",
    "Prediction",
    "RegressionNetwork",
    "check_is_imported",
    "create_network",
    "fold_normalization",
    "get_architecture",
    "load_encoder",
    "load_exported",
    "load_published",
    "load_weights",
    "network_config",
    "no_hints",
    "register",
    "state_without_counters",
]
