"""The attention GAN's generator: sizes, and folding of spectral normalization."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized

from rechroma.errors import RecipeError
from rechroma.networks import (
    ColorizationNetwork,
    create_network,
    fold_normalization,
    load_weights,
    no_hints,
    state_without_counters,
)

SMALL = {"encoder": "mobilenet-v2", "width": 8, "widest": 16}


@pytest.fixture
def network() -> ColorizationNetwork:
    """A generator whose attention has an effect."""
    torch.manual_seed(0)
    built = create_network("attention-gan", SMALL)
    built.get_parameter("coarse.1.share").data.fill_(0.5)
    lightness = torch.rand(4, 1, 64, 64) * 100
    for _ in range(3):  # normalization of both kinds looks at what is there
        built(lightness, no_hints(lightness))
    return built.eval()


@torch.inference_mode()
def chroma(network: ColorizationNetwork) -> torch.Tensor:
    lightness = torch.rand(1, 1, 64, 96, generator=torch.Generator().manual_seed(1)) * 100
    return network.chroma(network(lightness, no_hints(lightness)))


@pytest.mark.parametrize("encoder", ["mobilenet-v2", "mobilenet-edgetpu", "resnet-50"])
@pytest.mark.parametrize("turned", [False, True])
def test_chroma_has_half_the_size(encoder: str, turned: bool) -> None:
    network = create_network("attention-gan", SMALL | {"encoder": encoder}).eval()
    assert network.stride == (16 if encoder == "resnet-50" else 32)
    sides = (network.stride, 3 * network.stride)
    height, width = sides[::-1] if turned else sides
    lightness = torch.rand(2, 1, height, width) * 100
    with torch.inference_mode():
        prediction = network(lightness, no_hints(lightness))
    assert network.chroma(prediction).shape == (2, 2, height // 2, width // 2)
    assert prediction.logits.shape[1] == len(network.centers) == 0


def test_unknown_encoder_is_rejected() -> None:
    with pytest.raises(RecipeError, match="no encoder is called 'vgg'"):
        create_network("attention-gan", {"encoder": "vgg"})


def test_decoder_weights_have_a_spectral_norm_of_one(
    network: ColorizationNetwork,
) -> None:
    normalized = [module for module in network.modules() if is_parametrized(module, "weight")]
    assert len(normalized) == 2 + 4 + 4 * 3  # coarse, attention, and three for each level
    for module in normalized:
        weight = getattr(module, "weight")  # noqa: B009 - the type of the attribute says Module
        matrix = weight.detach().flatten(1)
        assert torch.linalg.matrix_norm(matrix, ord=2).item() == pytest.approx(1, abs=0.1)


def test_folding_changes_neither_colors_nor_the_original(
    network: ColorizationNetwork,
) -> None:
    before, folded = chroma(network), copy.deepcopy(network)
    layers = fold_normalization(folded)
    assert layers
    assert not any(is_parametrized(layer) for layer in layers)
    assert not any("parametrizations" in name for name in state_without_counters(folded))
    assert chroma(folded).equal(before)
    assert chroma(network).equal(before)
    assert any(is_parametrized(module) for module in network.modules())


def test_folded_weights_initialize_a_normalized_network(network: ColorizationNetwork) -> None:
    folded, start = copy.deepcopy(network), create_network("attention-gan", SMALL).eval()
    fold_normalization(folded)
    load_weights(start, folded.state_dict(), Path("model.onnx"))
    assert start.state_dict().keys() == network.state_dict().keys()
    torch.testing.assert_close(chroma(start), chroma(network), atol=1, rtol=0)
    load_weights(start, network.state_dict(), Path("checkpoint.pt"))
    assert chroma(start).equal(chroma(network))
