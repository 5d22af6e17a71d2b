"""Datasets: shards of images, training samples and feature stores; `build` makes shards.

Modules that need PyTorch are imported when one of their names is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rechroma.datasets.crops import downsample_chroma, random_hints
from rechroma.datasets.degradation import degrade_lightness
from rechroma.datasets.feature_store import FeatureConfig, FeatureStore, build_features
from rechroma.datasets.shards import Shards, evenly_spaced

if TYPE_CHECKING:
    from rechroma.datasets.dataset import (
        ColorizationDataset,
        CropConfig,
        FeatureBatch,
        FeatureDataset,
        ReproducibleBatchSampler,
        Sample,
        SampleSpec,
        feature_loader,
    )

__all__ = [
    "ColorizationDataset",
    "CropConfig",
    "FeatureBatch",
    "FeatureConfig",
    "FeatureDataset",
    "FeatureStore",
    "ReproducibleBatchSampler",
    "Sample",
    "SampleSpec",
    "Shards",
    "build_features",
    "degrade_lightness",
    "downsample_chroma",
    "evenly_spaced",
    "feature_loader",
    "random_hints",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("rechroma.datasets.dataset"), name)
