"""Robustness of a model: with hints, at other sizes, and on historical photographs."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rechroma.color import srgb_to_lab
from rechroma.evaluation.metrics.accumulator import (
    MetricAccumulator,
    nanmean_over_images,
    no_reference_metrics,
)
from rechroma.evaluation.metrics.full_reference import ciede2000
from rechroma.evaluation.predictor import draw_hints, rng_for, to_gray
from rechroma.hints import hint_square

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rechroma.datasets import Shards
    from rechroma.evaluation.aggregate import Metrics
    from rechroma.evaluation.predictor import EvalPredictor, Image
    from rechroma.hints import Hint

HINTS = (0, 1, 5, 10, 50)
SIZES = (256, 512, 1024)

_HINT_METRICS = ("ciede2000", "psnr", "hue_hit")


def hint_curve(
    predictor: EvalPredictor, images: Shards, indices: Iterable[int], on_image: Callable[[], None]
) -> dict[str, Metrics]:
    """Measure predictions against the number of true colors given as hints.

    A smaller set of hints is a prefix of a larger one.

    Returns:
        CIEDE2000, PSNR and hue hit by the number of hints, and `at_hints`: CIEDE2000 between the
        prediction and the hints at the hints' own positions.

    Raises:
        ModelFeatureError: The model does not support hints.
    """
    accumulators = {count: MetricAccumulator() for count in HINTS}
    errors: dict[int, list[float]] = {count: [] for count in HINTS if count}
    for index in indices:
        truth, key = images[index], images.key(index)
        gray = to_gray(truth)
        for count, accumulator in accumulators.items():
            hints = draw_hints(truth, count, rng_for(key))
            predicted = predictor.colorize_with_hints(gray, hints)
            accumulator.update(predicted, truth)
            if count:
                errors[count].append(difference_at_hints(predicted, hints))
        on_image()
    found = {count: accumulator.compute() for count, accumulator in accumulators.items()}
    return {
        str(count): {name: metrics[name] for name in _HINT_METRICS if name in metrics}
        | ({"at_hints": float(np.mean(errors[count]))} if count else {})
        for count, metrics in found.items()
    }


def difference_at_hints(predicted: Image, hints: Sequence[Hint]) -> float:
    """Compute the mean CIEDE2000 between an image (H, W, 3) and hints at the hints' positions."""
    areas = [predicted[hint_square(hint.x, hint.y, *predicted.shape[:2])] for hint in hints]
    found = np.stack([srgb_to_lab(area).mean(axis=(0, 1)) for area in areas])
    asked = np.stack([found[:, 0], *np.transpose([hint.ab for hint in hints])], axis=-1)
    return float(ciede2000(found, asked).mean())


def size_agreement(
    predictor: EvalPredictor, images: Shards, indices: Iterable[int], on_image: Callable[[], None]
) -> dict[str, Metrics]:
    """Measure how much the colors change with the size of the image, or of the network's input.

    Images are first brought to 1024 pixels, so that all sizes differ. The predictions are compared
    at 256 pixels.

    Returns:
        Mean CIEDE2000 between the predictions at two sizes, by "256-512" and so on: "image" when
        the image comes in that size, "network" when the network's input has it.
    """
    pairs = list(combinations(SIZES, 2))
    found: dict[str, list[list[float]]] = {"image": [], "network": []}
    for index in indices:
        gray = _resize(to_gray(images[index]), max(SIZES))
        predicted = {
            "image": {size: predictor.colorize(_resize(gray, size)) for size in SIZES},
            "network": {size: predictor.colorize(gray, size) for size in SIZES},
        }
        for way, by_size in predicted.items():
            labs = {n: srgb_to_lab(_resize(rgb, min(SIZES))) for n, rgb in by_size.items()}
            differences = []
            for a, b in pairs:  # of chroma: lightness differs by resizing alone
                recolored = np.concatenate([labs[a][..., :1], labs[b][..., 1:]], axis=-1)
                differences.append(float(ciede2000(labs[a], recolored).mean()))
            found[way].append(differences)
        on_image()
    return {
        way: {f"{a}-{b}": float(v) for (a, b), v in zip(pairs, np.mean(values, 0), strict=True)}
        for way, values in found.items()
    }


def historical_metrics(
    predictor: EvalPredictor, images: Shards, indices: Iterable[int], on_image: Callable[[], None]
) -> Metrics:
    """Compute the no-reference metrics of photographs without ground truth."""
    found = []
    for index in indices:
        rgb = predictor.colorize(to_gray(images[index]))
        found.append(no_reference_metrics(rgb, srgb_to_lab(rgb)))
        on_image()
    return {"images": len(found), **nanmean_over_images(found)}


def _resize(image: Image, side: int) -> Image:
    """Resize to a long side."""
    factor = side / max(image.shape[:2])
    height, width = (max(round(length * factor), 1) for length in image.shape[:2])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=way), np.uint8)
