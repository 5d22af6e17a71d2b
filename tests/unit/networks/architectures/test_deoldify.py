"""DeOldify's networks: square input, color out of RGB, and normalized weights."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from rechroma.errors import RecipeError
from rechroma.networks import (
    create_network,
    fold_normalization,
    load_weights,
    no_hints,
    state_without_counters,
)
from rechroma.networks.architectures.deoldify import DeOldify
from tests.support.networks import learned, small

PUBLISHED_WEIGHTS = {"deoldify-artistic": 63_646_881, "deoldify-stable": 218_222_197}


@pytest.fixture(params=["deoldify-artistic", "deoldify-stable"])
def network(request: pytest.FixtureRequest) -> DeOldify:
    """A network as if trained, whose attention has an effect."""
    built = learned(request.param)
    assert isinstance(built, DeOldify)
    return built


@torch.inference_mode()
def chroma(network: DeOldify, lightness: torch.Tensor) -> torch.Tensor:
    return network.chroma(network(lightness, no_hints(lightness)))


def random_lightness(height: int, width: int) -> torch.Tensor:
    return torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(1)) * 100


@pytest.mark.parametrize("name", PUBLISHED_WEIGHTS)
def test_full_width_has_the_published_number_of_weights(name: str) -> None:
    with torch.device("meta"):
        network = create_network(name, {})
    assert sum(weights.numel() for weights in network.parameters()) == PUBLISHED_WEIGHTS[name]


def test_video_has_the_shapes_of_stable() -> None:
    stable, video = (
        {key: value.shape for key, value in small(f"deoldify-{name}").state_dict().items()}
        for name in ("stable", "video")
    )
    assert stable == video


@pytest.mark.parametrize(("height", "width"), [(32, 64), (80, 16)])
def test_image_is_stretched_to_a_square(network: DeOldify, height: int, width: int) -> None:
    seen: list[torch.Size] = []
    network.encoder[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    ab = chroma(network, random_lightness(height, width))
    side = max(height, width)
    assert seen == [(1, 3, side, side)]
    assert ab.shape == (1, 2, height, width)


@pytest.mark.parametrize("side", [16, 48, 64, 80])
def test_rendered_square_keeps_sides_that_the_encoder_cannot_halve(
    network: DeOldify, side: int
) -> None:
    with torch.inference_mode():
        rgb, bottleneck = network.paint(torch.rand(1, 1, side, side).expand(-1, 3, -1, -1))
    assert rgb.shape == (1, 3, side, side)
    assert bottleneck.shape[2:] == (-(-side // 32), -(-side // 32))


def test_chroma_ignores_the_predicted_luma(
    network: DeOldify, monkeypatch: pytest.MonkeyPatch
) -> None:
    lightness, color = random_lightness(32, 32), torch.tensor([0.05, 0.0, -0.05]).view(1, 3, 1, 1)
    found = []
    for level in (0.3, 0.6):
        predicted = (level + color).expand(1, 3, 32, 32)
        monkeypatch.setattr(network, "paint", lambda _, rgb=predicted: (rgb, rgb))
        found.append(chroma(network, lightness))
    torch.testing.assert_close(*found, atol=1e-3, rtol=0)
    assert found[0][:, 1].min() > 0  # red without blue is yellowish


def test_chroma_of_predicted_gray_is_zero(
    network: DeOldify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "paint", lambda gray: (1 - gray, gray))
    assert chroma(network, random_lightness(32, 32)).abs().max() < 0.01


def test_predicted_rgb_is_clipped_but_in_training(
    network: DeOldify, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted = torch.tensor([1.1, 0.5, -0.2]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    lightness = random_lightness(32, 32)
    found = []
    for rgb in (predicted, predicted.clamp(0, 1)):
        monkeypatch.setattr(network, "paint", lambda _, rgb=rgb: (rgb, rgb))
        found.append([chroma(network.train(mode), lightness) for mode in (False, True)])
    (clipped, free), (same, _) = found
    assert clipped.equal(same)
    assert not free.equal(clipped)


def test_folded_weights_initialize_a_normalized_network(network: DeOldify) -> None:
    lightness, folded = random_lightness(64, 64), copy.deepcopy(network)
    assert fold_normalization(folded)
    assert not any("parametrizations" in name for name in state_without_counters(folded))
    torch.testing.assert_close(chroma(folded, lightness), chroma(network, lightness))
    start = copy.deepcopy(network)
    load_weights(start, folded.state_dict(), Path("model.onnx"))
    assert start.state_dict().keys() == network.state_dict().keys()
    # Not exactly: the spectral norms, close to 1, are estimated again.
    torch.testing.assert_close(chroma(start, lightness), chroma(network, lightness), atol=1, rtol=0)


def test_stage_without_blocks_is_rejected() -> None:
    with pytest.raises(RecipeError, match="blocks: must be four numbers above 0"):
        create_network("deoldify-stable", {"blocks": [3, 4, 0, 3]})
