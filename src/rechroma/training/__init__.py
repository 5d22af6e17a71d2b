"""Training: recipes, losses, the training loop, checkpoints."""

from __future__ import annotations

from rechroma.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rechroma.training.distributed import is_main_process
from rechroma.training.logger import Progress, TrainingCost, draw_curves, training_cost
from rechroma.training.recipe import Recipe, changed_recipe, load_recipe
from rechroma.training.state import TrainState, finetuning_recipe, trained_network
from rechroma.training.torch_engine import TorchEngine
from rechroma.training.trainer import train

__all__ = [
    "Checkpoint",
    "Progress",
    "Recipe",
    "TorchEngine",
    "TrainState",
    "TrainingCost",
    "changed_recipe",
    "draw_curves",
    "finetuning_recipe",
    "is_main_process",
    "load_checkpoint",
    "load_recipe",
    "save_checkpoint",
    "train",
    "trained_network",
    "training_cost",
]
