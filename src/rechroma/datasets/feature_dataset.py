"""Training batches from a feature store.

Batches are drawn by the same :class:`ReproducibleBatchSampler` as those made from images: which
views a batch holds, and which are mirrored, is a function of (seed, step).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rechroma.datasets.dataset import SampleSpec
    from rechroma.datasets.features import FeatureStore


class FeatureBatch(NamedTuple):
    """Features of N views, and the chroma to predict from them; all float32 but the labels.

    Attributes:
        features: By output of the encoder: (N, C, H, W), or (N, C) for a pooled head.
        chroma: (N, 2, S / 8, S / 8) true a*b*.
        lightness: (N, 1, S / 4, S / 4) L* of the encoder's input, 0..100.
        label: (N,) class of each image, -1 for none.
    """

    features: dict[str, Tensor]
    chroma: Tensor
    lightness: Tensor
    label: Tensor


class FeatureDataset(Dataset[FeatureBatch]):
    """Views of a feature store by their specs; half of them are mirrored.

    The features are mirrored in place of the image: an encoder is not exactly equivariant to
    mirroring, but nearly so, and a second pass through it would cost as much as the first.
    """

    def __init__(self, store: FeatureStore) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, spec: SampleSpec) -> FeatureBatch:
        """Read a batch of one."""
        return self.__getitems__([spec])

    def __getitems__(self, specs: Sequence[SampleSpec]) -> FeatureBatch:
        """Read a batch at once."""
        records = self._store.read([spec.image for spec in specs])
        mirrored = np.array([np.random.default_rng(spec.seed).random() < 0.5 for spec in specs])
        maps = {name: _floats(records[name], mirrored) for name in self._store.outputs}
        return FeatureBatch(
            features=maps,
            chroma=_floats(records["chroma"], mirrored),
            lightness=_floats(records["lightness"], mirrored) / 2.55,
            label=torch.from_numpy(records["label"].astype(np.int64)),
        )


def _floats(values: np.ndarray, mirrored: np.ndarray) -> Tensor:
    floats = values.astype(np.float32)
    if floats.ndim == 4:
        floats[mirrored] = floats[mirrored, ..., ::-1]
    return torch.from_numpy(floats)


def feature_loader(
    dataset: FeatureDataset, batches: Iterable[list[SampleSpec]], *, workers: int = 0
) -> DataLoader[FeatureBatch]:
    """Make a loader that yields each batch of specs as a :class:`FeatureBatch`."""
    return DataLoader(dataset, batch_sampler=batches, num_workers=workers, collate_fn=_keep_batch)


def _keep_batch(batch: Any) -> Any:  # noqa: ANN401 - torch types it as a list of samples
    return batch
