"""Validation and early stopping: the averaged network on fixed crops of held-out images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace
from torch.utils.data import DataLoader

from rechroma.datasets import ColorizationDataset, SampleSpec, Shards, evenly_spaced
from rechroma.training.checkpoint import save_checkpoint
from rechroma.training.logger import weighted_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from rechroma.datasets import Sample
    from rechroma.training.logger import MetricLogger
    from rechroma.training.losses import LossOutput
    from rechroma.training.state import TrainState

_TOTAL, _ACCURACY = "val_total", "val_accuracy"


class Validation:
    """Evaluation on the validation images of a run, always the same crops of them.

    Metrics are logged as `val_` and the name of the loss term, `val_total` for their weighted sum
    and `val_accuracy` for the accuracy of the classifier (per cent).

    Args:
        state: Of the run.
        evaluate_batch: From a batch to the averaged network's losses and class logits.
        log: Of the run.
        best: Where the best state is saved.
    """

    def __init__(
        self,
        state: TrainState,
        evaluate_batch: Callable[[Sample], tuple[LossOutput, Tensor | None]],
        log: MetricLogger,
        best: Path,
    ) -> None:
        self._state, self._evaluate, self._log, self._best = state, evaluate_batch, log, best
        recipe, network = state.recipe, state.network
        images = Shards(recipe.data.val)
        crops = replace(recipe.crops, min_crop_area=1.0, degrade_prob=0.0, hint_prob=0.0)
        specs = [
            SampleSpec(number, crops.sizes[0], number)
            for number in evenly_spaced(len(images), recipe.validation.images)
        ]
        size = recipe.batch_size
        batches = [specs[start : start + size] for start in range(0, len(specs), size)]
        dataset = ColorizationDataset(images, crops, network.scale, network.classes)
        self._loader = DataLoader(dataset, batch_sampler=batches)

    def run(self) -> None:
        """Evaluate, log the metrics, and save the state if it is the best so far."""
        metrics, sizes = [], []
        for batch in self._loader:
            losses, classes = self._evaluate(batch)
            found = {f"val_{name}": float(term) for name, term in losses.terms.items()}
            found[_TOTAL] = float(losses.total)
            known = batch.label >= 0
            if classes is not None and known.any():
                right = classes[known].argmax(dim=1).cpu() == batch.label[known]
                found[_ACCURACY] = 100 * float(right.float().mean())
            metrics.append(found)
            sizes.append(len(batch.label))
        means = weighted_mean(metrics, sizes)
        best = min(self._totals(), default=np.inf)
        self._log.write(means)
        if round(means[_TOTAL], 4) < best:
            save_checkpoint(self._state.checkpoint(), self._best)

    def should_stop(self) -> bool:
        """Check whether validation loss has not improved for `patience` evaluations."""
        patience, totals = self._state.recipe.validation.patience, self._totals()
        return patience > 0 and len(totals) - 1 - int(np.argmin([*totals, np.inf])) >= patience

    def _totals(self) -> list[float]:
        return [np.inf if np.isnan(total) else total for total in self._log.curve(_TOTAL)]
