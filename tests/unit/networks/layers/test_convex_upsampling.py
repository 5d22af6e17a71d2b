from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rechroma.networks.layers.convex_upsampling import ConvexUpsampler


@pytest.fixture
def upsampler() -> ConvexUpsampler:
    torch.manual_seed(0)
    return ConvexUpsampler(3, 5).eval()


def weights_of(upsampler: ConvexUpsampler, height: int = 6, width: int = 7) -> torch.Tensor:
    lightness = torch.rand(2, 1, 8 * height, 8 * width) * 100
    quarter, eighth = torch.rand(2, 3, 2 * height, 2 * width), torch.rand(2, 5, height, width)
    weights: torch.Tensor = upsampler.weights(lightness, quarter, eighth)
    return weights


def test_upsampling_starts_close_to_bilinear(upsampler: ConvexUpsampler) -> None:
    ab = torch.rand(2, 2, 6, 7) * 100 - 50
    with torch.inference_mode():
        fine = upsampler(ab, weights_of(upsampler))
    expected = F.interpolate(ab, scale_factor=4, mode="bilinear")
    torch.testing.assert_close(fine, expected, atol=1, rtol=0)


def test_weights_are_convex_at_every_location(upsampler: ConvexUpsampler) -> None:
    torch.nn.init.normal_(upsampler.logits.weight)
    weights = weights_of(upsampler)
    assert weights.shape == (2, 9, 16, 6, 7)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 16, 6, 7))
    assert weights.std(dim=0).max() > 0.01  # they depend on the image


@pytest.mark.parametrize(("neighbor", "row", "column"), [(0, -1, -1), (4, 0, 0), (5, 0, 1)])
def test_each_weight_belongs_to_its_neighbor(
    upsampler: ConvexUpsampler, neighbor: int, row: int, column: int
) -> None:
    ab = torch.rand(1, 2, 6, 7)
    weights = torch.zeros(1, 9, 16, 6, 7)
    weights[:, neighbor] = 1
    fine = upsampler(ab, weights)
    shifted = ab.roll((-row, -column), dims=(2, 3)).repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(fine[..., 4:-4, 4:-4], shifted[..., 4:-4, 4:-4])
