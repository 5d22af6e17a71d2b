"""Training: recipes, losses, one readable loop, checkpoints."""

from __future__ import annotations

from rechroma.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rechroma.training.engine import TorchEngine
from rechroma.training.loop import Progress, Run, resume, train, trained_network
from rechroma.training.recipe import Recipe, load_recipe

__all__ = [
    "Checkpoint",
    "Progress",
    "Recipe",
    "Run",
    "TorchEngine",
    "load_checkpoint",
    "load_recipe",
    "resume",
    "save_checkpoint",
    "train",
    "trained_network",
]
