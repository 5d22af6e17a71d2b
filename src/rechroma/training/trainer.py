"""One step of training: set the rates, look, compare with the truth, descend, average."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from rechroma.datasets import Sample
from rechroma.errors import DivergedError, MemoryExhaustedError, RecipeError
from rechroma.training.losses import ColorizationLoss, Cost
from rechroma.training.state import array_of, teacher

if TYPE_CHECKING:
    from torch import Tensor

    from rechroma.networks import Prediction
    from rechroma.training.distributed import Team
    from rechroma.training.recipe import Recipe
    from rechroma.training.state import Run


_LARGEST = 1e6  # of the absolute weights


class Trainer:
    """What moves a run from one step to the next.

    Args:
        run: The run.
        team: The processes that train it together.
    """

    def __init__(self, run: Run, team: Team) -> None:
        self.run, self._team = run, team
        settings, network = run.recipe.loss, run.network
        self._loss = ColorizationLoss(
            array_of(network.centers), run.prior, settings, network.chroma, teacher(run.recipe)
        ).to(team.device)
        self._joined = team.joined(network)
        if run.adversary is not None:
            run.adversary.join(team)

    def step(self, example: Sample, shown: int) -> dict[str, Tensor]:
        """Learn from this process's share of a batch.

        Args:
            example: The share.
            shown: Pictures in the whole batch.

        Returns:
            The parts of the loss, over the whole batch.

        Raises:
            DivergedError: The loss is not finite any more.
            MemoryExhaustedError: The device has too little memory.
            RecipeError: The loss has no part from which the network could learn.
        """
        run = self.run
        _set_rates(run)
        run.network.train(not _critic_alone(run.recipe, run.step))
        _throw_dice(run, self._team.rank)
        weight = len(example.label) * self._team.size / shown
        try:
            parts = self._learn(example, weight)
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error):
                raise _out_of_memory(run, self._team.device) from error
            raise
        run.seen, run.step = run.seen + shown, run.step + 1
        return self._team.mean(parts, weight)

    @torch.no_grad()
    def judged(self, example: Sample) -> tuple[Cost, Tensor | None]:
        """What the averaged network costs on a batch, and what it says of the pictures' classes."""
        example = self._on_device(example)
        with self._precision():
            prediction = self.run.ema(example.lightness, example.hints)
            return self._loss(prediction, example), prediction.classes

    def _learn(self, example: Sample, weight: float) -> dict[str, Tensor]:
        run, example = self.run, self._on_device(example)
        alone = _critic_alone(run.recipe, run.step)
        with self._precision():
            # Without a step back the joined network would wait for its gradients for ever.
            with torch.set_grad_enabled(not alone):
                look = run.network if alone else self._joined
                prediction = look(example.lightness, example.hints)
            cost = self._cost(prediction, example)
        if not torch.isfinite(cost.total):
            raise _diverged(run, "the loss is not finite")
        if not alone:
            self._descend(cost.total * weight)
        return cost.parts

    def _on_device(self, example: Sample) -> Sample:
        return Sample(*(part.to(self._team.device) for part in example))

    def _precision(self) -> torch.autocast:
        coarse = self.run.recipe.precision == "bfloat16"
        return torch.autocast(self._team.device.type, torch.bfloat16, enabled=coarse)

    def _cost(self, prediction: Prediction, example: Sample) -> Cost:
        answer = self._loss.answer(prediction, example)
        cost = self._loss.of(answer)
        run, recipe = self.run, self.run.recipe
        if run.adversary is None or run.step < recipe.adversary.start_fraction * recipe.steps:
            return cost
        return run.adversary.judge(cost, answer.picture, answer.photograph)

    def _descend(self, total: Tensor) -> None:
        if not total.requires_grad:
            raise RecipeError(
                "the loss has no part from which the network could learn",
                hint="Parts that look at the encoder alone teach nothing while it is frozen.",
            )
        run = self.run
        run.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(
            run.network.parameters(), run.recipe.optimizer.grad_clip_norm
        )
        if not torch.isfinite(norm):
            raise _diverged(run, "the gradient is not finite")
        run.optimizer.step()
        _average(run)


def check_sound(run: Run) -> None:
    """Make sure that the weights are worth keeping.

    Raises:
        DivergedError: They are beyond all reason.
    """
    largest = max(float(weights.detach().abs().max()) for weights in run.network.parameters())
    if not largest < _LARGEST:
        raise _diverged(run, f"a weight has become {largest:.3g}")


def _diverged(run: Run, what: str) -> DivergedError:
    return DivergedError(
        f"{what} at step {run.step}",
        hint="Begin anew with lower rates in another folder; if there is a checkpoint, it is from "
        "before, and network.init_from goes on from it.",
    )


def _out_of_memory(run: Run, device: torch.device) -> MemoryExhaustedError:
    recipe = run.recipe
    return MemoryExhaustedError(
        f"{device} has too little memory at step {run.step}",
        hint=f"Lower batch_size (now {recipe.batch_size}) or crops.sizes (up to "
        f"{max(recipe.crops.sizes)}), in another folder; network.init_from goes on from a "
        "checkpoint.",
    )


def _throw_dice(run: Run, rank: int) -> None:
    """What is left to chance in the network, such as dropout, follows from the step alone, too."""
    dice = np.random.SeedSequence((run.recipe.seed, run.step, rank))
    torch.manual_seed(int(dice.generate_state(1)[0]))


def _critic_alone(recipe: Recipe, step: int) -> bool:
    """Whether at this step the critic learns and the network does not."""
    first, end = _duel(recipe)
    return first <= step < end


def _duel(recipe: Recipe) -> tuple[int, int]:
    """The first step at which the critic learns alone, and the first at which both do."""
    settings = recipe.adversary
    if not settings.weight:
        return recipe.steps, recipe.steps
    first, end = (
        settings.start_fraction * recipe.steps,
        (settings.start_fraction + settings.critic_only_fraction) * recipe.steps,
    )
    return math.ceil(first), math.ceil(end)


def _set_rates(run: Run) -> None:
    settings, steps = run.recipe.optimizer, run.recipe.steps
    frozen = run.step < settings.freeze_encoder_fraction * steps
    if run.network.encoder is not None:
        run.network.encoder.requires_grad_(not frozen)
    first, end = _duel(run.recipe)  # of the steps between these the network knows nothing
    learned = min(run.step, first) + max(0, run.step - end)
    factor = _schedule(learned, steps - (end - first), settings.warmup)
    decoder, encoder = run.optimizer.param_groups
    decoder["lr"] = settings.lr * factor
    encoder["lr"] = 0.0 if frozen else settings.encoder_lr * factor


def _schedule(step: int, steps: int, warmup: int) -> float:
    rise = min(1.0, (step + 1) / max(1, warmup))
    return rise * 0.5 * (1 + math.cos(math.pi * step / steps))


@torch.no_grad()
def _average(run: Run) -> None:
    # Early on the average follows closely, or it would keep the random start for long.
    decay = min(run.recipe.optimizer.ema, (1 + run.step) / (10 + run.step))
    for averaged, current in zip(run.ema.parameters(), run.network.parameters(), strict=True):
        averaged.lerp_(current, 1 - decay)
    # The normalization's statistics too: those of other weights would spoil the averaged ones.
    newest = dict(run.network.named_buffers())
    for name, kept in run.ema.named_buffers():
        # A mean of the directions of spectral normalization would be too short.
        mean = kept.is_floating_point() and not name.endswith(("._u", "._v"))
        kept.lerp_(newest[name], 1 - decay) if mean else kept.copy_(newest[name])
