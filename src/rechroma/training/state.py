"""Training state: how a run begins, is saved and is resumed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from msgspec.structs import replace
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from rechroma.color import TABLE_ROWS, bin_counts, smooth_prior, table_index
from rechroma.datasets import CropConfig, FeatureStore, Shards, downsample_chroma
from rechroma.errors import CheckpointError, RecipeError, SourceError
from rechroma.fs import file_sha256
from rechroma.models import find_model
from rechroma.networks import (
    check_is_imported,
    create_network,
    get_architecture,
    load_encoder,
    load_exported,
    load_weights,
    network_config,
    state_without_counters,
)
from rechroma.training.adversarial import AdversarialLoss, critic_schedule
from rechroma.training.checkpoint import Checkpoint, load_checkpoint
from rechroma.training.recipe import (
    Data,
    Loss,
    Network,
    Optimizer,
    Recipe,
    ValidationConfig,
    recipe_from,
    recipe_values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from rechroma.networks import ColorizationNetwork, Encoder

_Tensors = tuple["Tensor", ...] | list["Tensor"]
_UNFIT = (RuntimeError, ValueError, KeyError, TypeError, AttributeError)  # of load_state_dict
_PRIOR_IMAGES = 2000
_WEIGHTS = {".pt", ".safetensors"}
FINETUNING_STEPS = 300


@dataclass
class TrainState:
    """Everything that a step changes, and what a checkpoint needs to resume a run.

    Attributes:
        recipe: What the run does.
        network: The network in training.
        averaged: Its exponential moving average.
        optimizer: Two parameter groups: the decoder, then the encoder.
        scheduler: Warm-up and cosine, stepped only when the network learns.
        prior: (Q,) frequency of each bin in the training images.
        data_digest: Digest of the training images.
        adversary: The critic; None without one.
        step: Steps done.
        images_seen: Images shown so far.
        init_digest: Digest of the weights that the run began with; empty if none.
        val_digest: Digest of the validation images; empty if none.
    """

    recipe: Recipe
    network: ColorizationNetwork
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer
    scheduler: LambdaLR
    prior: NDArray[np.float32]
    data_digest: str
    adversary: AdversarialLoss | None = None
    step: int = 0
    images_seen: int = 0
    init_digest: str = ""
    val_digest: str = ""

    @property
    def ema(self) -> ColorizationNetwork:
        """The network with averaged weights, in evaluation mode."""
        return self.averaged.module  # type: ignore[return-value]

    @classmethod
    def open(
        cls, recipe: Recipe, path: Path, data: Shards | FeatureStore, device: torch.device
    ) -> TrainState:
        """Load the checkpoint at `path`, or create a new state if there is none.

        Raises:
            CheckpointError: The checkpoint is damaged, or of another recipe, other images or other
                initial weights.
            RecipeError: The crops or the stored features do not fit the network.
        """
        digest = data.digest()
        if path.exists():
            state = cls.load(recipe, path, device)
        else:
            state = cls.create(recipe, data, device)
        known = {
            "was trained on other images": (state.data_digest, digest),
            "began with other weights": (state.init_digest, _init_digest(recipe)),
        }
        if recipe.validation.interval:
            val_digest = Shards(recipe.data.val).digest()
            known["was validated on other images"] = (state.val_digest, val_digest)
            state.val_digest = val_digest
        for difference, (before, now) in known.items():
            if before not in {"", now}:
                raise CheckpointError(
                    f"{path}: the run {difference}", hint="Name another folder with -o."
                )
        state.init_digest = known["began with other weights"][1]
        network = state.network
        if any(size % network.stride for size in recipe.crops.sizes):
            raise RecipeError(f"crops.sizes: must be multiples of {network.stride}")
        encoder = getattr(network.config, "encoder", "none")
        if isinstance(data, FeatureStore) and data.encoder != encoder:
            raise RecipeError(
                f"data.features: the features are of {data.encoder}, the network has {encoder}",
                hint="Build a store with the network's own encoder.",
            )
        return state

    @classmethod
    def create(
        cls, recipe: Recipe, data: Shards | FeatureStore, device: torch.device
    ) -> TrainState:
        """Build the recipe's network with its initial weights, at step 0.

        Raises:
            CheckpointError: The initial weights do not fit.
            RecipeError: The recipe asks for what the network lacks.
        """
        torch.manual_seed(recipe.seed)
        settings = recipe.network
        network = create_network(settings.name, settings.options)
        if settings.encoder_weights:
            _load_encoder_weights(network, recipe)
        elif (
            network.encoder
            and recipe.optimizer.freeze_encoder_fraction == 1
            and not settings.init_from
        ):
            raise RecipeError(
                "optimizer.freeze_encoder_fraction: the encoder has no pretrained weights, and "
                "would never learn",
                hint="Name network.encoder_weights ('default' will do), or set it to 0.",
            )
        if settings.init_from:
            # Copy the weights of another network; a classifier that the other lacks stays new.
            source = Path(settings.init_from)
            start = starting_network(source)
            weights = start.state_dict()
            if network.classes and not start.classes:
                plan = network_config(network)
                plain = create_network(plan["name"], {**plan["options"], "classes": 0})
                own = state_without_counters(network)
                weights |= {name: own[name] for name in own.keys() - plain.state_dict().keys()}
            load_weights(network, weights, source)
        prior = measure_prior(data, centers_array(network.centers), network.scale)
        return cls._assemble(recipe, network, prior, data.digest(), device)

    @classmethod
    def load(cls, recipe: Recipe, path: Path, device: torch.device) -> TrainState:
        """Resume from a checkpoint.

        Raises:
            CheckpointError: It is damaged, or of another recipe.
        """
        checkpoint = load_checkpoint(path)
        if _decisive_values(recipe) != _decisive_values(_recipe_of(checkpoint, path)):
            raise CheckpointError(
                f"{path}: a run of another recipe", hint="Name another folder with -o."
            )
        network = create_network(recipe.network.name, recipe.network.options)
        prior = checkpoint.prior.numpy()
        state = cls._assemble(recipe, network, prior, checkpoint.data_digest, device)
        try:
            state.network.load_state_dict(checkpoint.network)
            state.ema.load_state_dict(checkpoint.ema)
            state.optimizer.load_state_dict(checkpoint.optimizer)
            if state.adversary is not None:
                state.adversary.load_state_dict(checkpoint.adversary)
        except _UNFIT as error:
            raise CheckpointError(f"{path}: does not fit its network: {error}") from error
        state.step, state.images_seen = checkpoint.step, checkpoint.images_seen
        state.init_digest, state.val_digest = checkpoint.init_digest, checkpoint.val_digest
        first, end = critic_schedule(recipe)
        learned = min(state.step, first) + max(0, state.step - end)
        state.averaged.n_averaged.fill_(learned)
        if learned:
            state.scheduler = _make_scheduler(recipe, state.optimizer, learned - 1)
        return state

    @classmethod
    def _assemble(
        cls,
        recipe: Recipe,
        network: ColorizationNetwork,
        prior: NDArray[np.float32],
        data_digest: str,
        device: torch.device,
    ) -> TrainState:
        network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        settings = recipe.optimizer

        @torch.no_grad()
        def update(averaged: _Tensors, current: _Tensors, updates: Tensor | int) -> None:
            # Early on the average follows closely, or it would keep the initial weights for long.
            done = int(updates)
            weight = 1 - min(settings.ema, (1 + done) / (10 + done))
            if torch.is_floating_point(averaged[0]):
                torch._foreach_lerp_(averaged, current, weight)
            else:
                torch._foreach_copy_(averaged, current)

        averaged = AveragedModel(network, multi_avg_fn=update, use_buffers=True)
        averaged.eval().requires_grad_(requires_grad=False)
        encoder = list(network.encoder.parameters()) if network.encoder is not None else []
        encoder_ids = {id(parameter) for parameter in encoder}
        decoder = [weights for weights in network.parameters() if id(weights) not in encoder_ids]
        optimizer = torch.optim.AdamW(
            [
                {"params": decoder, "lr": settings.lr},
                {"params": encoder, "lr": settings.encoder_lr},
            ],
            lr=settings.lr,
            betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
            fused=True,
        )
        scheduler = _make_scheduler(recipe, optimizer)
        adversary = AdversarialLoss(recipe.adversary, device) if recipe.adversary.weight else None
        return cls(recipe, network, averaged, optimizer, scheduler, prior, data_digest, adversary)

    def update_average(self) -> None:
        """Move the averaged weights and buffers towards the network's."""
        self.averaged.update_parameters(self.network)
        newest = dict(self.network.named_buffers())
        for name, buffer in self.ema.named_buffers():
            # A mean of the unit vectors of spectral normalization would be too short.
            if name.endswith(("._u", "._v")):
                buffer.copy_(newest[name])

    def checkpoint(self) -> Checkpoint:
        """Collect the state for :func:`~rechroma.training.save_checkpoint`."""
        return Checkpoint(
            recipe=recipe_values(self.recipe),
            step=self.step,
            network=self.network.state_dict(),
            ema=self.ema.state_dict(),
            optimizer=self.optimizer.state_dict(),
            prior=torch.from_numpy(self.prior),
            images_seen=self.images_seen,
            data_digest=self.data_digest,
            adversary=self.adversary.state_dict() if self.adversary else {},
            init_digest=self.init_digest,
            val_digest=self.val_digest,
        )


def _make_scheduler(recipe: Recipe, optimizer: torch.optim.Optimizer, last: int = -1) -> LambdaLR:
    """Linear warm-up and a cosine to zero over the steps in which the network learns."""
    first, end = critic_schedule(recipe)
    settings, steps = recipe.optimizer, max(1, recipe.steps - (end - first))

    def decoder(step: int) -> float:
        warmup = min(1.0, (step + 1) / max(1, settings.warmup))
        return warmup * 0.5 * (1 + math.cos(math.pi * step / steps))

    def encoder(step: int) -> float:
        of_run = step if step < first else step + end - first
        return 0.0 if of_run < settings.freeze_encoder_fraction * recipe.steps else decoder(step)

    return LambdaLR(optimizer, [decoder, encoder], last_epoch=last)


def _decisive_values(recipe: Recipe) -> dict[str, Any]:
    """The values that decide the numbers: not where files lie, nor who does the work."""
    data = replace(recipe.data, train=(), val=(), features="")
    network = replace(recipe.network, encoder_weights="", init_from="")
    recipe = replace(recipe, data=data, network=network, validation=ValidationConfig())
    values = recipe_values(replace(recipe, workers=0, threads=0, checkpoint_interval=1))
    # A recipe from TOML has lists where one made in Python may have tuples.
    options = values["network"]["options"]
    values["network"]["options"] = {
        key: list(option) if isinstance(option, tuple) else option
        for key, option in options.items()
    }
    return values


def _init_digest(recipe: Recipe) -> str:
    """Hash the files of the initial weights: these may move, but not change."""
    settings, digests = recipe.network, []
    for source in filter(None, (settings.encoder_weights, settings.init_from)):
        path = Path(source)
        file = path if path.suffix in _WEIGHTS else find_model(path)
        try:
            digests.append(file_sha256(file))
        except OSError as error:
            raise SourceError(
                f"{file}: cannot be read: {error.strerror}",
                hint="network.encoder_weights and network.init_from name the initial weights.",
            ) from error
    return " ".join(digests)


def trained_network(path: Path, options: Mapping[str, Any] | None = None) -> ColorizationNetwork:
    """Load the network of a checkpoint, with its averaged weights, in evaluation mode.

    Args:
        path: The checkpoint.
        options: Fields of the network's configuration to change, such as how it decodes.

    Raises:
        SourceError: The file is missing or cannot be read.
        CheckpointError: The file is no checkpoint, the module of its network is not imported, or
            the weights do not fit.
    """
    checkpoint = load_checkpoint(path)
    recipe = _recipe_of(checkpoint, path)
    check_is_imported(recipe.network.name, path)
    network = create_network(recipe.network.name, {**recipe.network.options, **(options or {})})
    try:
        network.load_state_dict(checkpoint.ema)
    except _UNFIT as error:
        raise CheckpointError(f"{path}: the weights do not fit: {error}") from error
    return network.eval()


def _recipe_of(checkpoint: Checkpoint, path: Path) -> Recipe:
    try:
        return recipe_from(checkpoint.recipe)
    except RecipeError as error:
        raise CheckpointError(
            f"{path}: its recipe is invalid: {error.message}", hint=error.hint
        ) from error


def starting_network(source: Path) -> ColorizationNetwork:
    """Load the network of a checkpoint (.pt) or of a color model, named or as a file.

    Raises:
        CheckpointError: The file holds no network that can be trained, or its weights do not fit.
        ModelError: There is no such model, or it is damaged.
    """
    if source.suffix == ".pt":
        return trained_network(source)
    return load_exported(find_model(source))


def teacher(recipe: Recipe) -> Encoder | None:
    """Load the recipe's encoder as published, frozen; None if the loss does not ask for it.

    Raises:
        RecipeError: The loss asks for it, and the recipe names no weights.
    """
    if not (recipe.loss.distillation or recipe.loss.perceptual):
        return None
    if not recipe.network.encoder_weights:
        raise RecipeError("loss.distillation and loss.perceptual: need network.encoder_weights")
    network = create_network(recipe.network.name, recipe.network.options)
    encoder = _load_encoder_weights(network, recipe).eval().requires_grad_(requires_grad=False)
    return encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def measure_prior(
    data: Shards | FeatureStore, centers: NDArray[np.float32], scale: int
) -> NDArray[np.float32]:
    """Measure the smoothed frequency (Q,) of each bin in up to 2,000 images."""
    if not len(centers):
        return np.zeros(0, np.float32)
    counts = np.zeros(TABLE_ROWS, np.int64)
    for number in np.linspace(0, len(data) - 1, min(len(data), _PRIOR_IMAGES)):
        if isinstance(data, FeatureStore):
            chroma = data.read([int(number)])["chroma"][0].astype(np.float32)
        else:
            chroma = downsample_chroma(data[int(number)], scale)
        rows = table_index(np.moveaxis(chroma, 0, -1)).ravel()
        counts += np.bincount(rows, minlength=TABLE_ROWS)
    return smooth_prior(bin_counts(counts, centers), centers)


def centers_array(centers: Tensor) -> NDArray[np.float32]:
    """Convert the bin centers (Q, 2) to an array."""
    return np.asarray(centers.cpu().numpy(), np.float32)


def _load_encoder_weights(network: ColorizationNetwork, recipe: Recipe) -> Encoder:
    """Fill a network's encoder with the recipe's weights.

    Raises:
        RecipeError: The network has none, or the weights are of a network without one.
        CheckpointError: They do not fit.
    """
    if network.encoder is None:
        raise RecipeError(
            f"network.encoder_weights: the network {recipe.network.name!r} has no encoder"
        )
    source = Path(recipe.network.encoder_weights)
    if source.suffix == ".safetensors":
        load_encoder(network.encoder, source)
        return network.encoder
    learned = starting_network(source).encoder
    if learned is None:
        raise RecipeError(f"network.encoder_weights: {source} has no encoder")
    load_weights(network.encoder, state_without_counters(learned), source)
    return network.encoder


def finetuning_recipe(start: Path, shards: Sequence[str], steps: int = FINETUNING_STEPS) -> Recipe:
    """Build a recipe for a short run that keeps what the network knows.

    The encoder is frozen, and the other weights learn at a low rate: some minutes on a CPU for the
    network that ships. Rate, batch and crops are those of the architecture.

    Args:
        start: A checkpoint, or a color model file that `rechroma export` wrote.
        shards: Images to learn from.
        steps: Training steps.

    Raises:
        CheckpointError: The file holds no network that can be trained.
        ModelContractError: The model file is not one of Rechroma's.
    """
    network = starting_network(start)
    held = network_config(network)
    defaults = get_architecture(held["name"]).finetuning
    has_bins = len(network.centers) > 0
    return Recipe(
        network=Network(held["name"], held["options"], init_from=str(start)),
        data=Data(train=tuple(shards)),
        crops=CropConfig(
            sizes=(defaults.side,),
            degrade_prob=0.2,
            hint_prob=0.2 if network.supports_hints else 0.0,
        ),
        loss=Loss(ab=0.3) if has_bins else Loss(bins=0.0, ab=1.0),
        optimizer=Optimizer(
            lr=defaults.lr, encoder_lr=0.0, freeze_encoder_fraction=1.0, warmup=20, ema=0.99
        ),
        steps=steps,
        batch_size=defaults.batch_size,
    )
