"""Measuring a run on pictures that it does not learn from, and when to end it by that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace
from torch.utils.data import DataLoader

from rechroma.datasets import ColorizationDataset, SampleSpec, Shards, evenly_spaced
from rechroma.training.checkpoint import save_checkpoint
from rechroma.training.logger import mean_of

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from rechroma.training.logger import MetricLogger
    from rechroma.training.trainer import Trainer

BEST = "best.pt"
_TOTAL, _ACCURACY = "val_total", "val_accuracy"


class Validation:
    """The development pictures of a run, always the same crops of them.

    Figures go into the journal as `val_` and the loss's part, `val_total` for their weighted sum
    and `val_accuracy` for how many labels the classifier finds (per cent).

    Args:
        trainer: Of the run; its averaged weights are what is measured.
        journal: Of the run.
        folder: Where the best state goes, as `best.pt`.
    """

    def __init__(self, trainer: Trainer, journal: MetricLogger, folder: Path) -> None:
        self._trainer, self._journal, self._folder = trainer, journal, folder
        recipe, network = trainer.run.recipe, trainer.run.network
        pictures = Shards(recipe.data.val)
        crops = replace(recipe.crops, min_crop_area=1.0, degrade_prob=0.0, hint_prob=0.0)
        chosen = evenly_spaced(len(pictures), recipe.validation.images)
        tickets = [SampleSpec(number, crops.sizes[0], number) for number in chosen]
        self._batches = [
            tickets[start : start + recipe.batch_size]
            for start in range(0, len(tickets), recipe.batch_size)
        ]
        self._examples = ColorizationDataset(pictures, crops, network.scale, network.classes)

    def measure(self) -> None:
        """Write down how the run stands, and keep its state if it never stood better."""
        figures = self._figures()
        best = min(self._totals(), default=np.inf)
        self._journal.note(figures)
        if round(figures[_TOTAL], 4) < best:
            save_checkpoint(self._trainer.run.checkpoint(), self._folder / BEST)

    def hopeless(self) -> bool:
        """Whether the last measurements, as many as the recipe's patience, brought nothing."""
        patience, totals = self._trainer.run.recipe.validation.patience, self._totals()
        return patience > 0 and len(totals) - 1 - int(np.argmin([*totals, np.inf])) >= patience

    def _totals(self) -> list[float]:
        return [np.inf if np.isnan(total) else total for total in self._journal.curve(_TOTAL)]

    def _figures(self) -> dict[str, float]:
        seen, weights = [], []
        for example in DataLoader(self._examples, batch_sampler=self._batches):
            cost, classes = self._trainer.judged(example)
            parts = {f"val_{name}": float(part) for name, part in cost.parts.items()}
            seen.append({_TOTAL: float(cost.total), **parts, **_accuracy(classes, example.label)})
            weights.append(len(example.label))
        return mean_of(seen, weights)


def _accuracy(classes: Tensor | None, labels: Tensor) -> dict[str, float]:
    known = labels >= 0
    if classes is None or not known.any():
        return {}
    right = classes[known].argmax(dim=1).cpu() == labels[known]
    return {_ACCURACY: 100 * float(right.float().mean())}
