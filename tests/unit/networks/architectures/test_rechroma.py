"""`rechroma`: its variants, its hints and its decoding."""

from __future__ import annotations

import pytest
import torch

from rechroma.errors import RecipeError
from rechroma.networks import (
    ColorizationNetwork,
    create_network,
    get_architecture,
    network_config,
    no_hints,
)
from rechroma.networks.architectures.rechroma import Rechroma
from rechroma.networks.layers.bin_decoding import annealed_mean
from tests.support.networks import SMALL, small

FIXED = (slice(8, 16), slice(16, 24))  # rows and columns of a hint


@pytest.fixture
def network() -> ColorizationNetwork:
    return small("rechroma").eval()


@pytest.fixture
def lightness() -> torch.Tensor:
    return torch.rand(1, 1, 128, 128, generator=torch.Generator().manual_seed(1)) * 100


def hint(ab: tuple[float, float], rows: slice, columns: slice) -> torch.Tensor:
    hints = torch.zeros(1, 3, 128, 128)
    hints[:, :, rows, columns] = torch.tensor([*ab, 1.0]).view(1, 3, 1, 1)
    return hints


def propagate_by_distance(network: ColorizationNetwork) -> None:
    """Propagate hints by distance alone: untrained features are similar everywhere."""
    assert isinstance(network, Rechroma)
    network.propagation.nearness.data.fill_(20)


@torch.inference_mode()
def chroma(
    network: ColorizationNetwork, lightness: torch.Tensor, hints: torch.Tensor
) -> torch.Tensor:
    return network.chroma(network(lightness, hints))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"encoder": "mobilenet-edgetpu"},
        {"encoder": "resnet-50"},
        {"encoder": "vgg-19"},
        {"film": False},
        {"attention": False},
        {"grid": 20},
    ],
)
def test_every_variant_predicts_chroma_at_a_quarter_of_the_size(options: dict[str, object]) -> None:
    network = small("rechroma", **options).eval()
    lightness = torch.rand(2, 1, 64, 96) * 100
    with torch.inference_mode():
        prediction = network(lightness, no_hints(lightness))
        ab = network.chroma(prediction)
    assert prediction.logits.shape == (2, len(network.centers), 16, 24)
    assert prediction.ab.shape == ab.shape == (2, 2, 16, 24)
    assert network.encoder is not None
    assert prediction.bottleneck.shape[:2] == (2, network.encoder.channels[-1])
    assert prediction.classes is None


def test_classifier_gives_logits_for_each_image(lightness: torch.Tensor) -> None:
    network = small("rechroma", classes=7)
    assert network(lightness, no_hints(lightness)).classes.shape == (1, 7)


def test_masked_hints_are_ignored(network: ColorizationNetwork, lightness: torch.Tensor) -> None:
    stray = no_hints(lightness)
    stray[:, :2] = torch.rand(1, 2, 128, 128) * 200 - 100
    plain = chroma(network, lightness, no_hints(lightness))
    assert chroma(network, lightness, stray).equal(plain)


def test_hint_changes_the_color_most_at_its_position(
    network: ColorizationNetwork, lightness: torch.Tensor
) -> None:
    propagate_by_distance(network)
    plain = chroma(network, lightness, no_hints(lightness))
    hinted = chroma(network, lightness, hint((60, -40), *FIXED))
    torch.testing.assert_close(hinted[0, :, 2, 4], torch.tensor([60.0, -40.0]), atol=2, rtol=0)
    change = (hinted - plain).norm(dim=1)[0]
    assert change[2:4, 4:6].mean() > 4 * change.mean()
    assert change[2:4, 4:6].mean() > 20 * change[-8:, -8:].mean()


def test_hint_effect_is_independent_of_its_area_within_a_cell(
    network: ColorizationNetwork, lightness: torch.Tensor
) -> None:
    whole = chroma(network, lightness, hint((60, -40), slice(8, 12), slice(16, 20)))
    pixel = chroma(network, lightness, hint((60, -40), slice(9, 10), slice(18, 19)))
    other = chroma(network, lightness, hint((-60, 40), slice(9, 10), slice(18, 19)))
    assert (pixel - whole).abs().max() < 0.02 * (other - whole).abs().max()


def test_each_image_of_a_batch_has_its_own_hints(
    network: ColorizationNetwork, lightness: torch.Tensor
) -> None:
    pair = torch.cat([hint((60, -40), *FIXED), no_hints(lightness)])
    both = chroma(network, lightness.expand(2, -1, -1, -1), pair)
    alone = torch.cat([chroma(network, lightness, hints[None]) for hints in pair])
    torch.testing.assert_close(both, alone, atol=1e-3, rtol=0)


def test_annealed_mean_goes_from_the_mean_to_the_mode() -> None:
    centers = torch.tensor([[0.0, 0.0], [60.0, 20.0]])
    logits = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    share = torch.sigmoid(torch.tensor(1.0)).item()
    assert annealed_mean(logits, centers, 1.0)[0, 0].item() == pytest.approx(60 * share, rel=1e-5)
    assert annealed_mean(logits, centers, 0.05)[0, :, 0, 0].tolist() == pytest.approx([60, 20])


def test_blend_of_heads_is_linear(network: ColorizationNetwork, lightness: torch.Tensor) -> None:
    half = small("rechroma", regression_share=0.5).eval()
    half.load_state_dict(network.state_dict())
    with torch.inference_mode():
        prediction = network(lightness, no_hints(lightness))
    expected = (network.chroma(prediction) + prediction.ab) / 2
    torch.testing.assert_close(half.chroma(prediction), expected)


def test_network_config_creates_the_same_network() -> None:
    options = {**SMALL["rechroma"], "encoder": "resnet-50", "temperature": 0.6}
    plan = network_config(create_network("rechroma", options))
    again = create_network(plan["name"], plan["options"])
    assert options.items() <= plan["options"].items()
    assert network_config(again) == plan


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(RecipeError) as caught:
        get_architecture("rechrome")
    assert "rechroma" in str(caught.value.hint)
    with pytest.raises(RecipeError, match="no option 'width'"):
        create_network("rechroma", {"width": 3})
    with pytest.raises(RecipeError, match="no encoder is called 'vgg'"):
        create_network("rechroma", {"encoder": "vgg"})
