"""Training: recipes, losses, one readable loop, checkpoints."""

from __future__ import annotations

from rechroma.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rechroma.training.cost import TrainingCost, training_cost
from rechroma.training.engine import TorchEngine
from rechroma.training.finetuning import finetuning_recipe
from rechroma.training.journal import Progress, draw_curves
from rechroma.training.loop import train
from rechroma.training.recipe import Recipe, changed_recipe, load_recipe
from rechroma.training.run import Run, trained_network
from rechroma.training.team import leads

__all__ = [
    "Checkpoint",
    "Progress",
    "Recipe",
    "Run",
    "TorchEngine",
    "TrainingCost",
    "changed_recipe",
    "draw_curves",
    "finetuning_recipe",
    "leads",
    "load_checkpoint",
    "load_recipe",
    "save_checkpoint",
    "train",
    "trained_network",
    "training_cost",
]
