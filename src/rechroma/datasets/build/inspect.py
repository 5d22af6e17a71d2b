"""Looks through shards: what is in them, how large and how colorful it is, and what is damaged."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from rechroma.color import colorfulness
from rechroma.datasets.build.color_filter import color_fault, quantiles
from rechroma.datasets.build.parallel import map_ordered
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
    """What was found.

    Attributes:
        shards: How many tar files.
        pictures: How many pictures that can be used.
        splits: Their share of each split, which is what stands before the number in a shard's name.
        classes: How many pictures there are of each class, by its number.
        unlabeled: How many have no class.
        lonely: The classes of which there is one picture only.
        sources: How many pictures there are from each source.
        licenses: How many there are under each license.
        short_side: Quantiles by their per cent, in pixels.
        long_side: The same.
        colorfulness: The same, of M3.
        gray: How many have no color.
        toned: How many have none but that of their paper.
        damaged: What cannot be used, and why.
    """

    shards: int
    pictures: int
    splits: dict[str, float]
    classes: dict[str, int]
    unlabeled: int
    lonely: tuple[int, ...]
    sources: dict[str, int]
    licenses: dict[str, int]
    short_side: dict[str, float]
    long_side: dict[str, float]
    colorfulness: dict[str, float]
    gray: int
    toned: int
    damaged: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return asdict(self)


class _Seen(NamedTuple):
    """One picture, or why it cannot be used."""

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
    on_picture: Callable[[], None] = lambda: None,
) -> Inspection:
    """Look at every picture of some shards. One that is damaged is noted, and the rest looked at.

    Args:
        paths: Shards, or folders of them, or patterns in the file name.
        jobs: Pictures at a time; without, as many as there are processors.
        on_picture: Called after each.

    Raises:
        DataError: No shard is there.
    """
    shards = shard_paths(paths)
    opened, damaged = _opened(shards)
    places = ((part, number) for part in opened for number in range(len(part)))
    seen: list[_Seen] = []
    with closing(map_ordered(_look, places, jobs or os.cpu_count() or 1)) as looks:
        for look in looks:
            seen.append(look)
            on_picture()
    return _summed(len(shards), seen, damaged)


def sample_sheet(paths: Iterable[Path | str], count: int) -> Image:
    """A contact sheet of at most `count` pictures of some shards, evenly spread.

    Raises:
        DataError: No shard is there, or none holds a picture.
    """
    sound = Shards(part.shard(0) for part in _opened(shard_paths(paths))[0])
    pictures = []
    for number in evenly_spaced(len(sound), count):
        with suppress(DataError):
            pictures.append((sound[number],))
    return contact_sheet(pictures, ("",), panel=(144, 108), samples_per_row=10)


def _opened(shards: Iterable[Path]) -> tuple[list[Shards], list[str]]:
    opened, damaged = [], []
    for shard in shards:
        try:
            opened.append(Shards([shard]))
        except DataError as error:
            named = str(shard) in error.message
            damaged.append(error.message if named else f"{shard}: {error.message}")
    return opened, damaged


def _look(place: tuple[Shards, int]) -> _Seen:
    shards, number = place
    split = shards.shard(number).stem.rpartition("-")[0] or shards.shard(number).stem
    try:
        facts, label, rgb = shards.metadata(number), shards.label(number), shards[number]
    except DataError as error:
        return _Seen(split, error.message)
    source, license = (str(facts.get(name, _UNKNOWN)) for name in ("source", "license"))
    short, long = sorted(rgb.shape[:2])
    fault = color_fault(rgb) or ""
    return _Seen(split, "", label, source, license, short, long, colorfulness(rgb), fault)


def _summed(shards: int, seen: list[_Seen], damaged: list[str]) -> Inspection:
    good = [look for look in seen if not look.error]
    labels = Counter(look.label for look in good if look.label >= 0)
    faults = Counter(look.fault for look in good)
    return Inspection(
        shards=shards,
        pictures=len(good),
        splits={s: round(n / len(good), 4) for s, n in _counts(look.split for look in good)},
        classes={str(label): labels[label] for label in sorted(labels)},
        unlabeled=len(good) - labels.total(),
        lonely=tuple(sorted(label for label, count in labels.items() if count == 1)),
        sources=dict(_counts(look.source for look in good)),
        licenses=dict(_counts(look.license for look in good)),
        short_side=quantiles(look.short for look in good),
        long_side=quantiles(look.long for look in good),
        colorfulness=quantiles(look.colorfulness for look in good),
        gray=faults["gray"],
        toned=faults["toned"],
        damaged=(*damaged, *(look.error for look in seen if look.error)),
    )


def _counts(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    counted = Counter(names)
    return iter(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
