"""The loss: worked out the slow way, and what it rewards."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rechroma.color import bin_centres, nearest_bins, rebalancing_weights, table_index
from rechroma.networks import Prediction
from rechroma.training.losses import ColourLoss
from rechroma.training.recipe import Loss

CENTRES = bin_centres()
PRIOR = np.full(len(CENTRES), 1 / len(CENTRES), np.float32)
PRIOR[100] += 1
PRIOR /= PRIOR.sum()


def loss(**settings: float) -> ColourLoss:
    return ColourLoss(CENTRES, PRIOR, Loss(**settings))  # type: ignore[arg-type]


def test_equals_cross_entropy_with_dense_soft_labels() -> None:
    dice = torch.Generator().manual_seed(0)
    logits = torch.randn(2, len(CENTRES), 3, 4, generator=dice)
    chroma = torch.rand(2, 2, 3, 4, generator=dice) * 60 - 30
    rows = table_index(chroma.movedim(1, -1).numpy())
    bins, shares = nearest_bins(CENTRES, 5)
    dense = np.zeros((*rows.shape, len(CENTRES)), np.float32)
    np.put_along_axis(dense, bins[rows], shares[rows], axis=-1)
    weights = rebalancing_weights(PRIOR)[bins[rows][..., 0]]
    entropy = torch.nn.functional.cross_entropy(
        logits, torch.from_numpy(dense).movedim(-1, 1), reduction="none"
    )
    expected = (entropy * torch.from_numpy(weights)).mean()
    cost = loss(regression=0.0)(Prediction(logits, chroma), chroma)
    assert cost.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_truth_costs_nothing_in_the_regression_and_least_in_the_bins() -> None:
    chroma = torch.full((1, 2, 2, 2), 40.0)
    row = table_index(np.array([40, 40], np.float32))
    right = torch.zeros(1, len(CENTRES), 2, 2)
    bins, shares = nearest_bins(CENTRES, 5)
    right[:, bins[row]] = torch.from_numpy(np.log(shares[row]) + 20)[:, None, None]
    best = loss()(Prediction(right, chroma), chroma)
    other = loss()(Prediction(right.roll(50, dims=1), chroma + 10), chroma)
    assert best.ab == 0
    assert best.total < other.bins
    assert other.ab > 0


def test_a_rare_colour_costs_more_to_miss_than_a_common_one() -> None:
    flat = torch.zeros(1, len(CENTRES), 1, 1)
    ab = torch.zeros(1, 2, 1, 1)
    common = torch.tensor(CENTRES[100]).view(1, 2, 1, 1)
    rare = torch.tensor(CENTRES[30]).view(1, 2, 1, 1)
    costs = loss()
    assert costs(Prediction(flat, ab), rare).bins > costs(Prediction(flat, ab), common).bins
