"""Training of a decoder on stored features; the rest of the network is unchanged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import save_file

from rechroma.datasets import CropConfig, FeatureConfig, build_features, feature_store
from rechroma.errors import RecipeError
from rechroma.training import Recipe, train
from rechroma.training.logger import read_log
from rechroma.training.recipe import Data, Loss, Network, Optimizer, ValidationConfig
from tests.support.networks import SMALL, small
from tests.support.shards import write_shard
from tests.support.tiny_encoders import write_encoder

NAME = "coarse-to-fine"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A small decoder on the features of six images, validated on images."""
    monkeypatch.setattr(
        feature_store, "ProcessPoolExecutor", lambda jobs, *_: ThreadPoolExecutor(jobs)
    )
    encoder = small(NAME).encoder
    assert encoder is not None
    shard = write_shard(tmp_path / "train.tar", 6)
    eighth, sixteenth, bottleneck = encoder.channels[2:]
    channels = (encoder.head_channels, eighth, sixteenth, bottleneck)
    build_features(
        [shard],
        tmp_path / "store",
        write_encoder(tmp_path / "encoder.onnx", channels=channels),
        FeatureConfig(crop_size=64, views=2),
        name="efficientnet-lite2",
        weights_sha256="0" * 64,
        jobs=1,
    )
    save_file(encoder.state_dict(), tmp_path / "encoder.safetensors")
    return Recipe(
        network=Network(NAME, SMALL[NAME], encoder_weights=str(tmp_path / "encoder.safetensors")),
        data=Data(
            val=(str(write_shard(tmp_path / "val.tar", 2)),), features=str(tmp_path / "store")
        ),
        crops=CropConfig(sizes=(64,)),
        loss=Loss(distance=0.7, moments=0.7, bins_fraction=0.5),
        optimizer=Optimizer(
            encoder_lr=0.0, freeze_encoder_fraction=1.0, warmup=1, only=("decoder.",)
        ),
        validation=ValidationConfig(interval=4),
        steps=4,
        batch_size=4,
        workers=0,
        threads=1,
    )


def test_training_on_features_changes_the_decoder_alone_and_resumes_exactly(
    plan: Recipe, tmp_path: Path
) -> None:
    start = train(plan, tmp_path / "start", stop_after=1).network.state_dict()
    start = {name: weights.clone() for name, weights in start.items()}
    whole = train(plan, tmp_path / "whole").network.state_dict()
    train(plan, tmp_path / "parts", stop_after=2)
    parts = train(plan, tmp_path / "parts").network.state_dict()
    assert all(whole[name].equal(parts[name]) for name in whole)
    changed = {name for name in whole if not whole[name].equal(start[name])}
    assert changed
    assert all(name.startswith("decoder.") for name in changed)
    lines = read_log(tmp_path / "whole/log.jsonl")
    (measured,) = [line for line in lines if "val_total" in line]
    assert measured.keys() >= {"val_bins", "val_ab", "val_distance", "val_moments"}


def test_features_of_another_encoder_or_network_are_rejected(plan: Recipe, tmp_path: Path) -> None:
    other = replace(plan, network=Network("inception-unet", {"widths": [16, 16, 16, 16]}))
    with pytest.raises(RecipeError, match="the features are of efficientnet-lite2, the network"):
        train(other, tmp_path / "run")


def test_decoder_overfits_features(plan: Recipe, tmp_path: Path) -> None:
    torch.manual_seed(0)
    longer = replace(plan, steps=60, validation=ValidationConfig())
    train(longer, tmp_path / "run")
    distances = [line["distance"] for line in read_log(tmp_path / "run/log.jsonl")]
    assert distances[-1] < distances[0]
