"""Comparison of models on the same photographs, next to gray and truth, with their cost.

Each model runs in a process of its own. The models take turns at every photograph, and a different
model goes first each time, so that changes in the machine's load affect all of them alike.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from math import isfinite
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from rechroma.color import srgb_to_lab
from rechroma.datasets import evenly_spaced
from rechroma.errors import RechromaError
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
        left_out: For each photograph that cannot be decoded, the reason.
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


def undecodable(images: Photographs, indices: Sequence[int]) -> dict[int, RechromaError]:
    """Decode photographs, before the work that one of them would end; returns errors by index."""
    errors: dict[int, RechromaError] = {}
    for index in indices:
        try:
            images[index]
        except RechromaError as error:
            errors[index] = error
    return errors


def compare(
    models: Mapping[str, Path],
    images: Photographs,
    indices: Sequence[int],
    *,
    ground_truth: bool = True,
    left_out: Sequence[str] = (),
    on_image: Callable[[], None] = lambda: None,
) -> Comparison:
    """Color the same photographs with several models.

    Args:
        models: Color model files, or folders of finished results, by the names of their rows, other
            than "gray" and "truth".
        images: The photographs.
        indices: Photographs to use.
        ground_truth: Whether the colors of the photographs are the truth.
        left_out: Why other photographs cannot be used, for the results.
        on_image: Called after each photograph.

    Raises:
        ModelError: A model cannot be used.
        EngineError: The process of a model failed.
        DataError: A photograph is damaged, or a result is missing or does not fit.
    """
    aggregator = Aggregator()
    unpaired: dict[str, list[Metrics]] = {name: [] for name in models}
    examples = {indices[number] for number in evenly_spaced(len(indices), _EXAMPLES)}
    errors: dict[int, Metrics] = {}
    jpegs: dict[int, dict[str, bytes]] = {}
    pixels = []
    with open_contestants(models, images, indices) as contestants:
        for turn, index in enumerate(indices):
            truth = images[index]
            gray = to_gray(truth)
            colored = color_in_turn(contestants, gray, images.key(index), turn)
            rows = {GRAY: gray_to_rgb(gray), **colored} | ({TRUTH: truth} if ground_truth else {})
            if ground_truth:
                found = aggregator.add("", rows)
                errors[index] = {name: found[name]["ciede2000"] for name in rows}
            else:
                for name, rgb in colored.items():
                    unpaired[name].append(no_reference_metrics(rgb, srgb_to_lab(rgb)))
            shown = _groups(examples, errors, models)
            if index in shown:
                jpegs[index] = {name: encode_jpeg(rgb, _SIDE) for name, rgb in rows.items()}
            jpegs = {number: jpegs[number] for number in jpegs if number in shown}
            errors = {number: errors[number] for number in errors if number in shown}
            pixels.append(gray.size)
            on_image()
        described = {name: _describe(models[name], each) for name, each in contestants.items()}
    metrics = (
        aggregator.compute()[ALL]
        if ground_truth
        else {name: nanmean_over_images(found) for name, found in unpaired.items()}
    )
    ranked = sorted(models, key=lambda name: -metrics[name].get(_RANKED_BY, 0.0))
    names = [GRAY, *ranked, TRUTH] if ground_truth else ranked
    groups = _groups(examples, errors, models)
    return Comparison(
        photographs=len(indices),
        megapixels=median(pixels) / 1e6,
        ground_truth=ground_truth,
        rows={name: ComparisonRow(metrics[name], **described.get(name, {})) for name in names},
        left_out=tuple(left_out),
        samples=tuple(
            ComparedPhoto(
                images.key(index), tuple(groups[index]), jpegs[index], errors.get(index, {})
            )
            for index in indices
            if index in groups
        ),
    )


@contextmanager
def open_contestants(
    models: Mapping[str, Path], images: Photographs, indices: Sequence[int]
) -> Iterator[dict[str, ModelProcess | ResultFolder]]:
    """Open folders of results, and start a process for each model; they end with the context."""
    keys = [images.key(index) for index in indices]
    with ExitStack() as stack:
        opened: dict[str, ModelProcess | ResultFolder] = {
            name: ResultFolder(path, keys) for name, path in models.items() if path.is_dir()
        }
        for name in models.keys() - opened.keys():
            process = ModelProcess(models[name], to_gray(images[indices[0]]))
            stack.callback(process.close)
            opened[name] = process
        yield {name: opened[name] for name in models}


def color_in_turn(
    contestants: Mapping[str, ModelProcess | ResultFolder], gray: Image, key: str, turn: int
) -> dict[str, Image]:
    """Color a gray photograph (H, W) with all models; a different one goes first each turn."""
    names = list(contestants)
    start = turn % len(names)
    order = names[start:] + names[:start]
    colored = {name: contestants[name].colorize(gray, key) for name in order}
    return {name: colored[name] for name in names}


def _describe(path: Path, contestant: ModelProcess | ResultFolder) -> dict[str, Any]:
    """Return the fields of a row other than the metrics."""
    if isinstance(contestant, ResultFolder):
        return {"discarded_lightness": mean(contestant.lightness_shifts)}
    graph = onnx.load(path, load_external_data=False).graph
    memory = contestant.peak_memory_mb()
    return {
        "license": read_card(path).license,
        "weights": sum(int(np.prod(tensor.dims)) for tensor in graph.initializer),
        "megabytes": path.stat().st_size / 1e6,
        "seconds": median(contestant.seconds),
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
