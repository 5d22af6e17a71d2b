"""Many models on the same pictures in one run, beside gray and truth, with what each costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx

from rechroma.engines import OnnxEngine
from rechroma.evaluation.aggregate import ALL, GRAY, TRUTH, Aggregator
from rechroma.evaluation.benchmark import network_milliseconds
from rechroma.evaluation.predictor import Painter, gray_level, in_rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from rechroma.datasets import Shards
    from rechroma.evaluation.aggregate import Figures

_RANKED_BY = "balanced_auc"


@dataclass(frozen=True)
class Standing:
    """How a model stands.

    Attributes:
        figures: As :meth:`rechroma.evaluation.metrics.Scores.compute` names them.
        weights: How many numbers the file holds; 0 for gray and truth.
        megabytes: Of the file.
        milliseconds: Of the network alone at 256 x 256, on this machine.
    """

    figures: Figures
    weights: int = 0
    megabytes: float = 0.0
    milliseconds: float = 0.0


def compare(
    models: Mapping[str, Path],
    pictures: Shards,
    numbers: Sequence[int],
    *,
    on_picture: Callable[[], None] = lambda: None,
) -> dict[str, Standing]:
    """Color the same pictures with several models.

    Args:
        models: Color model files by the names they are to have; not "gray" nor "truth".
        pictures: Photographs in color.
        numbers: Which of them.
        on_picture: Called after each.

    Returns:
        By name: gray, the models with the best by balanced AuC first, truth.

    Raises:
        ModelError: A model cannot be used.
    """
    engines = {name: OnnxEngine(path) for name, path in models.items()}
    milliseconds = {name: network_milliseconds(engine) for name, engine in engines.items()}
    painters = {name: Painter(engine) for name, engine in engines.items()}
    gathering = Aggregator()
    for number in numbers:
        truth = pictures[number]
        gray = gray_level(truth)
        painted = {name: painter.colored(gray) for name, painter in painters.items()}
        gathering.add("", {GRAY: in_rgb(gray), **painted, TRUTH: truth})
        on_picture()
    rows = gathering.compute()[ALL]
    standings = {
        name: Standing(rows[name], *_size(path), milliseconds[name])
        for name, path in models.items()
    }
    ranked = sorted(standings, key=lambda name: -rows[name].get(_RANKED_BY, 0.0))
    best_first = {name: standings[name] for name in ranked}
    return {GRAY: Standing(rows[GRAY]), **best_first, TRUTH: Standing(rows[TRUTH])}


def _size(path: Path) -> tuple[int, float]:
    """How many numbers a file of a model holds, and its megabytes."""
    tensors = onnx.load(path).graph.initializer
    return sum(int(np.prod(tensor.dims)) for tensor in tensors), path.stat().st_size / 1e6
