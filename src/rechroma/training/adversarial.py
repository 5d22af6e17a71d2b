"""The adversarial stage: a critic learns to tell painted pictures, the network to please it.

Hinge losses and two learning rates as in SAGAN (Zhang et al. 2019); the schedule follows NoGAN
(DeOldify): the network comes to it trained, by another run or by the first part of the same one,
the critic first learns alone, and the duel is short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rechroma.networks import Critic
from rechroma.training.losses import Cost

if TYPE_CHECKING:
    from rechroma.training.distributed import Team
    from rechroma.training.recipe import Adversary as Settings


class Adversary:
    """The critic of a run and its optimizer."""

    def __init__(self, settings: Settings, device: torch.device) -> None:
        self.settings = settings
        self.critic = Critic().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._joined: Any = self.critic
        self.optimizer = torch.optim.AdamW(
            self.critic.parameters(), lr=settings.lr, betas=(0.0, 0.9), weight_decay=1e-3
        )

    def join(self, team: Team) -> None:
        """Learn together with the critics of the other processes."""
        self._joined = team.joined(self.critic)

    def judge(self, cost: Cost, painted: Tensor, true: Tensor) -> Cost:
        """Let the critic learn from a batch, and add what it thinks of it to the network's cost.

        Args:
            cost: Of the network so far.
            painted: (N, 3, H, W) RGB in 0..1, by the network.
            true: The same pictures as they were.
        """
        doubt = self._learn(painted.detach(), true)
        self.critic.requires_grad_(requires_grad=False)
        dislike = -self.critic(painted).float().mean()
        self.critic.requires_grad_(requires_grad=True)
        parts = {**cost.parts, "critic": doubt, "adversary": dislike.detach()}
        return Cost(cost.total + self.settings.weight * dislike, parts)

    def _learn(self, painted: Tensor, true: Tensor) -> Tensor:
        # One look at both, for joined processes meet once in every look.
        of_true, of_painted = self._joined(torch.cat([true, painted])).float().chunk(2)
        doubt = (F.relu(1 - of_true) + F.relu(1 + of_painted)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        doubt.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return doubt.detach()

    def state(self) -> dict[str, Any]:
        """All that the critic needs to go on."""
        return {"critic": self.critic.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self.critic.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])
