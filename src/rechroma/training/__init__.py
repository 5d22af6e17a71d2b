"""Training: recipes, losses, one readable loop, checkpoints."""

from __future__ import annotations

from rechroma.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rechroma.training.compute import TrainingCost, training_cost
from rechroma.training.distributed import leads
from rechroma.training.finetune import finetuning_recipe
from rechroma.training.logger import Progress, draw_curves
from rechroma.training.loop import train
from rechroma.training.recipe import Recipe, changed_recipe, load_recipe
from rechroma.training.state import Run, trained_network
from rechroma.training.torch_engine import TorchEngine

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
