"""Comparison of models on the same photographs, next to gray and truth, with their cost.

Each model runs in a process of its own. The models take turns at every photograph, and a different
model goes first each time, so that changes in the machine's load affect all of them alike.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from math import isfinite
from statistics import mean, median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx

from rechroma.color import srgb_to_lab
from rechroma.datasets import evenly_spaced
from rechroma.errors import DataError, RechromaError
from rechroma.evaluation.aggregate import ALL, GRAY, TRUTH, Aggregator
from rechroma.evaluation.metrics.accumulator import nanmean_over_images, no_reference_metrics
from rechroma.evaluation.model_process import ModelProcess
from rechroma.evaluation.photo_folder import PhotoFolder, ResultFolder
from rechroma.evaluation.predictor import gray_to_rgb, to_gray
from rechroma.evaluation.report_output import encode_jpeg
from rechroma.models import read_card

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from rechroma.datasets import Shards
    from rechroma.evaluation.aggregate import Metrics
    from rechroma.evaluation.predictor import Image

    Photographs = Shards | PhotoFolder

_RANKED_BY = "balanced_auc"
_EXAMPLES, _EXTREMES = 12, 3
_SIDE = 512  # of the images on the page


@dataclass(frozen=True)
class ComparisonRow:
    """Metrics and cost of one model.

    Attributes:
        metrics: With the names of
            :meth:`rechroma.evaluation.metrics.accumulator.MetricAccumulator.compute`.
        license: SPDX identifier of the license of the weights; empty if unknown.
        weights: Number of weights in the file; like all costs 0 for gray, truth and finished
            results.
        megabytes: Size of the file.
        seconds: Median time of a photograph, from gray pixels to colored pixels.
        peak_memory_mb: Peak memory of the process that ran the model; 0 if unknown.
        discarded_lightness: Mean difference in L* of finished results from the photographs, which
            was discarded; None for models.
    """

    metrics: Metrics
    license: str = ""
    weights: int = 0
    megabytes: float = 0.0
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    discarded_lightness: float | None = None


@dataclass(frozen=True)
class ComparedPhoto:
    """A photograph for the page.

    Attributes:
        key: Its name.
        groups: Reasons to show it: "examples", and "best: MODEL" or "worst: MODEL" by gain over
            gray in CIEDE2000.
        images: A JPEG of each row.
        errors: CIEDE2000 of each row; empty without ground truth.
    """

    key: str
    groups: tuple[str, ...]
    images: Mapping[str, bytes]
    errors: Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """Results of a comparison.

    Attributes:
        photographs: Number of photographs.
        megapixels: Their median size.
        ground_truth: Whether their true colors are known; without, only the metrics that need none
            are measured, and there are no rows for gray and truth.
        rows: By name: gray, the models with the best by balanced AuC first, truth.
        left_out: For each photograph that could not be used, the reason.
        samples: The photographs for the page.
    """

    photographs: int
    megapixels: float
    ground_truth: bool
    rows: dict[str, ComparisonRow]
    left_out: tuple[str, ...] = ()
    samples: tuple[ComparedPhoto, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values, without the samples."""
        return {
            "photographs": self.photographs,
            "megapixels": self.megapixels,
            "ground_truth": self.ground_truth,
            "left_out": list(self.left_out),
            "rows": {name: asdict(row) for name, row in self.rows.items()},
        }


def compare(
    models: Mapping[str, Path],
    images: Photographs,
    indices: Sequence[int],
    *,
    ground_truth: bool = True,
    on_image: Callable[[], None] = lambda: None,
    on_left_out: Callable[[RechromaError], object] = lambda _: None,
) -> Comparison:
    """Color the same photographs with several models.

    Args:
        models: Color model files, or folders of finished results, by the names of their rows, other
            than "gray" and "truth".
        images: The photographs.
        indices: Photographs to use.
        ground_truth: Whether the colors of the photographs are the truth.
        on_image: Called after each photograph.
        on_left_out: Called with the error of each photograph that is left out, because it, or a
            finished result for it, cannot be used.

    Raises:
        ModelError: A model cannot be used.
        EngineError: The process of a model failed.
        DataError: A result is missing, or no photograph is left.
    """
    aggregator = Aggregator()
    unpaired: dict[str, list[Metrics]] = {name: [] for name in models}
    places = evenly_spaced(len(indices), _EXAMPLES)
    examples: set[int] = set()
    errors: dict[int, Metrics] = {}
    jpegs: dict[int, dict[str, bytes]] = {}
    pixels: dict[int, int] = {}
    with open_contestants(models, images, indices, on_image, on_left_out) as contestants:
        for place, photograph, gray, colored in contestants.color():
            index = indices[place]
            truth = {TRUTH: photograph} if ground_truth else {}
            rows = {GRAY: gray_to_rgb(gray), **colored, **truth}
            if ground_truth:
                found = aggregator.add("", rows)
                errors[index] = {name: found[name]["ciede2000"] for name in rows}
            else:
                for name, rgb in colored.items():
                    unpaired[name].append(no_reference_metrics(rgb, srgb_to_lab(rgb)))
            if sum(each <= place for each in places) > len(examples):
                examples.add(index)  # the next one, where an example has been left out
            shown = _groups(examples, errors, models)
            if index in shown:
                jpegs[index] = {name: encode_jpeg(rgb, _SIDE) for name, rgb in rows.items()}
            jpegs = {number: jpegs[number] for number in jpegs if number in shown}
            errors = {number: errors[number] for number in errors if number in shown}
            pixels[index] = gray.size
        described = contestants.describe([images.key(index) for index in pixels])
    metrics = (
        aggregator.compute()[ALL]
        if ground_truth
        else {name: nanmean_over_images(found) for name, found in unpaired.items()}
    )
    ranked = sorted(models, key=lambda name: -metrics[name].get(_RANKED_BY, 0.0))
    names = [GRAY, *ranked, TRUTH] if ground_truth else ranked
    groups = _groups(examples, errors, models)
    return Comparison(
        photographs=len(pixels),
        megapixels=median(pixels.values()) / 1e6,
        ground_truth=ground_truth,
        rows={name: ComparisonRow(metrics[name], **described.get(name, {})) for name in names},
        left_out=tuple(contestants.left_out),
        samples=tuple(
            ComparedPhoto(
                images.key(index), tuple(groups[index]), jpegs[index], errors.get(index, {})
            )
            for index in indices
            if index in groups
        ),
    )


class ColoredPhotograph(NamedTuple):
    """A photograph and its colors.

    Attributes:
        place: Its place among the photographs that are compared.
        photograph: (H, W, 3) uint8, as it is.
        gray: (H, W) uint8.
        colored: (H, W, 3) uint8 by the name of the model.
    """

    place: int
    photograph: Image
    gray: Image
    colored: dict[str, Image]


class Contestants:
    """Models, each in a process of its own, and folders of finished results.

    The processes start at the first photograph that can be used. Each photograph is decoded once,
    and one that cannot be used is left out before any model sees it.

    Args:
        models: Color model files, or folders of finished results, by name.
        images: The photographs.
        indices: Photographs to use.
        on_image: Called after each photograph.
        on_left_out: Called with the error of each photograph that is left out.

    Attributes:
        left_out: The messages of those errors so far.

    Raises:
        SourceError: A folder cannot be read.
        DataError: A photograph that can be decoded has no result.
    """

    def __init__(
        self,
        models: Mapping[str, Path],
        images: Photographs,
        indices: Sequence[int],
        on_image: Callable[[], None],
        on_left_out: Callable[[RechromaError], object],
    ) -> None:
        self._models, self._images, self._indices = models, images, indices
        self._on_image, self._on_left_out = on_image, on_left_out
        self.left_out: list[str] = []
        self._processes: dict[str, ModelProcess] = {}
        self._folders = {name: ResultFolder(path) for name, path in models.items() if path.is_dir()}
        for folder in self._folders.values():
            missing = [index for index in indices if images.key(index) not in folder]
            if any(self._is_usable(index) for index in missing):
                raise folder.missing_error(images.key(missing[0]), len(missing))

    def color(self) -> Iterator[ColoredPhotograph]:
        """Color the photographs one after the other.

        Raises:
            ModelError: A model cannot be used.
            EngineError: The process of a model failed.
            DataError: None of the photographs can be used.
        """
        turn = 0
        for place, index in enumerate(self._indices):
            try:
                photograph, key = self._images[index], self._images.key(index)
                gray = to_gray(photograph)
                finished = {
                    name: folder.colorize(gray, key) for name, folder in self._folders.items()
                }
            except RechromaError as error:
                self.left_out.append(error.message)
                self._on_left_out(error)
            else:
                if turn == 0:
                    self._start(gray)
                colored = {**finished, **color_in_turn(self._processes, gray, turn)}
                ordered = {name: colored[name] for name in self._models}
                yield ColoredPhotograph(place, photograph, gray, ordered)
                turn += 1
            self._on_image()
        if not turn:
            raise DataError("none of the photographs can be used")

    def describe(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the fields of each row other than the metrics.

        Args:
            keys: Names of the photographs that were colored.
        """
        shifts = {name: folder.lightness_shifts for name, folder in self._folders.items()}
        return {
            name: {"discarded_lightness": mean(shifts[name][key] for key in keys)}
            if name in shifts
            else _describe(path, self._processes[name])
            for name, path in self._models.items()
        }

    def close(self) -> None:
        """End the processes."""
        for process in self._processes.values():
            process.close()

    def _start(self, gray: Image) -> None:
        for name in self._models.keys() - self._folders.keys():
            self._processes[name] = ModelProcess(self._models[name], gray)

    def _is_usable(self, index: int) -> bool:
        try:
            self._images[index]
        except RechromaError:
            return False
        return True


@contextmanager
def open_contestants(
    models: Mapping[str, Path],
    images: Photographs,
    indices: Sequence[int],
    on_image: Callable[[], None],
    on_left_out: Callable[[RechromaError], object],
) -> Iterator[Contestants]:
    """Open :class:`Contestants`, whose processes end with the context."""
    contestants = Contestants(models, images, indices, on_image, on_left_out)
    try:
        yield contestants
    finally:
        contestants.close()


def color_in_turn(
    processes: Mapping[str, ModelProcess], gray: Image, turn: int
) -> dict[str, Image]:
    """Color a gray photograph (H, W) with all models; a different one goes first each turn."""
    names = list(processes)
    start = turn % max(len(names), 1)
    return {name: processes[name].colorize(gray) for name in names[start:] + names[:start]}


def _describe(path: Path, process: ModelProcess) -> dict[str, Any]:
    """Return the fields of the row of a model other than the metrics."""
    graph = onnx.load(path, load_external_data=False).graph
    memory = process.peak_memory_mb()
    return {
        "license": read_card(path).license,
        "weights": sum(int(np.prod(tensor.dims)) for tensor in graph.initializer),
        "megabytes": path.stat().st_size / 1e6,
        "seconds": median(process.seconds),
        "peak_memory_mb": memory if isfinite(memory) else 0.0,
    }


def _groups(
    examples: set[int], errors: Mapping[int, Metrics], models: Mapping[str, Path]
) -> dict[int, list[str]]:
    """Choose the photographs to show: examples, and the best and the worst of each model so far."""
    groups = {index: ["examples"] for index in examples}
    for name in models:
        ranked = sorted(errors, key=lambda index: errors[index][name] - errors[index][GRAY])
        for words, chosen in (("best", ranked[:_EXTREMES]), ("worst", ranked[::-1][:_EXTREMES])):
            for index in chosen:
                groups.setdefault(index, []).append(f"{words}: {name}")
    return groups
