"""Inspection of shards: counts, sizes, colorfulness, and damaged images."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rechroma.color import colorfulness
from rechroma.datasets.build.filters import color_fault, quantiles
from rechroma.datasets.build.shard_writer import map_ordered
from rechroma.datasets.shards import Shards, evenly_spaced, shard_paths
from rechroma.errors import DataError
from rechroma.imaging import contact_sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from PIL.Image import Image

_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Inspection:
    """Statistics of shards.

    Attributes:
        shards: Number of tar files.
        images: Number of usable images.
        splits: Share of each split, the part before the number in a shard's name.
        classes: Number of images by class.
        unlabeled: Number of images without a class.
        singletons: Classes with a single image.
        sources: Number of images by source.
        licenses: Number of images by license.
        short_side: Quantiles by their percentage, in pixels.
        long_side: Likewise.
        colorfulness: Likewise, of M3.
        gray: Number of images without color.
        toned: Number of images with the color of their paper alone.
        damaged: Errors of unusable images and shards.
    """

    shards: int
    images: int
    splits: dict[str, float]
    classes: dict[str, int]
    unlabeled: int
    singletons: tuple[int, ...]
    sources: dict[str, int]
    licenses: dict[str, int]
    short_side: dict[str, float]
    long_side: dict[str, float]
    colorfulness: dict[str, float]
    gray: int
    toned: int
    damaged: tuple[str, ...]


class _ImageStats(NamedTuple):
    """Statistics of one image, or its error."""

    split: str
    error: str = ""
    label: int = -1
    source: str = _UNKNOWN
    license: str = _UNKNOWN
    short: int = 0
    long: int = 0
    colorfulness: float = 0.0
    fault: str = ""


def inspect(
    paths: Iterable[Path | str],
    *,
    jobs: int | None = None,
    on_image: Callable[[], None] = lambda: None,
) -> Inspection:
    """Decode every image of shards and collect statistics; damaged ones are listed.

    Args:
        paths: Shards, folders of them, or patterns in the file name.
        jobs: Number of threads; by default that of processors.
        on_image: Called after each image.

    Raises:
        DataError: There is no shard.
    """
    shards = shard_paths(paths)
    opened, damaged = _open_shards(shards)
    places = ((part, number) for part in opened for number in range(len(part)))
    seen: list[_ImageStats] = []
    with closing(map_ordered(_inspect_image, places, jobs or os.cpu_count() or 1)) as looks:
        for look in looks:
            seen.append(look)
            on_image()
    good = [look for look in seen if not look.error]
    labels = Counter(look.label for look in good if look.label >= 0)
    faults = Counter(look.fault for look in good)
    return Inspection(
        shards=len(shards),
        images=len(good),
        splits={s: round(n / len(good), 4) for s, n in _counts(look.split for look in good)},
        classes={str(label): labels[label] for label in sorted(labels)},
        unlabeled=len(good) - labels.total(),
        singletons=tuple(sorted(label for label, count in labels.items() if count == 1)),
        sources=dict(_counts(look.source for look in good)),
        licenses=dict(_counts(look.license for look in good)),
        short_side=quantiles(look.short for look in good),
        long_side=quantiles(look.long for look in good),
        colorfulness=quantiles(look.colorfulness for look in good),
        gray=faults["gray"],
        toned=faults["toned"],
        damaged=(*damaged, *(look.error for look in seen if look.error)),
    )


def sample_sheet(paths: Iterable[Path | str], count: int) -> Image:
    """Draw a contact sheet of at most `count` evenly spaced images.

    Raises:
        DataError: There is no shard, or none has an image.
    """
    sound = Shards(part.shard(0) for part in _open_shards(shard_paths(paths))[0])
    images = []
    for number in evenly_spaced(len(sound), count):
        with suppress(DataError):
            images.append((sound[number],))
    return contact_sheet(images, ("",), panel=(144, 108), samples_per_row=10)


def _open_shards(shards: Iterable[Path]) -> tuple[list[Shards], list[str]]:
    opened, damaged = [], []
    for shard in shards:
        try:
            opened.append(Shards([shard]))
        except DataError as error:
            named = str(shard) in error.message
            damaged.append(error.message if named else f"{shard}: {error.message}")
    return opened, damaged


def _inspect_image(place: tuple[Shards, int]) -> _ImageStats:
    shards, number = place
    split = shards.shard(number).stem.rpartition("-")[0] or shards.shard(number).stem
    try:
        metadata, label, rgb = shards.metadata(number), shards.label(number), shards[number]
    except DataError as error:
        return _ImageStats(split, error.message)
    source, license = (str(metadata.get(name, _UNKNOWN)) for name in ("source", "license"))
    short, long = sorted(rgb.shape[:2])
    fault = color_fault(rgb) or ""
    return _ImageStats(split, "", label, source, license, short, long, colorfulness(rgb), fault)


def _counts(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    counted = Counter(names)
    return iter(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
