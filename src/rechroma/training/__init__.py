"""Training: recipes, losses, one readable loop, checkpoints."""

from __future__ import annotations

from rechroma.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rechroma.training.engine import TorchEngine
from rechroma.training.loop import Progress, train
from rechroma.training.recipe import Recipe, load_recipe
from rechroma.training.run import Run, trained_network

__all__ = [
    "Checkpoint",
    "Progress",
    "Recipe",
    "Run",
    "TorchEngine",
    "load_checkpoint",
    "load_recipe",
    "save_checkpoint",
    "train",
    "trained_network",
]
