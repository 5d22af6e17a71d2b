"""The loss, term by term, against plain reference computations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rechroma.color import bin_centers, nearest_bins, rebalancing_weights, table_index
from rechroma.datasets import Sample
from rechroma.networks import Encoder, Prediction
from rechroma.networks.encoders.mobilenet_v2 import MobileNetV2
from rechroma.training.losses import ColorizationLoss
from rechroma.training.recipe import Loss

CENTERS = bin_centers()
PRIOR = np.full(len(CENTERS), 1 / len(CENTERS), np.float32)
PRIOR[100] += 1
PRIOR /= PRIOR.sum()
NONE: dict[str, Any] = {"bins": 0.0, "ab": 0.0}  # of what counts without being asked for


def loss(encoder: Encoder | None = None, **settings: Any) -> ColorizationLoss:
    """A loss that decodes a prediction to its regression."""
    return ColorizationLoss(
        CENTERS, PRIOR, Loss(**settings), lambda prediction: prediction.ab, encoder
    )


def prediction(
    *,
    logits: torch.Tensor | None = None,
    ab: torch.Tensor | None = None,
    bottom: torch.Tensor | None = None,
    classes: torch.Tensor | None = None,
) -> Prediction:
    nothing = torch.zeros(1, 1, 1, 1)
    logits, ab, bottom = (nothing if part is None else part for part in (logits, ab, bottom))
    return Prediction(logits, ab, bottom, classes)


def truth(
    chroma: torch.Tensor | None = None,
    *,
    rgb: torch.Tensor | None = None,
    label: tuple[int, ...] = (-1,),
) -> Sample:
    nothing = torch.zeros(1, 1, 1, 1)
    return Sample(
        lightness=nothing,
        hints=nothing,
        chroma=torch.zeros(1, 2, 1, 1) if chroma is None else chroma,
        rgb=nothing if rgb is None else rgb,
        label=torch.tensor(label),
    )


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return MobileNetV2().eval().requires_grad_(requires_grad=False)


def photograph(seed: int = 0) -> torch.Tensor:
    """A random photograph (1, 3, 32, 32) uint8."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, 3, 32, 32), generator=rng, dtype=torch.uint8)


def test_bins_term_is_a_cross_entropy_with_soft_labels() -> None:
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(2, len(CENTERS), 3, 4, generator=rng)
    chroma = torch.rand(2, 2, 3, 4, generator=rng) * 60 - 30
    rows = table_index(chroma.movedim(1, -1).numpy())
    bins, shares = nearest_bins(CENTERS, 5)
    dense = np.zeros((*rows.shape, len(CENTERS)), np.float32)
    np.put_along_axis(dense, bins[rows], shares[rows], axis=-1)
    weights = rebalancing_weights(PRIOR)[bins[rows][..., 0]]
    entropy = torch.nn.functional.cross_entropy(
        logits, torch.from_numpy(dense).movedim(-1, 1), reduction="none"
    )
    expected = (entropy * torch.from_numpy(weights)).mean()
    cost = loss(ab=0.0)(prediction(logits=logits), truth(chroma))
    assert cost.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_truth_has_zero_regression_and_minimal_bins_loss() -> None:
    chroma = torch.full((1, 2, 2, 2), 40.0)
    row = table_index(np.array([40, 40], np.float32))
    right = torch.zeros(1, len(CENTERS), 2, 2)
    bins, shares = nearest_bins(CENTERS, 5)
    right[:, bins[row]] = torch.from_numpy(np.log(shares[row]) + 20)[:, None, None]
    best = loss()(prediction(logits=right, ab=chroma), truth(chroma))
    wrong = prediction(logits=right.roll(50, dims=1), ab=chroma + 10)
    other = loss()(wrong, truth(chroma))
    assert best.terms["ab"] == 0
    assert best.total < other.terms["bins"]
    assert other.terms["ab"] > 0


def test_bins_term_weights_rare_colors_more() -> None:
    flat = prediction(logits=torch.zeros(1, len(CENTERS), 1, 1))
    common, rare = (torch.tensor(CENTERS[place]).view(1, 2, 1, 1) for place in (100, 30))
    costs = loss(ab=0.0)
    assert costs(flat, truth(rare)).total > costs(flat, truth(common)).total


def test_ab_term_is_a_huber_loss_in_units_of_twenty() -> None:
    ab = torch.tensor([10.0, -80.0]).view(1, 2, 1, 1)
    near, far = 0.5 * 0.5**2, 4 - 0.5
    cost = loss(bins=0.0, ab=1.0)(prediction(ab=ab), truth(torch.zeros(1, 2, 1, 1)))
    assert cost.total.item() == pytest.approx((near + far) / 2)


def test_classes_term_ignores_unlabeled_images() -> None:
    logits = torch.tensor([[2.0, 0.0, 0.0], [9.0, -9.0, 0.0], [0.0, 0.0, 1.0]])
    labeled = np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    expected = -np.mean(
        [row[label] - np.log(np.exp(row).sum()) for row, label in zip(labeled, (0, 1), strict=True)]
    )
    costs = loss(**NONE, classes=1.0)
    cost = costs(prediction(classes=logits), truth(label=(0, -1, 1)))
    assert cost.total.item() == pytest.approx(expected, rel=1e-5)
    assert costs(prediction(classes=logits), truth(label=(-1, -1, -1))).total == 0


def test_classes_term_has_zero_gradient_for_unlabeled_images() -> None:
    logits = torch.ones(2, 3, requires_grad=True)
    loss(**NONE, classes=1.0)(prediction(classes=logits), truth(label=(-1, -1))).total.backward()
    assert logits.grad is not None
    assert not logits.grad.any()


def test_distillation_is_zero_only_for_the_teacher_itself(encoder: Encoder) -> None:
    rgb = photograph()
    costs = loss(encoder, **NONE, distillation=1.0)
    same, other = (encoder(shown / 255)[-1] for shown in (rgb, photograph(seed=1)))
    assert costs(prediction(bottom=same), truth(rgb=rgb)).total.item() == pytest.approx(0, abs=1e-5)
    assert costs(prediction(bottom=3 * same), truth(rgb=rgb)).total.item() < 1e-5
    assert costs(prediction(bottom=other), truth(rgb=rgb)).total > 0.001
    opposite = costs(prediction(bottom=-same), truth(rgb=rgb)).total
    assert opposite.item() == pytest.approx(2, abs=1e-5)


def test_image_terms_are_lowest_for_the_true_colors(encoder: Encoder) -> None:
    gray = photograph()[:, :1].expand(-1, 3, -1, -1)
    none, red = torch.zeros(1, 2, 8, 8), torch.full((1, 2, 8, 8), 40.0)
    costs = loss(encoder, **NONE, delta_e=1.0, hue=1.0, perceptual=1.0, colorfulness=1.0)
    best = costs(prediction(ab=none), truth(none, rgb=gray)).terms
    worse = costs(prediction(ab=red), truth(none, rgb=gray)).terms
    assert set(best) == {"delta_e", "hue", "perceptual", "colorfulness"}
    assert all(part < 0.05 for part in best.values())
    assert all(worse[name] > 3 * best[name] for name in best if name != "hue")


def test_hue_is_one_for_missed_and_zero_for_hit_hues() -> None:
    blue = torch.tensor([10.0, -50.0]).view(1, 2, 1, 1)
    costs = loss(**NONE, hue=1.0)
    assert costs(prediction(ab=blue), truth(blue)).total < 0.1
    assert costs(prediction(ab=-blue), truth(blue)).total > 0.9


def test_total_is_the_weighted_sum_of_terms_with_a_weight(
    encoder: Encoder,
) -> None:
    chroma = torch.full((1, 2, 1, 1), 30.0)
    guess = prediction(
        logits=torch.zeros(1, len(CENTERS), 1, 1),
        ab=torch.zeros(1, 2, 1, 1),
        bottom=torch.ones(1, 320, 1, 1),
        classes=torch.zeros(1, 3),
    )
    example = truth(chroma, rgb=photograph(), label=(1,))
    weights = {"bins": 0.5, "ab": 2.0, "classes": 3.0, "distillation": 4.0, "delta_e": 0.1}
    cost = loss(encoder, **weights)(guess, example)
    assert cost.terms.keys() == weights.keys()
    expected = sum(weight * cost.terms[name].item() for name, weight in weights.items())
    assert cost.total.item() == pytest.approx(expected, rel=1e-5)
    without = loss(encoder, **(weights | {"classes": 0.0, "distillation": 0.0}))(guess, example)
    assert without.terms.keys() == weights.keys() - {"classes", "distillation"}


def test_coarse_bins_are_compared_with_the_mean_truth() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, len(CENTERS), 3, 4)
    chroma = torch.rand(2, 2, 12, 16) * 100 - 50
    mean = torch.nn.functional.avg_pool2d(chroma, 4)
    part = loss(**NONE | {"bins": 1.0})
    fine = part(prediction(logits=logits), truth(chroma)).total
    torch.testing.assert_close(fine, part(prediction(logits=logits), truth(mean)).total)


def test_distance_is_a_charbonnier_loss_on_the_blend_of_bins_and_regression() -> None:
    chroma = torch.zeros(1, 2, 1, 1)
    sure = torch.full((1, len(CENTERS), 1, 1), -50.0)
    sure[:, 100] = 50.0
    ab = torch.tensor([20.0, -10.0]).view(1, 2, 1, 1)
    blended = 0.5 * CENTERS[100] + 0.5 * np.array([20.0, -10.0])
    expected = np.sqrt((blended**2).sum() + 1) / 10
    losses = loss(**NONE, distance=1.0)(prediction(logits=sure, ab=ab), truth(chroma))
    assert losses.total.item() == pytest.approx(expected, rel=1e-4)


def test_moments_compare_mean_and_spread_of_each_image() -> None:
    rng = torch.Generator().manual_seed(0)
    true = torch.randn(2, 2, 8, 8, generator=rng) * 20
    flat = torch.full((2, len(CENTERS), 8, 8), -50.0)
    flat[:, np.abs(CENTERS).sum(axis=1).argmin()] = 50.0  # gray
    moments = loss(**NONE, moments=1.0)
    shuffled = true.flatten(2)[..., torch.randperm(64, generator=rng)].view_as(true)
    same = moments(prediction(logits=flat, ab=2 * shuffled), truth(true)).total
    shifted = moments(prediction(logits=flat, ab=2 * (shuffled + 10)), truth(true)).total
    pale = moments(prediction(logits=flat, ab=shuffled), truth(true)).total
    assert same.item() == pytest.approx(0, abs=1e-3)
    assert shifted.item() == pytest.approx(1, abs=1e-3)
    assert pale > 0.5


def test_distance_and_moments_have_finite_gradients_for_a_gray_prediction() -> None:
    ab = torch.zeros(1, 2, 4, 4, requires_grad=True)
    logits = torch.zeros(1, len(CENTERS), 4, 4, requires_grad=True)
    terms = loss(**NONE, distance=1.0, moments=1.0)
    terms(prediction(logits=logits, ab=ab), truth(torch.zeros(1, 2, 4, 4))).total.backward()
    for head in (ab, logits):
        assert head.grad is not None
        assert torch.isfinite(head.grad).all()


def test_upsampling_compares_decoded_chroma_with_the_truth_at_full_size() -> None:
    true = torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(0)) * 40
    term = loss(**NONE, upsampling=1.0)
    exact = term(prediction(ab=true), truth(true)).total
    off = term(prediction(ab=true + torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)), truth(true)).total
    assert exact.item() == pytest.approx(0.1)
    assert off.item() == pytest.approx(np.sqrt(26) / 10, rel=1e-4)


def test_bins_fraction_is_unbiased_and_ignored_in_validation() -> None:
    rng = torch.Generator().manual_seed(0)
    guess = prediction(logits=torch.randn(2, len(CENTERS), 16, 16, generator=rng))
    true = truth(torch.rand(2, 2, 16, 16, generator=rng) * 60 - 30)
    whole = loss(ab=0.0)(guess, true).total
    part = loss(ab=0.0, bins_fraction=0.5)
    torch.manual_seed(0)
    sampled = part(guess, true).total
    assert sampled != whole
    assert sampled.item() == pytest.approx(whole.item(), rel=0.1)
    torch.testing.assert_close(part.eval()(guess, true).total, whole)
