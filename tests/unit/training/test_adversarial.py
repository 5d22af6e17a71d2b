"""The adversarial loss: critic, gradients and state."""

from __future__ import annotations

import copy

import torch

from rechroma.training.adversarial import AdversarialLoss, Critic
from rechroma.training.losses import LossOutput
from rechroma.training.recipe import Adversary


def _images(color: float) -> torch.Tensor:
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * color


def _nothing() -> LossOutput:
    return LossOutput(torch.zeros(()), {})


def test_critic_scores_every_patch() -> None:
    assert Critic(width=8)(torch.rand(2, 3, 64, 48)).shape == (2, 1, 4, 3)


def test_critic_learns_to_tell_dark_images_from_bright_photographs() -> None:
    torch.manual_seed(0)
    adversary = AdversarialLoss(Adversary(weight=1.0, lr=2e-3), torch.device("cpu"))
    doubts = [
        adversary.step(_nothing(), _images(0.3), _images(1.0)).terms["critic"].item()
        for _ in range(30)
    ]
    assert doubts[-1] < 0.5 * doubts[0]


def test_adversarial_gradient_reaches_the_image_and_not_the_critic() -> None:
    torch.manual_seed(0)
    adversary = AdversarialLoss(Adversary(weight=1.0), torch.device("cpu"))
    image = _images(0.3).requires_grad_()
    cost = adversary.step(_nothing(), image, _images(1.0))
    learned = [part.grad.clone() for part in adversary.critic.parameters() if part.grad is not None]
    cost.total.backward()
    assert image.grad is not None
    assert image.grad.abs().max() > 0
    after = [part.grad for part in adversary.critic.parameters() if part.grad is not None]
    assert learned
    assert all(torch.equal(a, b) for a, b in zip(learned, after, strict=True))


def test_load_state_dict_restores_critic_and_optimizer() -> None:
    torch.manual_seed(0)
    first = AdversarialLoss(Adversary(weight=1.0), torch.device("cpu"))
    first.step(_nothing(), _images(0.3), _images(1.0))
    second = AdversarialLoss(Adversary(weight=1.0), torch.device("cpu"))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for _ in range(2):
        a, b = (each.step(_nothing(), _images(0.5), _images(1.0)) for each in (first, second))
        torch.testing.assert_close(a.total, b.total, rtol=0, atol=0)
