from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import pytest
import torch

from rechroma import Colorizer
from rechroma.errors import RecipeError
from rechroma.export import export_model
from rechroma.networks import no_hints
from rechroma.networks.architectures.coarse_to_fine import CoarseToFine
from rechroma.networks.encoders.base import srgb_gray
from rechroma.networks.layers.bin_decoding import annealed_mean
from tests.support.networks import card, learned, small
from tests.support.shards import synthetic_image

if TYPE_CHECKING:
    from pathlib import Path

CELL = (slice(48, 56), slice(64, 72))  # rows and columns of a hint: the cell 6, 8
COLOR = (60.0, -40.0)


@pytest.fixture(scope="module")
def network() -> CoarseToFine:
    network = learned("coarse-to-fine")
    assert isinstance(network, CoarseToFine)
    network.propagation.nearness.data.fill_(60)  # hints stay where they are
    return network


@pytest.fixture(scope="module")
def lightness() -> torch.Tensor:
    return torch.rand(1, 1, 96, 128, generator=torch.Generator().manual_seed(1)) * 100


def hint(lightness: torch.Tensor) -> torch.Tensor:
    hints = no_hints(lightness)
    hints[(..., *CELL)] = torch.tensor([*COLOR, 1.0]).view(3, 1, 1)
    return hints


@torch.inference_mode()
def test_colors_without_hints_are_those_of_the_decoder(
    network: CoarseToFine, lightness: torch.Tensor
) -> None:
    chroma = network.chroma(network(lightness, no_hints(lightness)))
    _, quarter, *features = network.encoder(srgb_gray(lightness))
    _, logits, ab = network.decoder(features, network.encoder.pooled_head(features[-1]))
    config = network.config
    annealed = annealed_mean(logits, network.centers, config.temperature)
    coarse = (1 - config.regression_share) * annealed + config.regression_share * ab
    weights = network.upsampler.weights(lightness, quarter, features[0])
    expected = network.upsampler(coarse * config.saturation, weights)
    torch.testing.assert_close(chroma, expected, atol=1e-2, rtol=0)


@torch.inference_mode()
def test_hinted_cell_gets_the_color_of_its_hint(
    network: CoarseToFine, lightness: torch.Tensor
) -> None:
    plain = network.chroma(network(lightness, no_hints(lightness)))
    prediction = network(lightness, hint(lightness))
    chroma = network.chroma(prediction)
    mean = chroma[0, :, 24:28, 32:36].mean(dim=(1, 2))
    before = plain[0, :, 24:28, 32:36].mean(dim=(1, 2))
    assert (mean - torch.tensor(COLOR)).norm() < 0.5 * (before - torch.tensor(COLOR)).norm()
    pinned = annealed_mean(prediction.logits, network.centers, 1.0)[0, :, 6, 8]
    torch.testing.assert_close(pinned, torch.tensor(COLOR), atol=2, rtol=0)
    torch.testing.assert_close(prediction.ab[0, :, 6, 8], torch.tensor(COLOR), atol=0.1, rtol=0)
    assert (chroma - plain)[..., -16:, -16:].abs().max() < 0.5


def test_encoder_that_ends_early_is_rejected() -> None:
    with pytest.raises(RecipeError, match=r"encoder: must be one that reaches 1/32"):
        small("coarse-to-fine", encoder="resnet-50")


def test_widths_that_the_heads_do_not_divide_are_rejected() -> None:
    with pytest.raises(RecipeError, match="must be a multiple of heads"):
        small("coarse-to-fine", heads=3)


def test_exported_file_has_a_float16_encoder_and_suggests_colors(
    network: CoarseToFine, tmp_path: Path
) -> None:
    path = tmp_path / "small.onnx"
    export_model(network, card(network), path)
    names = [each.name for each in onnx.load(path).graph.initializer]
    assert not [name for name in names if name.startswith("network.encoder.") and "int8" in name]
    assert "network.encoder.head.weight.half" in names
    colorizer = Colorizer(path)
    assert (colorizer.card.scale, colorizer.card.distribution_scale) == (2, 8)
    photo = synthetic_image(1, 75, 110)[..., 0]
    for x, y in ((0.0, 0.0), (0.5, 0.4), (1.0, 1.0)):
        colors = colorizer.suggest_colors(photo, x, y, count=3)
        assert colors
        assert sum(color.probability for color in colors) <= 1.0001
