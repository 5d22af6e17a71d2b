"""Properties of every architecture, and their registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rechroma import Colorizer
from rechroma.errors import TrainingError
from rechroma.export import export_model
from rechroma.networks import (
    ARCHITECTURES,
    Prediction,
    create_network,
    load_exported,
    network_config,
    no_hints,
    register,
)
from rechroma.training import TorchEngine
from rechroma.training.recipe import Loss
from tests.support.networks import SMALL, card, labeled_batch, learned, learns_by_heart, small
from tests.support.shards import synthetic_image

SIDE = 64
LABELED = [name for name, each in ARCHITECTURES.items() if hasattr(each.config, "classes")]
VARIANTS = [
    *((name, {"classes": 3} if name in LABELED else {}) for name in ARCHITECTURES),
    ("rechroma", {"classes": 3, "encoder": "mobilenet-edgetpu"}),
    ("rechroma", {"classes": 3, "encoder": "resnet-50"}),
]


def test_every_architecture_has_small_options() -> None:
    assert SMALL.keys() == ARCHITECTURES.keys()


def test_register_rejects_duplicate_names() -> None:
    first, *_ = ARCHITECTURES.values()
    assert register([first]) == {first.name: first}
    with pytest.raises(TrainingError, match=f"two networks are called '{first.name}'"):
        register([*ARCHITECTURES.values(), first])


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("strides", [(1, 1), (2, 3), (5, 1)])
def test_chroma_has_the_declared_size(name: str, strides: tuple[int, int]) -> None:
    network = small(name).eval()
    height, width = (network.stride * each for each in strides)
    light = torch.rand(2, 1, height, width) * 100
    with torch.inference_mode():
        prediction = network(light, no_hints(light))
        ab = network.chroma(prediction)
    size = (height // network.scale, width // network.scale)
    assert ab.shape == (2, 2, *size)
    assert ab.dtype == torch.float32
    scale = network.distribution_scale or network.scale
    bins = (height // scale, width // scale)
    assert prediction.logits.shape == (2, len(network.centers), *bins)
    assert prediction.ab.shape in ((2, 2, *size), (2, 2, *bins))
    assert prediction.bottleneck.shape[0] == 2


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_every_weight_gets_a_gradient(name: str, options: dict[str, Any]) -> None:
    network = small(name, **options).train()
    light = torch.rand(2, 1, 2 * SIDE, 2 * SIDE) * 100
    hints = no_hints(light)
    hints[:, :, 8:16, 8:16] = 1
    for _ in range(2):  # what starts as the identity passes gradients from then on
        prediction = network(light, hints)
        outputs = heads(prediction)
        if prediction.upsampling is not None:
            outputs.append(network.chroma(prediction))
        cost = sum(output.square().mean() for output in outputs)
        assert isinstance(cost, torch.Tensor)
        cost.backward()
        for weights in network.parameters():
            assert weights.grad is not None
            weights.data -= 0.01 * weights.grad
    assert [n for n, w in network.named_parameters() if w.grad is None or not w.grad.any()] == []


def heads(prediction: Prediction) -> list[torch.Tensor]:
    every = (prediction.logits, prediction.ab, prediction.classes)
    return [head for head in every if head is not None and head.numel()]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_network_overfits_a_few_images(name: str) -> None:
    network = small(name).train()
    assert learns_by_heart(network, labeled_batch(network.scale), Loss(bins=0, ab=1))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_exported_network_colors_a_photograph(name: str, tmp_path: Path) -> None:
    network, path = learned(name), tmp_path / "small.onnx"
    assert export_model(network, card(network), path).file <= 0.05
    photo = np.repeat(synthetic_image(1, 75, 110)[..., :1], 3, axis=2)
    colored = Colorizer(path).colorize(photo)
    assert colored.shape == photo.shape
    assert np.ptp(colored, axis=2).max() > 2
    again = load_exported(path)
    assert network_config(again) == network_config(network)
    by_torch = Colorizer(engine=TorchEngine(again, size=64)).colorize(photo)
    np.testing.assert_allclose(by_torch.astype(float), colored.astype(float), atol=1)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_default_options_create_a_network(name: str) -> None:
    with torch.device("meta"):  # the values of the weights do not matter
        network = create_network(name, {})
        assert network.stride % network.scale == 0
        assert create_network(**network_config(network)).config == network.config
