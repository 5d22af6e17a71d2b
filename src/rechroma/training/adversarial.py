"""Adversarial training: a critic learns to tell colorized images from photographs.

Hinge losses and two learning rates as in SAGAN (Zhang et al. 2019); the schedule follows NoGAN
(DeOldify): the network is trained without a critic first, in another run or in the first part of
the same one, then the critic learns alone, and the adversarial phase is short.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from rechroma.networks.layers.attention import SelfAttention

if TYPE_CHECKING:
    from rechroma.training.distributed import DistContext
    from rechroma.training.losses import LossOutput
    from rechroma.training.recipe import Adversary, Recipe


def critic_schedule(recipe: Recipe) -> tuple[int, int]:
    """Compute the critic-only phase: its first step, and the first step after it."""
    settings, steps = recipe.adversary, recipe.steps
    if not settings.weight:
        return steps, steps
    first = settings.start_fraction * steps
    end = (settings.start_fraction + settings.critic_only_fraction) * steps
    return math.ceil(first), math.ceil(end)


class AdversarialLoss:
    """The critic and its optimizer.

    Args:
        settings: Weight and learning rate.
        device: Of the critic.
    """

    def __init__(self, settings: Adversary, device: torch.device) -> None:
        self.weight = settings.weight
        self.critic = Critic().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._wrapped: Any = self.critic
        self.optimizer = torch.optim.AdamW(
            self.critic.parameters(), lr=settings.lr, betas=(0.0, 0.9), weight_decay=1e-3
        )

    def wrap(self, dist: DistContext) -> None:
        """Average the critic's gradients over all processes."""
        self._wrapped = dist.wrap(self.critic)

    def step(self, losses: LossOutput, colorized: Tensor, photographs: Tensor) -> LossOutput:
        """Train the critic on a batch, and add the adversarial term to the network's losses.

        Args:
            losses: Of the network so far.
            colorized: (N, 3, H, W) RGB in 0..1, by the network.
            photographs: The same images in true color.
        """
        # One forward pass over both: data-parallel processes synchronize once per pass.
        batch = torch.cat([photographs, colorized.detach()])
        real, fake = self._wrapped(batch).float().chunk(2)
        critic_loss = (F.relu(1 - real) + F.relu(1 + fake)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        critic_loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.critic.requires_grad_(requires_grad=False)
        adversarial = -self.critic(colorized).float().mean()
        self.critic.requires_grad_(requires_grad=True)
        terms = {"critic": critic_loss.detach(), "adversary": adversarial.detach()}
        return losses._replace(
            total=losses.total + self.weight * adversarial, terms=losses.terms | terms
        )

    def state_dict(self) -> dict[str, Any]:
        """State of the critic and its optimizer."""
        return {"critic": self.critic.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.critic.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])


class Critic(nn.Module):
    """RGB (N, 3, H, W) in 0..1 in, logits (N, 1, H / 16, W / 16) out: high for photographs.

    Args:
        width: Channels of the first level; each level has twice those of the one before.
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.fine = nn.Sequential(_halving(3, width), _halving(width, 2 * width))
        self.attention = SelfAttention(2 * width)
        self.coarse = nn.Sequential(
            _halving(2 * width, 4 * width),
            _halving(4 * width, 8 * width),
            spectral_norm(nn.Conv2d(8 * width, 1, 1)),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Judge images; H and W are multiples of 16."""
        out: Tensor = self.coarse(self.attention(self.fine(2 * image - 1)))
        return out


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(0.2, inplace=True)
    )
