"""Leaderboard: several models on the same images, next to gray and truth, with their cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx

from rechroma.engines import OnnxEngine
from rechroma.evaluation.aggregate import ALL, GRAY, TRUTH, Aggregator
from rechroma.evaluation.predictor import EvalPredictor, gray_to_rgb, network_milliseconds, to_gray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from rechroma.datasets import Shards
    from rechroma.evaluation.aggregate import Metrics

_RANKED_BY = "balanced_auc"


@dataclass(frozen=True)
class LeaderboardRow:
    """Metrics and cost of one model.

    Attributes:
        metrics: With the names of
            :meth:`rechroma.evaluation.metrics.accumulator.MetricAccumulator.compute`.
        weights: Number of weights in the file; 0 for gray and truth.
        megabytes: Size of the file.
        milliseconds: Of the network alone at 256 x 256, on this machine.
    """

    metrics: Metrics
    weights: int = 0
    megabytes: float = 0.0
    milliseconds: float = 0.0


def build_leaderboard(
    models: Mapping[str, Path],
    images: Shards,
    indices: Sequence[int],
    *,
    on_image: Callable[[], None] = lambda: None,
) -> dict[str, LeaderboardRow]:
    """Color the same images with several models.

    Args:
        models: Color model files by the names of their rows, other than "gray" and "truth".
        images: Color photographs.
        indices: Images to use.
        on_image: Called after each image.

    Returns:
        By name: gray, the models with the best by balanced AuC first, truth.

    Raises:
        ModelError: A model cannot be used.
    """
    engines = {name: OnnxEngine(path) for name, path in models.items()}
    milliseconds = {name: network_milliseconds(engine) for name, engine in engines.items()}
    predictors = {name: EvalPredictor(engine) for name, engine in engines.items()}
    aggregator = Aggregator()
    for index in indices:
        truth = images[index]
        gray = to_gray(truth)
        predicted = {name: predictor.colorize(gray) for name, predictor in predictors.items()}
        aggregator.add("", {GRAY: gray_to_rgb(gray), **predicted, TRUTH: truth})
        on_image()
    metrics = aggregator.compute()[ALL]
    rows = {GRAY: LeaderboardRow(metrics[GRAY])}
    for name in sorted(models, key=lambda name: -metrics[name].get(_RANKED_BY, 0.0)):
        path = models[name]
        weights = sum(int(np.prod(each.dims)) for each in onnx.load(path).graph.initializer)
        megabytes = path.stat().st_size / 1e6
        rows[name] = LeaderboardRow(metrics[name], weights, megabytes, milliseconds[name])
    return rows | {TRUTH: LeaderboardRow(metrics[TRUTH])}
