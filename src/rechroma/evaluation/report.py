"""How good a model is on a data set, always beside the rows *grey* and *truth*.

A fully grey answer wins by PSNR and is not far off by CIEDE2000, so no figure means anything
without those two rows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from rechroma.imaging import contact_sheet, photo_of_array
from rechroma.metrics import Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

    from rechroma.colorizer import Colorizer
    from rechroma.datasets import Shards

    _Picture = NDArray[np.uint8]

ROWS = ("grey", "model", "truth")
ALL = "all"


@dataclass(frozen=True)
class Report:
    """Figures by source ("all" first) and row ("grey", "model", "truth").

    Attributes:
        model: The model's name and version.
        pictures: How many pictures of each source.
        figures: Of each source and row, as :meth:`rechroma.metrics.Scores.compute` names them.
    """

    model: str
    pictures: dict[str, int]
    figures: dict[str, dict[str, dict[str, float]]]

    def to_json(self) -> str:
        """The report as indented JSON."""
        return json.dumps(asdict(self), indent=2)


def evaluate(
    colorizer: Colorizer,
    pictures: Shards,
    *,
    numbers: Sequence[int] | None = None,
    size: int | None = None,
    on_picture: Callable[[], None] = lambda: None,
) -> Report:
    """Turn pictures grey, colour them and compare with what they were.

    Args:
        colorizer: The model.
        pictures: Photographs in colour.
        numbers: Which of them; without, all.
        size: Long side that the network sees; without, the model's own.
        on_picture: Called after each.
    """
    scores: dict[str, dict[str, Scores]] = {ALL: _rows()}
    counts = {ALL: 0}
    for number in range(len(pictures)) if numbers is None else numbers:
        source = str(pictures.facts(number).get("source", "unknown"))
        grey, model, truth = coloured(colorizer, pictures[number], size)
        for name in (ALL, source):
            _add(scores.setdefault(name, _rows()), (grey, model, truth))
            counts[name] = counts.get(name, 0) + 1
        on_picture()
    figures = {
        name: {row: gathered.compute() for row, gathered in rows.items()}
        for name, rows in scores.items()
    }
    card = colorizer.card
    return Report(f"{card.name} {card.version}", counts, figures)


def coloured(
    colorizer: Colorizer, truth: _Picture, size: int | None = None
) -> tuple[_Picture, _Picture, _Picture]:
    """A photograph (H, W, 3) in grey, as the model colours that, and as it was."""
    grey = grey_level(truth)
    model = np.asarray(colorizer.colorize(grey, size=size), np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1), model, truth


def grey_level(rgb: _Picture) -> _Picture:
    """The sRGB grey (H, W) that has the luminance of a colour picture (H, W, 3)."""
    return np.asarray(photo_of_array(rgb).grey, np.uint8)


def sheet(colorizer: Colorizer, truths: Iterable[_Picture], size: int | None = None) -> Image:
    """A contact sheet: grey, the model's colours, the truth."""
    samples = [coloured(colorizer, truth, size) for truth in truths]
    return contact_sheet(samples, ROWS, panel=(192, 144), samples_per_row=3)


def _rows() -> dict[str, Scores]:
    return {row: Scores() for row in ROWS}


def _add(rows: dict[str, Scores], answers: tuple[_Picture, _Picture, _Picture]) -> None:
    for scores, answer in zip(rows.values(), answers, strict=True):
        scores.update(answer, answers[-1])
