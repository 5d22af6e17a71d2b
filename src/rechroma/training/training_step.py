"""One training step: forward pass, loss, backward pass, clipping, optimizer, moving average."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from rechroma.datasets import FeatureBatch
from rechroma.errors import DivergedError, MemoryExhaustedError, RecipeError
from rechroma.networks import Prediction
from rechroma.training.adversarial import critic_schedule
from rechroma.training.losses import ColorizationLoss
from rechroma.training.state import centers_array, teacher

if TYPE_CHECKING:
    from torch import Tensor

    from rechroma.datasets import Sample
    from rechroma.networks import ColorizationNetwork
    from rechroma.training.distributed import DistContext
    from rechroma.training.losses import LossOutput
    from rechroma.training.state import TrainState

_log = logging.getLogger(__name__)

_MAX_WEIGHT = 1e6  # absolute value beyond which a network has diverged


class TrainingStep:
    """The step of a run; call it with one batch after another.

    Args:
        state: Of the run; each call changes it.
        dist: This process among those of the run.

    Raises:
        RecipeError: `optimizer.only` names no parameter, the network cannot learn from stored
            features, or the loss asks for what it lacks.
    """

    def __init__(self, state: TrainState, dist: DistContext) -> None:
        self.state, self._dist = state, dist
        recipe, network = state.recipe, state.network
        self._only = recipe.optimizer.only
        names = [name for name, _ in network.named_parameters()]
        if self._only and not any(name.startswith(self._only) for name in names):
            raise RecipeError(f"optimizer.only: no parameter starts with {' or '.join(self._only)}")
        self._loss = ColorizationLoss(
            centers_array(network.centers),
            state.prior,
            recipe.loss,
            network.chroma,
            teacher(recipe),
        ).to(dist.device)
        self._plain = FeatureDecoder(network) if recipe.data.features else network
        self._wrapped = dist.wrap(self._plain)
        self._bfloat16 = recipe.precision == "bfloat16"
        if self._bfloat16 and dist.device.type == "cpu" and not _cpu_has_bfloat16():
            self._bfloat16 = False  # emulated, it takes ten times longer than float32
            if dist.is_main:
                _log.warning("this CPU only emulates bfloat16: the run computes in float32")
        if state.adversary is not None:
            state.adversary.wrap(dist)

    def __call__(self, batch: Sample | FeatureBatch, count: int) -> dict[str, Tensor]:
        """Learn from this process's share of a batch.

        Args:
            batch: The share.
            count: Images in the global batch.

        Returns:
            The loss terms, averaged over the global batch.

        Raises:
            DivergedError: The loss or its gradient is not finite.
            MemoryExhaustedError: The device has too little memory.
            RecipeError: The loss has no term from which the network could learn.
        """
        state, dist = self.state, self._dist
        first, end = critic_schedule(state.recipe)
        critic_only = first <= state.step < end
        self._set_trainable(training=not critic_only)
        self._seed()
        weight = len(batch.label) * dist.world_size / count
        try:
            with self._autocast(), torch.set_grad_enabled(not critic_only):
                # Without a backward pass a wrapped network would wait for gradients forever.
                model = self._plain if critic_only else self._wrapped
                losses = self._forward(model, self._to_device(batch))
            if state.adversary is not None and state.step >= first and losses.decoded is not None:
                decoded = losses.decoded
                with self._autocast():
                    losses = state.adversary.step(losses, decoded.image, decoded.photograph)
            if not torch.isfinite(losses.total):
                raise _diverged(state, "the loss is not finite")
            if not critic_only:
                self._learn(losses.total * weight)
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error):
                raise _out_of_memory(state, dist.device) from error
            raise
        state.images_seen += count
        state.step += 1
        return dist.mean(losses.terms, weight)

    @torch.no_grad()
    def evaluate(self, batch: Sample) -> tuple[LossOutput, Tensor | None]:
        """Compute the averaged network's losses on a batch, and its class logits (N, K)."""
        self._loss.eval()
        try:
            with self._autocast():
                losses = self._forward(self.state.ema, self._to_device(batch))
        finally:
            self._loss.train()
        assert losses.decoded is not None
        return losses, losses.decoded.prediction.classes

    def _forward(self, model: nn.Module, batch: Sample | FeatureBatch) -> LossOutput:
        if isinstance(batch, FeatureBatch):
            prediction = model(batch.features)
        else:
            prediction = model(batch.lightness, batch.hints)
        losses: LossOutput = self._loss(prediction, batch)
        return losses

    def _learn(self, loss: Tensor) -> None:
        if not loss.requires_grad:
            raise RecipeError(
                "no loss term reaches the trainable parameters",
                hint="Terms that depend on the encoder alone teach nothing while it is frozen.",
            )
        state = self.state
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        max_norm = state.recipe.optimizer.grad_clip_norm
        norm = nn.utils.clip_grad_norm_(state.network.parameters(), max_norm)
        if not torch.isfinite(norm):
            raise _diverged(state, "the gradient is not finite")
        state.optimizer.step()
        state.scheduler.step()
        state.update_average()

    def _set_trainable(self, *, training: bool) -> None:
        """Put the network into its mode, and freeze what the recipe freezes at this step."""
        state, network = self.state, self.state.network
        network.train(training)
        settings = state.recipe.optimizer
        if network.encoder is not None:
            frozen = state.step < settings.freeze_encoder_fraction * state.recipe.steps
            network.encoder.requires_grad_(not frozen)
        if not self._only:
            return
        for name, parameter in network.named_parameters():
            if not name.startswith(self._only):
                parameter.requires_grad = False
        for name, module in network.named_modules():
            if not f"{name}.".startswith(self._only) and not any(module.children()):
                module.eval()

    def _seed(self) -> None:
        """Seed dropout from (seed, step, rank), so that resumed runs are reproducible."""
        key = (self.state.recipe.seed, self.state.step, self._dist.rank)
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._dist.device.type, torch.bfloat16, enabled=self._bfloat16)

    def _to_device(self, batch: Sample | FeatureBatch) -> Sample | FeatureBatch:
        device = self._dist.device
        if isinstance(batch, FeatureBatch):
            features = {name: value.to(device) for name, value in batch.features.items()}
            return FeatureBatch(features, *(part.to(device) for part in batch[1:]))
        return type(batch)(*(part.to(device) for part in batch))


class FeatureDecoder(nn.Module):
    """The part of a network that follows its encoder, applied to stored features.

    Args:
        network: Its `decoder` maps features at 1/8, 1/16 and 1/32 of the size and the pooled head
            to features, logits and a*b* at 1/8.

    Raises:
        RecipeError: The network has no such decoder.
    """

    def __init__(self, network: ColorizationNetwork) -> None:
        super().__init__()
        decoder = getattr(network, "decoder", None)
        if not isinstance(decoder, nn.Module) or network.encoder is None:
            raise RecipeError(
                "data.features: this network cannot be trained on stored features",
                hint="The network 'coarse-to-fine' can (network.name).",
            )
        self.decoder = decoder

    def forward(self, features: dict[str, Tensor]) -> Prediction:
        """Predict from the three coarsest maps (N, C, h, w) and the pooled head (N, K)."""
        maps = sorted((f for f in features.values() if f.ndim == 4), key=lambda f: -f.shape[-1])
        (head,) = (feature for feature in features.values() if feature.ndim == 2)
        _, logits, ab = self.decoder(maps[-3:], head)
        return Prediction(logits, ab, maps[-1])


def _cpu_has_bfloat16() -> bool:
    """Return whether this CPU computes in bfloat16; private to torch, absent without oneDNN."""
    is_supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return is_supported is not None and bool(is_supported())


def check_weights(state: TrainState) -> None:
    """Check that the weights are worth saving.

    Raises:
        DivergedError: They are not finite, or far too large.
    """
    largest = max(float(weights.detach().abs().max()) for weights in state.network.parameters())
    if not largest < _MAX_WEIGHT:
        raise _diverged(state, f"a weight has become {largest:.3g}")


def _diverged(state: TrainState, reason: str) -> DivergedError:
    return DivergedError(
        f"{reason} at step {state.step}",
        hint="Start again with lower learning rates in another folder; a checkpoint, if there is "
        "one, is from before, and network.init_from continues from it.",
    )


def _out_of_memory(state: TrainState, device: torch.device) -> MemoryExhaustedError:
    recipe = state.recipe
    return MemoryExhaustedError(
        f"{device} has too little memory at step {state.step}",
        hint=f"Lower batch_size (now {recipe.batch_size}) or crops.sizes (up to "
        f"{max(recipe.crops.sizes)}), in another folder; network.init_from continues from a "
        "checkpoint.",
    )
