"""Adds up the figures of many pictures, by source and by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rechroma.evaluation.metrics import (
    Scores,
    agreement,
    frechet_distance,
    kernel_distance,
    recovered,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rechroma.color.lab import Float
    from rechroma.evaluation.feature_extractor import FeatureNetwork

    Figures = dict[str, float]

ALL = "all"
GRAY, TRUTH = "gray", "truth"


@dataclass
class _Row:
    """What is known of one row of one source; of the pictures, no more than features is kept."""

    scores: Scores = field(default_factory=Scores)
    features: list[Float] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)

    @classmethod
    def of_all(cls, rows: Sequence[_Row]) -> _Row:
        return cls(
            Scores.of_all([row.scores for row in rows]),
            [features for row in rows for features in row.features],
            [number for row in rows for number in row.classes],
        )


class Aggregator:
    """Adds up pictures with :meth:`add`, divides once in :meth:`compute`.

    Args:
        network: Whose features the sets are compared by; without, they are not.
    """

    def __init__(self, network: FeatureNetwork | None = None) -> None:
        self._network = network
        self._sources: dict[str, dict[str, _Row]] = {}
        self.pictures: dict[str, int] = {ALL: 0}

    def add(self, source: str, answers: Mapping[str, NDArray[np.uint8]]) -> dict[str, Figures]:
        """Add the answers to one picture.

        Args:
            source: Where the picture is from.
            answers: By row, (H, W, 3) each; with "gray" and "truth", and always the same rows.

        Returns:
            Of each row, the figures of this picture that have no need of a set.
        """
        rows = self._sources.setdefault(source, {name: _Row() for name in answers})
        for name in (ALL, source):
            self.pictures[name] = self.pictures.get(name, 0) + 1
        if self._network:
            seen = self._network(list(answers.values()))
            for number, row in enumerate(rows.values()):
                row.features.append(seen.features[number])
                row.classes += [] if seen.classes is None else [int(seen.classes[number])]
        true = answers[TRUTH]
        return {name: rows[name].scores.update(answer, true) for name, answer in answers.items()}

    def compute(self) -> dict[str, dict[str, Figures]]:
        """The figures by source ("all" first), row and name; what is undefined is left out."""
        names = next(iter(self._sources.values()))
        whole = {
            name: _Row.of_all([rows[name] for rows in self._sources.values()]) for name in names
        }
        return {
            source: self._figures(rows) for source, rows in ({ALL: whole} | self._sources).items()
        }

    def _figures(self, rows: dict[str, _Row]) -> dict[str, Figures]:
        figures = {name: row.scores.compute() for name, row in rows.items()}
        if self._network:
            for name, row in rows.items():
                seen = _distances(self._network.name, row, rows[TRUTH])
                seen |= _semantics(row, rows) if row.classes else {}
                figures[name] |= {key: value for key, value in seen.items() if np.isfinite(value)}
        return figures


def _distances(name: str, row: _Row, truth: _Row) -> Figures:
    features, true = np.stack(row.features), np.stack(truth.features)
    return {
        f"fd_{name}": frechet_distance(features, true),
        f"kid_{name}": kernel_distance(features, true),
    }


def _semantics(row: _Row, rows: dict[str, _Row]) -> Figures:
    share, gray = (agreement(r.classes, rows[TRUTH].classes) for r in (row, rows[GRAY]))
    return {
        "semantic_agreement": 100 * share,
        "semantic_recovered": 100 * recovered(share, gray),
    }
