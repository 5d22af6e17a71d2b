"""A recipe that trains quickly."""

from __future__ import annotations

from pathlib import Path

import pytest

from rechroma.datasets import CropConfig
from rechroma.training import Recipe
from rechroma.training.recipe import Data, Network, Optimizer
from tests.support.shards import write_shard


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """The shipped architecture, narrow, on six synthetic images."""
    shard = write_shard(tmp_path / "train.tar", 6)
    return Recipe(
        network=Network(options={"widths": [16, 8, 8, 8]}),
        data=Data(train=(str(shard),)),
        crops=CropConfig(sizes=(32, 64), size_shares=(0.7, 0.3), degrade_prob=0.3, hint_prob=0.5),
        optimizer=Optimizer(warmup=2, freeze_encoder_fraction=0.3),
        steps=8,
        batch_size=4,
        checkpoint_interval=2,
        workers=0,
        threads=1,
    )
