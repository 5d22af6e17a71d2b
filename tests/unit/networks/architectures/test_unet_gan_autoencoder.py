"""The three classic networks: the special features of each."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rechroma.errors import CheckpointError, RecipeError
from rechroma.networks import create_network, load_encoder, no_hints
from rechroma.networks.encoders.vgg import VGG19
from rechroma.networks.layers.blocks import Fusion
from rechroma.training.recipe import Loss
from tests.support.networks import labeled_batch, learned, learns_by_heart, small

# torchvision's names for the convolutions of VGG-19, and how many channels each gives
PUBLISHED = (
    {0: 64, 2: 64, 5: 128, 7: 128}
    | dict.fromkeys((10, 12, 14, 16), 256)
    | dict.fromkeys((19, 21, 23, 25, 28, 30, 32, 34), 512)
)


def published_weights() -> dict[str, torch.Tensor]:
    """Weights named as in torchvision's VGG-19, with part of its classifier."""
    weights, inputs = {"classifier.6.weight": torch.zeros(10, 8)}, 3
    for number, outputs in PUBLISHED.items():
        weights[f"features.{number}.weight"] = torch.full((outputs, inputs, 3, 3), 1e-3)
        weights[f"features.{number}.bias"] = torch.full((outputs,), float(number))
        inputs = outputs
    return weights


def test_vgg_of_full_width_loads_published_weights(tmp_path: Path) -> None:
    path = tmp_path / "vgg19.safetensors"
    save_file(published_weights(), path)
    network = create_network("vgg-fcn", {"width": 1.0})
    assert network.encoder is not None
    load_encoder(network.encoder, path)
    for number in PUBLISHED:
        assert network.get_parameter(f"encoder.features.{number}.bias").eq(number).all()
    assert not network.get_parameter("coarse.0.0.weight").eq(1e-3).any()


def test_vgg_rejects_weights_of_another_width_or_with_a_layer_missing(tmp_path: Path) -> None:
    weights, path = published_weights(), tmp_path / "vgg19.safetensors"
    save_file(weights, path)
    with pytest.raises(CheckpointError, match="does not fit the network"):
        load_encoder(VGG19(0.125), path)
    del weights["features.28.bias"]
    save_file(weights, path)
    with pytest.raises(CheckpointError, match=r"lacks the network's 'features\.28\.bias'"):
        load_encoder(VGG19(), path)


def test_untrained_vgg_preserves_the_scale_of_activations() -> None:
    torch.manual_seed(0)
    noise = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        spreads = [level.std().item() for level in VGG19(0.5).features_of(noise)]
    assert all(0.1 < spread < 10 for spread in spreads)


def test_width_without_channels_is_rejected() -> None:
    with pytest.raises(RecipeError, match="leaves no channels"):
        create_network("vgg-fcn", {"width": 0.01})


def test_fusion_equals_the_convolution_of_a_repeated_vector() -> None:
    torch.manual_seed(0)
    fusion = Fusion(5, 7, 4).eval()
    features, vector = torch.randn(2, 5, 3, 6), torch.randn(2, 7)
    mixing = nn.Conv2d(12, 4, 1, bias=False)
    weights = torch.cat([fusion.places.weight, fusion.whole.weight[:, :, None, None]], dim=1)
    mixing.weight = nn.Parameter(weights)
    repeated = vector[:, :, None, None].expand(-1, -1, 3, 6)
    expected = fusion.after(mixing(torch.cat([features, repeated], dim=1)))
    torch.testing.assert_close(fusion(features, vector), expected)


@pytest.mark.parametrize("name", ["fusion-autoencoder", "inception-unet"])
def test_global_features_reach_every_location(name: str) -> None:
    network = learned(name)
    light = torch.rand(1, 1, 128, 64) * 100
    with torch.inference_mode():
        before = network(light, no_hints(light)).ab
        for module in network.modules():
            if isinstance(module, Fusion):
                module.whole.weight.zero_()
        after = network(light, no_hints(light)).ab
    changed = (after != before).any(dim=1)
    assert changed.float().mean() > 0.99


@pytest.mark.parametrize("encoder", ["mobilenet-edgetpu", "resnet-50"])
def test_fusion_supports_every_encoder(encoder: str) -> None:
    network = small("fusion-autoencoder", encoder=encoder).eval()
    light = torch.rand(1, 1, 64, 64) * 100
    with torch.inference_mode():
        assert network(light, no_hints(light)).ab.shape == (1, 2, 32, 32)
    with pytest.raises(RecipeError, match="no encoder is called 'vgg'"):
        create_network("fusion-autoencoder", {"encoder": "vgg"})


def test_classifier_has_the_configured_classes() -> None:
    network = small("inception-unet", classes=5, hidden=24, dropout=0.25).train()
    assert network.get_parameter("classifier.0.weight").shape == (24, 512)
    light = torch.rand(2, 1, 64, 64) * 100
    assert network(light, no_hints(light)).classes.shape == (2, 5)
    plain = small("inception-unet").train()
    assert plain(light, no_hints(light)).classes is None
    with pytest.raises(AttributeError):
        plain.get_submodule("classifier.0")


def test_classifier_learns_labels() -> None:
    network = small("inception-unet", classes=3).train()
    assert learns_by_heart(network, labeled_batch(network.scale), Loss(bins=0, ab=0, classes=1))


def test_dropout_acts_in_training_only() -> None:
    network = small("inception-unet", classes=5)
    light = torch.rand(2, 1, 64, 64) * 100

    def twice() -> list[torch.Tensor]:
        return [network(light, no_hints(light)).classes for _ in range(2)]

    first, second = (network.train(), twice())[1]
    assert not first.equal(second)
    first, second = (network.eval(), twice())[1]
    assert first.equal(second)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widths": [16, 16, 16, 24]}, "multiples of 16"),
        ({"widths": [0, 16, 16, 16]}, "multiples of 16"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        create_network("inception-unet", options)
