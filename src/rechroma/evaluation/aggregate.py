"""Metrics of many images, by source and by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rechroma.evaluation.metrics.accumulator import MetricAccumulator
from rechroma.evaluation.metrics.set_metrics import (
    frechet_distance,
    gap_recovered,
    kernel_distance,
    top1_agreement,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rechroma.color.lab import Float
    from rechroma.evaluation.feature_extractor import FeatureNetwork

    Metrics = dict[str, float]

ALL = "all"
GRAY, TRUTH = "gray", "truth"


@dataclass
class _Row:
    """State of one row of one source; of the images, only features are kept."""

    accumulator: MetricAccumulator = field(default_factory=MetricAccumulator)
    features: list[Float] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)

    @classmethod
    def merge(cls, rows: Sequence[_Row]) -> _Row:
        return cls(
            MetricAccumulator.merge([row.accumulator for row in rows]),
            [features for row in rows for features in row.features],
            [number for row in rows for number in row.classes],
        )


class Aggregator:
    """Accumulates images with :meth:`add` and divides once in :meth:`compute`.

    Args:
        network: Network whose features the sets are compared by; None to leave that out.

    Attributes:
        images: Number of images by source, and of "all".
    """

    def __init__(self, network: FeatureNetwork | None = None) -> None:
        self.images: dict[str, int] = {}
        self._network = network
        self._sources: dict[str, dict[str, _Row]] = {}

    def add(self, source: str, predictions: Mapping[str, NDArray[np.uint8]]) -> dict[str, Metrics]:
        """Add the predictions for one image.

        Args:
            source: Where the image is from.
            predictions: By row, (H, W, 3) each; with "gray" and "truth", and the same rows in
                every call.

        Returns:
            By row, the metrics that are defined for a single image.
        """
        rows = self._sources.setdefault(source, {name: _Row() for name in predictions})
        for name in (ALL, source):
            self.images[name] = self.images.get(name, 0) + 1
        if self._network:
            seen = self._network(list(predictions.values()))
            for number, row in enumerate(rows.values()):
                row.features.append(seen.features[number])
                row.classes += [] if seen.classes is None else [int(seen.classes[number])]
        true = predictions[TRUTH]
        return {name: rows[name].accumulator.update(p, true) for name, p in predictions.items()}

    def compute(self) -> dict[str, dict[str, Metrics]]:
        """Compute the metrics by source ("all" first) and row, without undefined ones."""
        names = next(iter(self._sources.values()))
        whole = {
            name: _Row.merge([rows[name] for rows in self._sources.values()]) for name in names
        }
        sources = {ALL: whole} | self._sources
        return {source: self._compute_rows(rows) for source, rows in sources.items()}

    def _compute_rows(self, rows: dict[str, _Row]) -> dict[str, Metrics]:
        metrics = {name: row.accumulator.compute() for name, row in rows.items()}
        if self._network:
            gray, truth = rows[GRAY], rows[TRUTH]
            for name, row in rows.items():
                features, true = np.stack(row.features), np.stack(truth.features)
                found = {
                    f"fd_{self._network.name}": frechet_distance(features, true),
                    f"kid_{self._network.name}": kernel_distance(features, true),
                }
                if row.classes:
                    share, gray_share = (
                        top1_agreement(each.classes, truth.classes) for each in (row, gray)
                    )
                    found["semantic_agreement"] = 100 * share
                    found["semantic_recovered"] = 100 * gap_recovered(share, gray_share)
                metrics[name] |= {key: value for key, value in found.items() if np.isfinite(value)}
        return metrics
