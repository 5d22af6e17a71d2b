"""Training, export and colorization with each network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import save_file

from rechroma import Colorizer
from rechroma.datasets import CropConfig
from rechroma.engines import OnnxEngine
from rechroma.errors import ModelFeatureError
from rechroma.export import export_model
from rechroma.networks import create_network, load_exported
from rechroma.training import Recipe, TorchEngine, train, trained_network
from rechroma.training.recipe import Adversary, Data, Loss, Network, Optimizer
from tests.support.networks import card
from tests.support.shards import synthetic_image, write_shard


class Plan(NamedTuple):
    """Small options and a short recipe of a network, and the loss term to check."""

    options: dict[str, Any]
    loss: Loss
    steps: int
    part: str


PLANS = {
    "eccv16": Plan({"width": 0.1}, Loss(bins=1.0, ab=0.0), 160, "bins"),
    "siggraph17": Plan({"width": 0.1}, Loss(bins=0.1, ab=1.0), 80, "ab"),
    "attention-gan": Plan(
        {"encoder": "mobilenet-v2", "width": 8, "widest": 16},
        Loss(bins=0.0, ab=1.0, perceptual=0.5),
        60,
        "ab",
    ),
}


@pytest.fixture(scope="module", params=PLANS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run of a small network."""
    folder: Path = tmp_path_factory.mktemp("run") / request.param
    folder.mkdir()
    recipe = recipe_of(folder)
    train(recipe, folder, stop_after=30)
    train(recipe, folder)
    return folder


def recipe_of(folder: Path) -> Recipe:
    name = folder.name
    recipe = Recipe(
        network=Network(name=name, options=PLANS[name].options),
        data=Data(train=(str(write_shard(folder / "train.tar", 4)),)),
        crops=CropConfig(
            sizes=(32,), min_crop_area=0.9, hint_prob=0.5 if name == "siggraph17" else 0.0
        ),
        loss=PLANS[name].loss,
        optimizer=Optimizer(lr=3e-3, encoder_lr=1e-3, warmup=5, freeze_encoder_fraction=0.0),
        steps=PLANS[name].steps,
        batch_size=4,
        workers=0,
        threads=1,
    )
    return with_critic(recipe, folder) if name == "attention-gan" else recipe


def with_critic(recipe: Recipe, folder: Path) -> Recipe:
    torch.manual_seed(0)
    encoder = create_network(recipe.network.name, recipe.network.options).encoder
    assert encoder is not None
    weights = folder / "encoder.safetensors"
    save_file(encoder.state_dict(), weights)
    adversary = Adversary(weight=0.01, start_fraction=0.75, critic_only_fraction=0.05)
    network = replace(recipe.network, encoder_weights=str(weights))
    return replace(recipe, network=network, adversary=adversary)


def loss_of(run: Path) -> list[float]:
    """Read the values of the decisive loss term over time."""
    lines = (run / "log.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)[PLANS[run.name].part] for line in lines]


def test_every_network_learns(run: Path) -> None:
    first, *_, last = loss_of(run)
    assert last < 0.85 * first


def test_exported_network_colors_a_photograph_and_can_be_loaded(run: Path) -> None:
    network = trained_network(run / "checkpoint.pt")
    model = run / "model.onnx"
    parity = export_model(network, card(network), model, weights="float32")
    assert parity.rounding == 0
    assert parity.file < 0.01
    colored = Colorizer(model).colorize(synthetic_image(0))
    assert colored.shape == synthetic_image(0).shape
    assert colored.std(axis=2).mean() > 1

    lightness = np.random.default_rng(0).uniform(0, 100, (2, 1, 64, 96)).astype(np.float32)
    file, again = OnnxEngine(model), TorchEngine(load_exported(model))
    np.testing.assert_allclose(file.chroma(lightness), again.chroma(lightness), atol=0.01)
    if file.card.bins:
        np.testing.assert_allclose(
            file.distribution(lightness), again.distribution(lightness), atol=1e-3
        )
        return
    for engine in (file, again):
        with pytest.raises(ModelFeatureError, match="no distribution"):
            engine.distribution(lightness)
