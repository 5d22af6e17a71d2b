"""What a run has cost, as its folder says."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rechroma.training.checkpoint import load_checkpoint
from rechroma.training.logger import read_log

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class TrainingCost:
    """What it took to train a network.

    Attributes:
        pictures: Crops shown.
        minutes: In the steps; what else a run does (measuring, saving) is not in it.
        accuracy: Per cent of the labels of the development pictures that it found in the end, where
            that was measured.
    """

    pictures: int
    minutes: float
    accuracy: float | None = None


def training_cost(folder: Path) -> TrainingCost:
    """What the run in a folder has cost.

    Raises:
        CheckpointError: There is no checkpoint in it.
    """
    checkpoint = load_checkpoint(folder / "checkpoint.pt")
    lines = read_log(folder / "log.jsonl")
    paces = [(0, 1.0)] + [
        (line["step"], line["pictures_per_second"])
        for line in lines
        if "pictures_per_second" in line
    ]
    a_step = checkpoint.seen / max(1, checkpoint.step)
    seconds = sum((step - before) * a_step / pace for (before, _), (step, pace) in pairwise(paces))
    found = [line["val_accuracy"] for line in lines if "val_accuracy" in line]
    return TrainingCost(checkpoint.seen, seconds / 60, found[-1] if found else None)
