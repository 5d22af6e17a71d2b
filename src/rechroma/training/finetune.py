"""Fine-tuning: a recipe that continues from a trained network on the user's own images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rechroma.datasets import CropConfig
from rechroma.networks import network_config
from rechroma.training.recipe import Data, Loss, Network, Optimizer, Recipe
from rechroma.training.state import starting_network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STEPS = 300
_BATCH = 32
_SIDE = 128  # pixels


def finetuning_recipe(start: Path, shards: Sequence[str], steps: int = STEPS) -> Recipe:
    """Build a recipe for a short run that keeps what the network knows.

    The encoder is frozen and the decoder learns at a quarter of the usual rate: some minutes on a
    CPU.

    Args:
        start: A checkpoint, or a color model file that `rechroma export` wrote.
        shards: Images to learn from.
        steps: Of 32 crops each.

    Raises:
        CheckpointError: The file holds no network that can be trained.
        ModelContractError: The model file is not one of Rechroma's.
    """
    network = starting_network(start)
    architecture = network_config(network)
    has_bins = len(network.centers) > 0
    return Recipe(
        network=Network(architecture["name"], architecture["options"], init_from=str(start)),
        data=Data(train=tuple(shards)),
        crops=CropConfig(
            sizes=(_SIDE,), degrade_prob=0.2, hint_prob=0.2 if network.supports_hints else 0.0
        ),
        loss=Loss(ab=0.3) if has_bins else Loss(bins=0.0, ab=1.0),
        optimizer=Optimizer(
            lr=5e-4, encoder_lr=0.0, freeze_encoder_fraction=1.0, warmup=20, ema=0.99
        ),
        steps=steps,
        batch_size=_BATCH,
    )
