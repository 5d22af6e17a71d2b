"""The networks of Zhang et al.: input, decoding and hints."""

from __future__ import annotations

import pytest
import torch

from rechroma.color import bin_centers
from rechroma.errors import RecipeError
from rechroma.networks import ColorizationNetwork, create_network, no_hints

BINS = {"eccv16": 313, "siggraph17": 529}
PUBLISHED_WEIGHTS = {"eccv16": 32_235_385, "siggraph17": 34_187_027}


@pytest.fixture(params=BINS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network(name: str) -> ColorizationNetwork:
    torch.manual_seed(0)
    return create_network(name, {"width": 0.1}).eval()


@pytest.fixture
def lightness() -> torch.Tensor:
    return torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1)) * 100


def hint(rows: slice, columns: slice, *, mask: float = 1) -> torch.Tensor:
    hints = torch.zeros(1, 3, 64, 64)
    hints[:, :, rows, columns] = torch.tensor([60, -40, mask]).view(1, 3, 1, 1)
    return hints


@torch.inference_mode()
def chroma(
    network: ColorizationNetwork, lightness: torch.Tensor, hints: torch.Tensor
) -> torch.Tensor:
    return network.chroma(network(lightness, hints))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (64, 96), (120, 40)])
def test_chroma_has_full_size_and_bins_a_quarter(
    name: str, network: ColorizationNetwork, height: int, width: int
) -> None:
    lightness = torch.rand(2, 1, height, width) * 100
    with torch.inference_mode():
        prediction = network(lightness, no_hints(lightness))
        shares = network.distribution(prediction)
    assert prediction.logits.shape == (2, BINS[name], height // 4, width // 4)
    assert network.chroma(prediction).shape == prediction.ab.shape == (2, 2, height, width)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(2, height // 4, width // 4))
    assert len(network.output_bins()) == len(network.centers) > 300


def test_full_width_has_the_published_number_of_weights(name: str) -> None:
    with torch.device("meta"):
        network = create_network(name, {})
    assert sum(weights.numel() for weights in network.parameters()) == PUBLISHED_WEIGHTS[name]


def test_width_without_channels_is_rejected(name: str) -> None:
    with pytest.raises(RecipeError, match=r"width: 0\.001 leaves no channels"):
        create_network(name, {"width": 0.001})


def test_bins_lie_on_a_grid_and_cover_the_gamut(network: ColorizationNetwork) -> None:
    centers = network.centers
    torch.testing.assert_close(centers, 10 * (centers / 10).round())
    assert len(centers.round().unique(dim=0)) == len(centers)
    reached = {tuple(row) for row in centers.round().tolist()}
    assert {tuple(row) for row in bin_centers(10).tolist()} <= reached


def test_chroma_is_the_mean_color_of_the_bins(lightness: torch.Tensor) -> None:
    network = create_network("eccv16", {"width": 0.1}).eval()
    with torch.inference_mode():
        prediction = network(lightness, no_hints(lightness))
        shares = network.distribution(prediction)
    mean = torch.einsum("nqhw,qc->nchw", shares, network.centers)
    enlarged = torch.nn.functional.interpolate(mean, scale_factor=4.0, mode="bilinear")
    torch.testing.assert_close(network.chroma(prediction), enlarged, atol=1e-4, rtol=0)


def test_bins_are_part_of_the_weights() -> None:
    network = create_network("eccv16", {"width": 0.1})
    state = {**network.state_dict(), "model_out.weight": torch.full((2, 313, 1, 1), 0.5)}
    network.load_state_dict(state)
    torch.testing.assert_close(network.centers, torch.full((313, 2), 55.0))


def test_hint_changes_the_color_more_than_an_empty_one(lightness: torch.Tensor) -> None:
    network = create_network("siggraph17", {"width": 0.1}).eval()
    place = (slice(16, 24), slice(32, 40))
    plain = chroma(network, lightness, no_hints(lightness))
    assert chroma(network, lightness, hint(*place, mask=0)).equal(plain)
    change = (chroma(network, lightness, hint(*place)) - plain).abs().sum(dim=1)[0]
    assert change[16:24, 32:40].mean() > 2 * change.mean() > 0


def test_each_image_of_a_batch_has_its_own_hints(lightness: torch.Tensor) -> None:
    network = create_network("siggraph17", {"width": 0.1}).eval()
    pair = torch.cat([hint(slice(0, 8), slice(0, 8)), no_hints(lightness)])
    both = chroma(network, lightness.expand(2, -1, -1, -1), pair)
    alone = torch.cat([chroma(network, lightness, each[None]) for each in pair])
    torch.testing.assert_close(both, alone, atol=1e-4, rtol=0)
