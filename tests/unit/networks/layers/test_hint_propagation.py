"""Hints propagate to similar places and leave all others unchanged."""

from __future__ import annotations

import pytest
import torch

from rechroma.color import bin_centers
from rechroma.networks.layers.hint_propagation import HintPropagation

COLOR = torch.tensor([60.0, -40.0])
SIDE = 32  # places


@pytest.fixture
def propagation() -> HintPropagation:
    """Hint propagation by feature similarity alone, without position."""
    propagation = HintPropagation(2, torch.tensor(bin_centers(10))).eval()
    with torch.no_grad():
        propagation.features.weight.zero_()
        propagation.features.weight[0, 0] = 1
        propagation.nearness.zero_()
    return propagation


def halves(contrast: float) -> torch.Tensor:
    """Features of an image whose halves differ."""
    x = torch.zeros(1, 2, SIDE, SIDE)
    x[..., SIDE // 2 :] = contrast
    return x


def hints(rows: slice, columns: slice) -> torch.Tensor:
    drawn = torch.zeros(1, 3, 4 * SIDE, 4 * SIDE)
    drawn[:, :, rows, columns] = torch.tensor([*COLOR, 1]).view(1, 3, 1, 1)
    return drawn


@torch.inference_mode()
def mixed(
    propagation: HintPropagation, x: torch.Tensor, drawn: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    logits = torch.randn(
        1, len(propagation.centers), SIDE, SIDE, generator=torch.Generator().manual_seed(0)
    )
    out: tuple[torch.Tensor, ...] = propagation(x, logits, torch.zeros(1, 2, SIDE, SIDE), drawn)
    return out


def test_hint_stops_at_a_strong_edge(propagation: HintPropagation) -> None:
    _, ab, given = mixed(propagation, halves(5), hints(slice(40, 48), slice(20, 28)))
    left, right = ab.split(SIDE // 2, dim=3)
    torch.testing.assert_close(left, COLOR.view(1, 2, 1, 1).expand_as(left), atol=3, rtol=0)
    assert right.abs().max() < 1e-6
    assert given[..., : SIDE // 2].min() > 0.95


def test_hint_fades_with_distance(propagation: HintPropagation) -> None:
    propagation.nearness.data.fill_(8)
    _, _, given = mixed(propagation, halves(0), hints(slice(0, 4), slice(0, 4)))
    diagonal = given[0, 0].diagonal()
    assert (diagonal.diff() < 0).all()
    assert diagonal[0] > 0.9
    assert diagonal[-1] < 0.01


def test_bins_follow_a_hint_as_the_color_does(propagation: HintPropagation) -> None:
    logits, ab, _ = mixed(propagation, halves(5), hints(slice(40, 48), slice(20, 28)))
    mean = torch.einsum("nqhw,qc->nchw", torch.softmax(logits, dim=1), propagation.centers)
    left = mean[..., : SIDE // 2]
    torch.testing.assert_close(left, ab[..., : SIDE // 2], atol=3, rtol=0)


def test_propagation_without_hints_changes_nothing(propagation: HintPropagation) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, len(propagation.centers), SIDE, SIDE, generator=generator)
    same, ab, given = mixed(propagation, halves(1), torch.zeros(1, 3, 4 * SIDE, 4 * SIDE))
    torch.testing.assert_close(same, torch.log_softmax(logits, dim=1), atol=1e-4, rtol=0)
    assert not ab.any()
    assert not given.any()


def test_propagation_supports_images_smaller_than_the_number_of_hints(
    propagation: HintPropagation,
) -> None:
    x = torch.zeros(1, 2, 4, 4)
    logits = torch.zeros(1, len(propagation.centers), 4, 4)
    drawn = torch.ones(1, 3, 16, 16)
    _, ab, given = propagation(x, logits, torch.zeros(1, 2, 4, 4), drawn)
    assert ab.min() > 0.99
    assert given.min() > 0.99
