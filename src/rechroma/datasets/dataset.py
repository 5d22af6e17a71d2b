"""Training examples: a crop of a photograph as lightness and as the chroma to be found.

An example is a function of (picture, size, seed) alone, and the order of all examples a function
of (seed, step): a run that was stopped goes on with the very same examples.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import torch
from msgspec import Meta, Struct
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from rechroma.color import lightness, srgb_to_lab
from rechroma.datasets.crops import random_crop, shrink_chroma
from rechroma.datasets.degradation import degrade_lightness
from rechroma.datasets.random_hints import random_count, random_hints
from rechroma.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rechroma.datasets.shards import Shards


class SampleSpec(NamedTuple):
    """An example to make.

    Attributes:
        picture: Of which picture.
        size: Its side in pixels.
        seed: Of its dice.
        hinted: Whether some of its colors are given.
    """

    picture: int
    size: int
    seed: int
    hinted: bool = False


class Example(NamedTuple):
    """What a network is shown, and what it has to find.

    Attributes:
        lightness: (1, S, S) in 0..100, maybe of an old-looking print.
        hints: (3, S, S) a*, b* and mask; mostly nothing.
        chroma: (2, S / scale, S / scale) the true a*b*.
        rgb: (3, S, S) uint8, the photograph in color.
        label: What it shows, -1 where nobody said.
    """

    lightness: Tensor
    hints: Tensor
    chroma: Tensor
    rgb: Tensor
    label: Tensor


class Crops(Struct, frozen=True, forbid_unknown_fields=True):
    """How crops are taken.

    Attributes:
        sizes: Sides in pixels, one of which is drawn for each batch.
        size_shares: How often each size is drawn; as long as `sizes`.
        min_crop_area: Least share of the picture's area that a crop shows.
        degrade_prob: Share of the examples whose lightness looks old.
        hint_prob: Share of the batches in which some colors are given.
    """

    sizes: Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(min_length=1)] = (128,)
    size_shares: tuple[Annotated[float, Meta(ge=0)], ...] = (1.0,)
    min_crop_area: Annotated[float, Meta(gt=0, le=1)] = 0.4
    degrade_prob: Annotated[float, Meta(ge=0, le=1)] = 0.0
    hint_prob: Annotated[float, Meta(ge=0, le=1)] = 0.0

    def in_batch(self, size: int, batch: int) -> int:
        """How many crops of `size` make up a batch of `batch` crops of the first size."""
        return max(1, round(batch * (self.sizes[0] / size) ** 2))


class Examples(Dataset[Example]):
    """Examples made from pictures on demand, by their tickets.

    Args:
        pictures: The photographs.
        crops: How crops are taken of them.
        scale: By how much the chroma is smaller than the lightness.
        classes: How many classes the network tells apart; 0 where it does not look at them.
    """

    def __init__(self, pictures: Shards, crops: Crops, scale: int, classes: int = 0) -> None:
        self._pictures, self._crops, self._scale = pictures, crops, scale
        self._classes = classes

    def __getitem__(self, ticket: SampleSpec) -> Example:
        rng = np.random.default_rng(ticket.seed)
        rgb = random_crop(
            self._pictures[ticket.picture], ticket.size, self._crops.min_crop_area, rng
        )
        light = (
            degrade_lightness(rgb, rng)
            if rng.random() < self._crops.degrade_prob
            else lightness(rgb)
        )
        chroma = srgb_to_lab(rgb)[..., 1:]
        hints = random_hints(chroma, random_count(rng) if ticket.hinted else 0, rng)
        return Example(
            torch.from_numpy(light)[None],
            torch.from_numpy(hints),
            torch.from_numpy(shrink_chroma(chroma, self._scale)),
            torch.from_numpy(rgb).permute(2, 0, 1),
            torch.tensor(self._label(ticket.picture)),
        )

    def _label(self, number: int) -> int:
        label = self._pictures.label(number)
        if 0 < self._classes <= label:
            place = f"{self._pictures.shard(number)}:{self._pictures.key(number)}"
            raise DataError(
                f"{place}: is of class {label}, and the network has {self._classes} from 0 on "
                "(network.options.classes)",
            )
        return label


class ReproducibleBatchSampler(Sampler[list[SampleSpec]]):
    """Batches of tickets: every epoch goes once through all pictures, in an order of its own.

    Args:
        pictures: How many pictures there are.
        crops: Sizes to draw from; a batch has one size and about the same number of pixels.
        batch: Examples in a batch of the first size.
        seed: Of the whole run.
        start: The step to begin with, to go on after a stop.
        seen: Pictures shown before that step.
        steps: The step to end before.
        share: Of how many processes which one this is, for its share of every batch.
    """

    def __init__(
        self,
        pictures: int,
        crops: Crops,
        batch: int,
        seed: int,
        *,
        start: int = 0,
        seen: int = 0,
        steps: int,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._pictures, self._crops, self._batch, self._seed = pictures, crops, batch, seed
        self._start, self._seen, self._steps, self._share = start, seen, steps, share

    def __len__(self) -> int:
        return self._steps - self._start

    def __iter__(self) -> Iterator[list[SampleSpec]]:
        seen = self._seen
        for step in range(self._start, self._steps):
            tickets = self._tickets(step, seen)
            seen += len(tickets)
            rank, processes = self._share
            yield tickets[rank::processes]

    def _tickets(self, step: int, seen: int) -> list[SampleSpec]:
        rng = np.random.default_rng((self._seed, step))
        sizes = self._crops.sizes
        size = int(rng.choice(sizes, p=self._crops.size_shares))
        count = self._crops.in_batch(size, self._batch)
        pictures = [self._picture(seen + number) for number in range(count)]
        seeds = rng.integers(0, 2**62, count)
        hinted = bool(rng.random() < self._crops.hint_prob)
        return [SampleSpec(p, size, int(s), hinted) for p, s in zip(pictures, seeds, strict=True)]

    def _picture(self, place: int) -> int:
        epoch, within = divmod(place, self._pictures)
        return int(_order(self._pictures, self._seed, epoch)[within])


@lru_cache(maxsize=2)
def _order(pictures: int, seed: int, epoch: int) -> NDArray[np.int64]:
    rng = np.random.default_rng((seed, 1 << 40, epoch))  # apart from the steps' own dice
    return rng.permutation(pictures)
