"""Training samples: a crop of an image as lightness, and its chroma as the target.

A sample is a function of (image, size, seed), and the order of all samples a function of
(seed, step), so that a resumed run continues with exactly the same samples.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import torch
from msgspec import Meta, Struct
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from rechroma.color import lightness, srgb_to_lab
from rechroma.datasets.crops import average_cells, random_count, random_crop, random_hints
from rechroma.datasets.degradation import degrade_lightness
from rechroma.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from rechroma.datasets.feature_store import FeatureStore
    from rechroma.datasets.shards import Shards


class SampleSpec(NamedTuple):
    """Specification of a sample.

    Attributes:
        image: Index of the image, or of the view in a feature store.
        size: Side of the crop in pixels.
        seed: Seed of all random choices.
        with_hints: Whether to set some of the true colors as hints.
    """

    image: int
    size: int
    seed: int
    with_hints: bool = False


class Sample(NamedTuple):
    """Input and target of a network.

    Attributes:
        lightness: (1, S, S) in 0..100, possibly of a simulated old print.
        hints: (3, S, S) a*, b* and mask; all zero without hints.
        chroma: (2, S / scale, S / scale) true a*b*.
        rgb: (3, S, S) uint8, the image in color.
        label: Class of the image, -1 for none.
    """

    lightness: Tensor
    hints: Tensor
    chroma: Tensor
    rgb: Tensor
    label: Tensor


class CropConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Sizes and augmentation of crops.

    Attributes:
        sizes: Sides in pixels, one of which is drawn for each batch.
        size_shares: Probability of each size; as long as `sizes`.
        min_crop_area: Smallest share of the image's largest square that a crop shows, 0..1.
        degrade_prob: Share of samples whose lightness looks like that of an old print, 0..1.
        hint_prob: Share of batches with hints, 0..1.
    """

    sizes: Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(min_length=1)] = (128,)
    size_shares: tuple[Annotated[float, Meta(ge=0)], ...] = (1.0,)
    min_crop_area: Annotated[float, Meta(gt=0, le=1)] = 0.4
    degrade_prob: Annotated[float, Meta(ge=0, le=1)] = 0.0
    hint_prob: Annotated[float, Meta(ge=0, le=1)] = 0.0

    def in_batch(self, size: int, batch_size: int) -> int:
        """Scale the batch size, which is for the first size, to about the same pixel count."""
        return max(1, round(batch_size * (self.sizes[0] / size) ** 2))


class ColorizationDataset(Dataset[Sample]):
    """Samples made from images on demand, by their specs.

    Args:
        images: The images.
        crops: Sizes and augmentation.
        scale: Output stride of the network: how much smaller its chroma is than its input.
        classes: Number of classes of the network's classifier; 0 for none.
    """

    def __init__(self, images: Shards, crops: CropConfig, scale: int, classes: int = 0) -> None:
        self._images, self._crops, self._scale = images, crops, scale
        self._classes = classes

    def __getitem__(self, spec: SampleSpec) -> Sample:
        """Make a sample.

        Raises:
            DataError: The image is damaged, or of a class that the network does not have.
        """
        try:
            return self._make_sample(spec)
        except DataError as error:
            if error.hint:
                error.add_note(error.hint)  # a DataLoader's worker hands on the traceback alone
            raise

    def _make_sample(self, spec: SampleSpec) -> Sample:
        rng = np.random.default_rng(spec.seed)
        rgb = random_crop(self._images[spec.image], spec.size, self._crops.min_crop_area, rng)
        degraded = rng.random() < self._crops.degrade_prob
        light = degrade_lightness(rgb, rng) if degraded else lightness(rgb)
        chroma = srgb_to_lab(rgb)[..., 1:]
        hints = random_hints(chroma, random_count(rng) if spec.with_hints else 0, rng)
        label = self._images.label(spec.image)
        if 0 < self._classes <= label:
            place = f"{self._images.shard(spec.image)}:{self._images.key(spec.image)}"
            raise DataError(
                f"{place}: has class {label}, but the network has {self._classes} classes "
                "from 0 on (network.options.classes)",
                hint="Set network.options.classes above the largest class of the shards.",
            )
        return Sample(
            torch.from_numpy(light)[None],
            torch.from_numpy(hints),
            torch.from_numpy(average_cells(chroma, self._scale)),
            torch.from_numpy(rgb).permute(2, 0, 1),
            torch.tensor(label),
        )


class ReproducibleBatchSampler(Sampler[list[SampleSpec]]):
    """Batches of specs; each epoch visits every image once, in its own random order.

    Args:
        images: Number of images.
        crops: Sizes to draw from; all samples of a batch have the same size.
        batch_size: Samples in a batch of the first size.
        seed: Seed of the whole run.
        start: First step, to resume a run.
        seen: Samples drawn before that step.
        steps: Step to end before.
        share: Rank of this process and number of processes; each takes its part of every batch.
    """

    def __init__(
        self,
        images: int,
        crops: CropConfig,
        batch_size: int,
        seed: int,
        *,
        start: int = 0,
        seen: int = 0,
        steps: int,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._images, self._crops, self._batch_size, self._seed = images, crops, batch_size, seed
        self._start, self._seen, self._steps, self._share = start, seen, steps, share

    def __len__(self) -> int:
        return self._steps - self._start

    def __iter__(self) -> Iterator[list[SampleSpec]]:
        seen = self._seen
        for step in range(self._start, self._steps):
            specs = self._draw(step, seen)
            seen += len(specs)
            rank, processes = self._share
            yield specs[rank::processes]

    def _draw(self, step: int, seen: int) -> list[SampleSpec]:
        rng = np.random.default_rng((self._seed, step))
        size = int(rng.choice(self._crops.sizes, p=self._crops.size_shares))
        count = self._crops.in_batch(size, self._batch_size)
        places = (divmod(seen + number, self._images) for number in range(count))
        images = [int(_order(self._images, self._seed, epoch)[i]) for epoch, i in places]
        seeds = rng.integers(0, 2**62, count)
        hints = bool(rng.random() < self._crops.hint_prob)
        return [SampleSpec(i, size, int(s), hints) for i, s in zip(images, seeds, strict=True)]


@lru_cache(maxsize=2)
def _order(images: int, seed: int, epoch: int) -> NDArray[np.int64]:
    rng = np.random.default_rng((seed, 1 << 40, epoch))  # apart from the steps' generators
    return rng.permutation(images)


class FeatureBatch(NamedTuple):
    """Features of N views, and the chroma to predict from them; all float32 except the labels.

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
