"""How good a model is on a data set, always beside the rows *gray* and *truth*.

A fully gray answer wins by PSNR and is not far off by CIEDE2000, so no figure means anything
without those two rows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from rechroma.datasets import spread
from rechroma.evaluation.aggregate import GRAY, TRUTH, Aggregator
from rechroma.evaluation.benchmark import network_milliseconds, peak_memory_mb
from rechroma.evaluation.predictor import Painter, aged_level, dice, gray_level, in_rgb
from rechroma.evaluation.robustness import hint_curve, old_photographs, size_agreement
from rechroma.evaluation.selection import ImageScore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.random import Generator

    from rechroma.datasets import Shards
    from rechroma.engines import Engine
    from rechroma.evaluation.aggregate import Figures
    from rechroma.evaluation.feature_extractor import FeatureNetwork
    from rechroma.evaluation.predictor import Picture

MODEL, AGED = "model", "aged"

_GAINS = ("hue_hit", "balanced_auc")


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        limit: How many pictures of a set to take, evenly spread; None for all.
        size: Long side that the network sees; None for the model's own.
        aged: Whether to add a row of what the model makes of an old-looking print of each picture.
        features: Whose features the sets are compared by; None to leave that out.
        hints: Whether to measure with colors given.
        sizes: Whether to compare the answers at several sizes.
        old: Photographs without truth.
    """

    limit: int | None = None
    size: int | None = None
    aged: bool = False
    features: FeatureNetwork | None = None
    hints: bool = False
    sizes: bool = False
    old: Shards | None = None

    def of(self, pictures: Shards | None) -> list[int]:
        """The numbers of the pictures to take."""
        return spread(len(pictures), self.limit) if pictures else []

    def rounds(self, pictures: Shards) -> int:
        """How often a picture is done with, for a progress bar."""
        return len(self.of(pictures)) * (1 + self.hints + self.sizes) + len(self.of(self.old))


@dataclass(frozen=True)
class Report:
    """Figures by source ("all" first) and row ("gray", "model", maybe "aged", "truth").

    What the plan did not ask for is empty; a figure that is not defined for a set is left out.

    Attributes:
        model: The model's name and version.
        pictures: How many pictures of each source.
        figures: Of each source and row, as
            :meth:`rechroma.evaluation.metrics.Scores.compute` names them,
            and those of the features.
        network: `milliseconds` at 256 x 256, `peak_memory_mb` of the process, `chroma_max` and
            `chroma_beyond` as :class:`Painter` has them.
        lost: Of each source, how much of the gain over gray is lost on old-looking prints, per
            cent of the gain in `hue_hit` and `balanced_auc`.
        hints: Figures by the number of hints.
        sizes: CIEDE2000 between the answers at two sizes of the "picture" and of what the
            "network" sees.
        old: Figures of the photographs without truth.
        each: The pictures, in order.
    """

    model: str
    pictures: dict[str, int]
    figures: dict[str, dict[str, Figures]]
    network: Figures = field(default_factory=dict)
    lost: dict[str, Figures] = field(default_factory=dict)
    hints: dict[str, Figures] = field(default_factory=dict)
    sizes: dict[str, Figures] = field(default_factory=dict)
    old: Figures = field(default_factory=dict)
    each: tuple[ImageScore, ...] = ()

    def to_json(self) -> str:
        """The report as indented JSON."""
        return json.dumps(asdict(self), indent=2)


def evaluate(
    engine: Engine,
    pictures: Shards,
    plan: Plan | None = None,
    *,
    on_picture: Callable[[], None] = lambda: None,
) -> Report:
    """Turn pictures gray, color them and compare with what they were.

    Args:
        engine: The model.
        pictures: Photographs in color.
        plan: What to measure.
        on_picture: Called after each; :meth:`Plan.rounds` times.

    Raises:
        ModelFeatureError: The plan asks for hints, and the model takes none.
    """
    plan = plan or Plan()
    painter, numbers = Painter(engine, plan.size), plan.of(pictures)
    milliseconds = network_milliseconds(engine)
    hints = hint_curve(painter, pictures, numbers, on_picture) if plan.hints else {}
    sizes = size_agreement(painter, pictures, numbers, on_picture) if plan.sizes else {}
    old = old_photographs(painter, plan.old, plan.of(plan.old), on_picture) if plan.old else {}
    gathering = Aggregator(plan.features)
    each = tuple(_judged(painter, pictures, plan, gathering, on_picture))
    figures = gathering.compute()
    return Report(
        model=f"{engine.card.name} {engine.card.version}",
        pictures=gathering.pictures,
        figures=figures,
        network=_network(painter, milliseconds),
        lost={source: _lost(rows) for source, rows in figures.items()} if plan.aged else {},
        hints=hints,
        sizes=sizes,
        old=old,
        each=each,
    )


def answers(painter: Painter, truth: Picture, aging: Generator | None = None) -> dict[str, Picture]:
    """A photograph (H, W, 3) by row: in gray, as the model colors that, and as it was.

    Args:
        painter: The model.
        truth: The photograph.
        aging: Dice for an old-looking print of it, whose colors make one row more. They are laid
            on the true lightness, so that only color is compared.
    """
    gray = gray_level(truth)
    rows = {GRAY: in_rgb(gray), MODEL: painter.colored(gray)}
    if aging is not None:
        rows[AGED] = painter.colored_as(gray, aged_level(truth, aging))
    return rows | {TRUTH: truth}


def _judged(
    painter: Painter,
    pictures: Shards,
    plan: Plan,
    gathering: Aggregator,
    on_picture: Callable[[], None],
) -> Iterator[ImageScore]:
    for number in plan.of(pictures):
        key, source = pictures.key(number), str(pictures.facts(number).get("source", "unknown"))
        rows = answers(painter, pictures[number], dice(key) if plan.aged else None)
        figures = gathering.add(source, rows)
        gray, model = (figures[row]["ciede2000"] for row in (GRAY, MODEL))
        on_picture()
        yield ImageScore(number, key, source, gray, model)


def _network(painter: Painter, milliseconds: float) -> Figures:
    figures = {
        "milliseconds": milliseconds,
        "peak_memory_mb": peak_memory_mb(),
        "chroma_max": painter.chroma_max,
        "chroma_beyond": painter.chroma_beyond,
    }
    return {name: value for name, value in figures.items() if isfinite(value)}


def _lost(rows: Mapping[str, Figures]) -> Figures:
    """How much of the gain over gray is lost with age, per cent, where there was a gain."""
    lost = {}
    for name in _GAINS:
        if all(name in row for row in rows.values()):
            gain = rows[MODEL][name] - rows[GRAY][name]
            if gain > 0:
                lost[name] = 100 * (rows[MODEL][name] - rows[AGED][name]) / gain
    return lost
