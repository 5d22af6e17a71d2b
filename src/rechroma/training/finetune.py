"""Going on from a trained network, on pictures of one's own."""

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


def finetuning_recipe(start: Path, pictures: Sequence[str], steps: int = STEPS) -> Recipe:
    """A recipe that teaches a network one's own pictures without its forgetting the rest.

    The encoder stays as it is and the others learn at a quarter of the usual rate: some minutes
    on a CPU.

    Args:
        start: A checkpoint, or a color model file that `rechroma export` wrote.
        pictures: Shards to learn from.
        steps: Of 32 crops each.

    Raises:
        CheckpointError: The file holds no network that can be trained.
        ModelContractError: Likewise.
    """
    network = starting_network(start)
    plan = network_config(network)
    has_bins = len(network.centers) > 0
    return Recipe(
        network=Network(plan["name"], plan["options"], init_from=str(start)),
        data=Data(train=tuple(pictures)),
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
