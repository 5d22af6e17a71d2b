"""A training run in memory: how it begins, is written down, and comes back to life."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from msgspec.structs import replace

from rechroma.color import TABLE_ROWS, bin_counts, smooth_prior, table_index
from rechroma.datasets import Shards, downsample_chroma
from rechroma.errors import CheckpointError, RecipeError
from rechroma.models import find_model
from rechroma.networks import (
    create_network,
    load_encoder,
    load_exported,
    load_weights,
    network_config,
    state_without_counters,
)
from rechroma.training.adversarial import Adversary
from rechroma.training.checkpoint import Checkpoint, load_checkpoint
from rechroma.training.recipe import Recipe, ValidationConfig, recipe_from, recipe_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from rechroma.networks import ColorizationNetwork, Encoder

_PRIOR_PICTURES = 2000
_WEIGHTS = {".pt", ".safetensors"}


@dataclass
class Run:
    """A run: the parts of a :class:`Checkpoint`, alive.

    Attributes:
        pictures: A digest of which ones it learns from; `origin` and `measured` likewise.
    """

    recipe: Recipe
    network: ColorizationNetwork
    ema: ColorizationNetwork
    optimizer: torch.optim.Optimizer
    prior: NDArray[np.float32]
    pictures: str
    step: int = 0
    seen: int = 0
    adversary: Adversary | None = None
    origin: str = ""
    measured: str = ""

    def checkpoint(self) -> Checkpoint:
        """The state as it can be written down."""
        return Checkpoint(
            recipe_values(self.recipe),
            self.step,
            self.network.state_dict(),
            self.ema.state_dict(),
            self.optimizer.state_dict(),
            torch.from_numpy(self.prior),
            self.seen,
            self.pictures,
            self.adversary.state() if self.adversary else {},
            self.origin,
            self.measured,
        )


def open_run(recipe: Recipe, path: Path, pictures: Shards, device: torch.device) -> Run:
    """Go on with the checkpoint at `path`, or begin if there is none.

    Raises:
        CheckpointError: The checkpoint is damaged, or of another recipe, other pictures or other
            weights to begin with.
        RecipeError: The crops do not fit the network.
    """
    run = _resumed(recipe, path, device) if path.exists() else _begun(recipe, pictures, device)
    _same(path, run.pictures, pictures.digest(), "learned from other pictures")
    run.origin = _same(path, run.origin, _origin(recipe), "began with other weights")
    if recipe.validation.interval:
        measured = Shards(recipe.data.val).digest()
        run.measured = _same(path, run.measured, measured, "was measured on other pictures")
    if any(size % run.network.stride for size in recipe.crops.sizes):
        raise RecipeError(f"crops.sizes: must be multiples of {run.network.stride}")
    return run


def _same(path: Path, known: str, now: str, difference: str) -> str:
    """The digest that a run goes on with, unless it is not that of before."""
    if known not in {"", now}:
        raise CheckpointError(f"{path}: the run {difference}", hint="Name another folder with -o.")
    return now


def _origin(recipe: Recipe) -> str:
    """A digest of the files that the recipe's network begins with: these may move, not change."""
    named = [name for name in (recipe.network.encoder_weights, recipe.network.init_from) if name]
    digests = []
    for source in map(Path, named):
        file = source if source.suffix in _WEIGHTS else find_model(source)
        try:
            with file.open("rb") as opened:
                digests.append(hashlib.file_digest(opened, "sha256").hexdigest())
        except OSError as error:
            raise CheckpointError(f"{file}: cannot be read: {error.strerror}") from error
    return " ".join(digests)


def trained_network(path: Path, options: Mapping[str, Any] | None = None) -> ColorizationNetwork:
    """The network of a checkpoint, with its averaged weights, ready to be run.

    Args:
        path: The checkpoint.
        options: Fields of the network's configuration to change, such as how it decodes.

    Raises:
        CheckpointError: The file is no checkpoint, or the weights do not fit.
    """
    checkpoint = load_checkpoint(path)
    recipe = recipe_from(checkpoint.recipe)
    network = create_network(recipe.network.name, {**recipe.network.options, **(options or {})})
    try:
        network.load_state_dict(checkpoint.ema)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: the weights do not fit: {error}") from error
    return network.eval()


def measure_prior(
    pictures: Shards, centers: NDArray[np.float32], scale: int
) -> NDArray[np.float32]:
    """How often each bin occurs, smoothed, (Q,); measured on up to 2,000 pictures."""
    if not len(centers):
        return np.zeros(0, np.float32)
    counts = np.zeros(TABLE_ROWS, np.int64)
    for number in np.linspace(0, len(pictures) - 1, min(len(pictures), _PRIOR_PICTURES)):
        chroma = np.moveaxis(downsample_chroma(pictures[int(number)], scale), 0, -1)
        counts += np.bincount(table_index(chroma).ravel(), minlength=TABLE_ROWS)
    return smooth_prior(bin_counts(counts, centers), centers)


def array_of(centers: Tensor) -> NDArray[np.float32]:
    """The bins' centers (Q, 2) as an array."""
    return np.asarray(centers.cpu().numpy(), np.float32)


def teacher(recipe: Recipe) -> Encoder | None:
    """The recipe's encoder as published, frozen; None where the loss does not ask for it.

    Raises:
        RecipeError: The loss asks for it, and the recipe names no weights.
    """
    if not (recipe.loss.distillation or recipe.loss.perceptual):
        return None
    if not recipe.network.encoder_weights:
        raise RecipeError("loss.distillation and loss.perceptual: need network.encoder_weights")
    encoder = _pretrained(create_network(recipe.network.name, recipe.network.options), recipe)
    frozen = encoder.eval().requires_grad_(requires_grad=False)
    return frozen.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _begun(recipe: Recipe, pictures: Shards, device: torch.device) -> Run:
    torch.manual_seed(recipe.seed)
    network = create_network(recipe.network.name, recipe.network.options)
    if recipe.network.encoder_weights:
        _pretrained(network, recipe)
    elif (
        network.encoder
        and recipe.optimizer.freeze_encoder_fraction == 1
        and not recipe.network.init_from
    ):
        raise RecipeError(
            "optimizer.freeze_encoder_fraction: the encoder knows nothing yet, and would never "
            "learn",
            hint="Name network.encoder_weights ('default' will do), or set it to 0.",
        )
    if recipe.network.init_from:
        _start_from(network, Path(recipe.network.init_from))
    prior = measure_prior(pictures, array_of(network.centers), network.scale)
    return _assembled(recipe, network, prior, pictures.digest(), device)


def _start_from(network: ColorizationNetwork, source: Path) -> None:
    """Give a network the weights of another; a classifier that the other lacks stays new."""
    start = starting_network(source)
    weights = start.state_dict()
    if network.classes and not start.classes:
        plan = network_config(network)
        plain = create_network(plan["name"], {**plan["options"], "classes": 0}).state_dict().keys()
        weights |= {
            name: value
            for name, value in state_without_counters(network).items()
            if name not in plain
        }
    load_weights(network, weights, source)


def _pretrained(network: ColorizationNetwork, recipe: Recipe) -> Encoder:
    """Fill a network's encoder with the recipe's weights.

    Raises:
        RecipeError: It has none.
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


def starting_network(source: Path) -> ColorizationNetwork:
    """The network that a checkpoint (.pt) or a color model, named or as a file, holds.

    Raises:
        CheckpointError: The file holds no network that can be trained, or its weights do not fit.
        ModelError: There is no such model, or it is damaged.
    """
    if source.suffix == ".pt":
        return trained_network(source)
    return load_exported(find_model(source))


def _resumed(recipe: Recipe, path: Path, device: torch.device) -> Run:
    checkpoint = load_checkpoint(path)
    if recipe_values(_essence(recipe)) != recipe_values(_essence(recipe_from(checkpoint.recipe))):
        raise CheckpointError(
            f"{path}: a run of another recipe", hint="Name another folder with -o."
        )
    network = create_network(recipe.network.name, recipe.network.options)
    run = _assembled(recipe, network, checkpoint.prior.numpy(), checkpoint.pictures, device)
    try:
        run.network.load_state_dict(checkpoint.network)
        run.ema.load_state_dict(checkpoint.ema)
        run.optimizer.load_state_dict(checkpoint.optimizer)
        if run.adversary is not None:
            run.adversary.restore(checkpoint.adversary)
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"{path}: does not fit its network: {error}") from error
    run.step, run.seen = checkpoint.step, checkpoint.seen
    run.origin, run.measured = checkpoint.origin, checkpoint.measured
    return run


def _essence(recipe: Recipe) -> Recipe:
    """What of a recipe decides the numbers: not where files lie, nor who does the work."""
    data = replace(recipe.data, train=(), val=())
    network = replace(recipe.network, encoder_weights="", init_from="")
    recipe = replace(recipe, data=data, network=network, validation=ValidationConfig())
    return replace(recipe, workers=0, threads=0, checkpoint_interval=1)


def _assembled(
    recipe: Recipe,
    network: ColorizationNetwork,
    prior: NDArray[np.float32],
    pictures: str,
    device: torch.device,
) -> Run:
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    encoder = list(network.encoder.parameters()) if network.encoder is not None else []
    known = {id(parameter) for parameter in encoder}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in known]
    settings = recipe.optimizer
    optimizer = torch.optim.AdamW(
        [{"params": rest}, {"params": encoder}],
        lr=settings.lr,
        betas=(0.9, 0.99),
        weight_decay=settings.weight_decay,
        fused=True,
    )
    adversary = Adversary(recipe.adversary, device) if recipe.adversary.weight else None
    return Run(recipe, network, ema, optimizer, prior, pictures, adversary=adversary)
