"""Evaluation of a model on a data set, always next to the rows *gray* and *truth*.

A fully gray prediction wins by PSNR and is close by CIEDE2000, so a metric is only meaningful
next to those two rows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from rechroma.datasets import evenly_spaced
from rechroma.evaluation.aggregate import GRAY, TRUTH, Aggregator
from rechroma.evaluation.predictor import (
    EvalPredictor,
    degrade,
    gray_to_rgb,
    network_milliseconds,
    peak_memory_mb,
    rng_for,
    to_gray,
)
from rechroma.evaluation.robustness import hint_curve, historical_metrics, size_agreement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator

    from rechroma.datasets import Shards
    from rechroma.engines import Engine
    from rechroma.evaluation.aggregate import Metrics
    from rechroma.evaluation.feature_extractor import FeatureNetwork
    from rechroma.evaluation.predictor import Image

MODEL, DEGRADED = "model", "degraded"

_GAINS = ("hue_hit", "balanced_auc")


@dataclass(frozen=True)
class EvalConfig:
    """Scope of an evaluation.

    Attributes:
        limit: Images to take of a set, evenly spaced; None for all.
        size: Long side of the network's input; None for the model's own.
        degraded: Add a row for the colors predicted from a simulated old print of each image.
        features: Network whose features the sets are compared by; None to leave that out.
        hints: Measure with true colors given as hints.
        sizes: Compare the predictions at several sizes.
        historical: Photographs without ground truth.
    """

    limit: int | None = None
    size: int | None = None
    degraded: bool = False
    features: FeatureNetwork | None = None
    hints: bool = False
    sizes: bool = False
    historical: Shards | None = None

    def indices(self, images: Shards | None) -> list[int]:
        """Choose the images to evaluate."""
        return evenly_spaced(len(images), self.limit) if images else []

    def total_steps(self, images: Shards) -> int:
        """Count the steps of a progress bar."""
        passes = 1 + self.hints + self.sizes
        return len(self.indices(images)) * passes + len(self.indices(self.historical))


@dataclass(frozen=True)
class ImageScore:
    """CIEDE2000 of one image.

    Attributes:
        index: Index of the image in the shards.
        key: Name in its shard.
        source: Where it is from.
        gray: CIEDE2000 of gray.
        model: CIEDE2000 of the prediction.
    """

    index: int
    key: str
    source: str
    gray: float
    model: float

    @property
    def gain(self) -> float:
        """Improvement over gray in CIEDE2000."""
        return self.gray - self.model


@dataclass(frozen=True)
class Report:
    """Metrics by source ("all" first) and row ("gray", "model", "degraded" if measured, "truth").

    Parts that were not measured are empty; a metric that is undefined for a set is left out.

    Attributes:
        model: Name and version of the model.
        images: Number of images of each source.
        metrics: By source and row, with the names of :meth:`MetricAccumulator.compute`, and those
            by features.
        network: `milliseconds` at 256 x 256, `peak_memory_mb` of the process, `chroma_max` and
            `chroma_beyond` of :class:`EvalPredictor`.
        degraded_loss: By source, the percentage of the gain over gray in `hue_hit` and
            `balanced_auc` that is lost on simulated old prints.
        hints: Metrics by the number of hints.
        sizes: CIEDE2000 between predictions at two sizes of the "image" or of the "network"'s
            input.
        historical: Metrics of the photographs without ground truth.
        scores: Of each image, in order.
    """

    model: str
    images: dict[str, int]
    metrics: dict[str, dict[str, Metrics]]
    network: Metrics = field(default_factory=dict)
    degraded_loss: dict[str, Metrics] = field(default_factory=dict)
    hints: dict[str, Metrics] = field(default_factory=dict)
    sizes: dict[str, Metrics] = field(default_factory=dict)
    historical: Metrics = field(default_factory=dict)
    scores: tuple[ImageScore, ...] = ()

    def to_json(self) -> str:
        """Serialize to indented JSON."""
        return json.dumps(asdict(self), indent=2)


def evaluate(
    engine: Engine,
    images: Shards,
    config: EvalConfig | None = None,
    *,
    on_image: Callable[[], None] = lambda: None,
) -> Report:
    """Turn images gray, color them and compare the result with the originals.

    Args:
        engine: The model.
        images: Color photographs.
        config: Scope of the evaluation.
        on_image: Called after each image, :meth:`EvalConfig.total_steps` times.

    Raises:
        ModelFeatureError: Hints are to be measured, and the model does not support them.
    """
    config = config or EvalConfig()
    predictor, indices = EvalPredictor(engine, config.size), config.indices(images)
    milliseconds = network_milliseconds(engine)
    hints = hint_curve(predictor, images, indices, on_image) if config.hints else {}
    sizes = size_agreement(predictor, images, indices, on_image) if config.sizes else {}
    old = config.historical
    historical = historical_metrics(predictor, old, config.indices(old), on_image) if old else {}
    aggregator = Aggregator(config.features)
    scores = []
    for index in indices:
        key, source = images.key(index), str(images.metadata(index).get("source", "unknown"))
        rows = predictions(predictor, images[index], rng_for(key) if config.degraded else None)
        found = aggregator.add(source, rows)
        gray, colored = (found[row]["ciede2000"] for row in (GRAY, MODEL))
        scores.append(ImageScore(index, key, source, gray, colored))
        on_image()
    metrics = aggregator.compute()
    network = {
        "milliseconds": milliseconds,
        "peak_memory_mb": peak_memory_mb(),
        "chroma_max": predictor.chroma_max,
        "chroma_beyond": predictor.chroma_beyond,
    }
    return Report(
        model=f"{engine.card.name} {engine.card.version}",
        images=aggregator.images,
        metrics=metrics,
        network={name: value for name, value in network.items() if isfinite(value)},
        degraded_loss={source: _degraded_loss(rows) for source, rows in metrics.items()}
        if config.degraded
        else {},
        hints=hints,
        sizes=sizes,
        historical=historical,
        scores=tuple(scores),
    )


def predictions(
    predictor: EvalPredictor, truth: Image, degradation: Generator | None = None
) -> dict[str, Image]:
    """Make all rows of a photograph (H, W, 3): gray, the model's prediction, the original.

    Args:
        predictor: The model.
        truth: The photograph.
        degradation: Random generator for a simulated old print, which adds a row. Its predicted
            chroma is combined with the true lightness, so that only color is compared.
    """
    gray = to_gray(truth)
    rows = {GRAY: gray_to_rgb(gray), MODEL: predictor.colorize(gray)}
    if degradation is not None:
        rows[DEGRADED] = predictor.colorize_as(gray, degrade(truth, degradation))
    return rows | {TRUTH: truth}


def _degraded_loss(rows: Mapping[str, Metrics]) -> Metrics:
    """Compute the percentage of the gain over gray that degradation costs, where there is one."""
    lost = {}
    for name in _GAINS:
        if all(name in row for row in rows.values()):
            gain = rows[MODEL][name] - rows[GRAY][name]
            if gain > 0:
                lost[name] = 100 * (rows[MODEL][name] - rows[DEGRADED][name]) / gain
    return lost
