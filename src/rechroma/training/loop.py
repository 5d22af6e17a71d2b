"""The training loop, for every network: read a batch, step, average, report, save.

A run is a folder: `checkpoint.pt` (the newest state), `log.jsonl` (one line of figures every few
steps) and the contact sheets. Started again with the same recipe, it goes on where it was, to the
same numbers: examples depend on the seed and the step alone.
"""

from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from rechroma.color import TABLE_ROWS, bin_counts, smooth_prior, table_index
from rechroma.datasets import Example, Examples, Shards, Tickets, small_chroma
from rechroma.errors import CheckpointError, DataError
from rechroma.networks import build, load_encoder
from rechroma.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rechroma.training.losses import ColourLoss, Cost
from rechroma.training.recipe import Recipe, recipe_from, recipe_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from rechroma.networks import ColourNetwork

_PRIOR_PICTURES = 2000
_REPORT_EVERY = 20


@dataclass(frozen=True)
class Progress:
    """Figures of the last few steps."""

    step: int
    steps: int
    epoch: float
    bins: float
    ab: float
    pictures_per_second: float


@dataclass
class Run:
    """A run in memory: the parts of a :class:`Checkpoint`, alive."""

    recipe: Recipe
    network: ColourNetwork
    ema: ColourNetwork
    optimiser: torch.optim.Optimizer
    prior: NDArray[np.float32]
    step: int = 0

    def checkpoint(self) -> Checkpoint:
        """The state as it can be written down."""
        return Checkpoint(
            recipe_values(self.recipe),
            self.step,
            self.network.state_dict(),
            self.ema.state_dict(),
            self.optimiser.state_dict(),
            torch.from_numpy(self.prior),
        )


def train(
    recipe: Recipe,
    folder: Path,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_epoch: Callable[[Run], None] = lambda _: None,
    stop_after: int | None = None,
) -> Run:
    """Train by a recipe in a folder, or go on with what the folder holds.

    Args:
        recipe: What to do.
        folder: Where the checkpoint, the log and the sheets go.
        on_progress: Called every few steps.
        on_epoch: Called after each time through the pictures, and at the end.
        stop_after: End (with a checkpoint) after this step, before the recipe does.

    Raises:
        DataError: The shards cannot be used.
        CheckpointError: The folder holds a run of another recipe.
    """
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    pictures = Shards(recipe.data.train)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run = _open(recipe, folder, pictures, device)
    loss = ColourLoss(_centres(run.network.centres), run.prior, recipe.loss).to(device)
    end = min(recipe.steps, stop_after or recipe.steps)
    meter = _Meter(folder / "log.jsonl", len(pictures), recipe)
    for example in _batches(run, pictures, end):
        cost = _step(run, example, loss, device)
        run.step += 1
        meter.add(run.step, cost, len(example.lightness), on_progress)
        _keep(run, folder, end, len(pictures), on_epoch)
    return run


def _open(recipe: Recipe, folder: Path, pictures: Shards, device: torch.device) -> Run:
    path = folder / "checkpoint.pt"
    if path.exists():
        return resume(load_checkpoint(path), device, recipe)
    torch.manual_seed(recipe.seed)
    network = build(recipe.network.name, recipe.network.options)
    if recipe.network.encoder_weights:
        load_encoder(network.encoder, Path(recipe.network.encoder_weights))
    prior = measure_prior(pictures, _centres(network.centres), network.scale)
    return _assemble(recipe, network, prior, device)


def resume(checkpoint: Checkpoint, device: torch.device, recipe: Recipe | None = None) -> Run:
    """Bring a checkpoint back to life.

    Args:
        checkpoint: As :func:`load_checkpoint` gives it.
        device: Where to go on.
        recipe: The recipe asked for; it may differ from the checkpoint's in where the data lie
            and in how the work is divided, not in what is computed.

    Raises:
        CheckpointError: The checkpoint is of another recipe.
    """
    saved = recipe_from(checkpoint.recipe)
    recipe = recipe or saved
    if _essence(recipe) != _essence(saved):
        raise CheckpointError(
            "the folder holds a run of another recipe", hint="name another folder with -o"
        )
    network = build(recipe.network.name, recipe.network.options)
    run = _assemble(recipe, network, checkpoint.prior.numpy(), device)
    try:
        run.network.load_state_dict(checkpoint.network)
        run.ema.load_state_dict(checkpoint.ema)
        run.optimiser.load_state_dict(checkpoint.optimiser)
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"the checkpoint does not fit its network: {error}") from error
    run.step = checkpoint.step
    return run


def trained_network(path: Path, options: Mapping[str, Any] | None = None) -> ColourNetwork:
    """The network of a checkpoint, with its averaged weights, ready to be run.

    Args:
        path: The checkpoint.
        options: Fields of the network's configuration to change, such as how it decodes.

    Raises:
        CheckpointError: The file is no checkpoint, or the weights do not fit.
    """
    checkpoint = load_checkpoint(path)
    recipe = recipe_from(checkpoint.recipe)
    network = build(recipe.network.name, {**recipe.network.options, **(options or {})})
    try:
        network.load_state_dict(checkpoint.ema)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: the weights do not fit: {error}") from error
    return network.eval()


def measure_prior(
    pictures: Shards, centres: NDArray[np.float32], scale: int
) -> NDArray[np.float32]:
    """How often each bin occurs, smoothed, (Q,); measured on up to 2,000 pictures."""
    counts = np.zeros(TABLE_ROWS, np.int64)
    for number in np.linspace(0, len(pictures) - 1, min(len(pictures), _PRIOR_PICTURES)):
        chroma = np.moveaxis(small_chroma(pictures[int(number)], scale), 0, -1)
        counts += np.bincount(table_index(chroma).ravel(), minlength=TABLE_ROWS)
    return smooth_prior(bin_counts(counts, centres), centres)


def _essence(recipe: Recipe) -> Recipe:
    data = replace(recipe.data, train=(), dev=())
    network = replace(recipe.network, encoder_weights="")
    return replace(recipe, data=data, network=network, workers=0, threads=0, checkpoint_every=1)


def _assemble(
    recipe: Recipe, network: ColourNetwork, prior: NDArray[np.float32], device: torch.device
) -> Run:
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    encoder = list(network.encoder.parameters())
    known = {id(parameter) for parameter in encoder}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in known]
    settings = recipe.optimiser
    optimiser = torch.optim.AdamW(
        [{"params": rest}, {"params": encoder}],
        lr=settings.rate,
        betas=(0.9, 0.99),
        weight_decay=settings.weight_decay,
    )
    return Run(recipe, network, ema, optimiser, prior)


def _centres(centres: Tensor) -> NDArray[np.float32]:
    return np.asarray(centres.cpu().numpy(), np.float32)


def _batches(run: Run, pictures: Shards, end: int) -> Iterable[Example]:
    recipe = run.recipe
    tickets = Tickets(len(pictures), recipe.crops, recipe.batch, recipe.seed, run.step, end)
    scale = run.network.scale
    return DataLoader(
        Examples(pictures, recipe.crops, scale),
        batch_sampler=tickets,
        num_workers=recipe.workers,
        worker_init_fn=_quiet_worker,
        # A forked worker would wait for ever for OpenCV's threads, which stay in the parent.
        multiprocessing_context="spawn" if recipe.workers else None,
    )


def _quiet_worker(_: int) -> None:
    # A worker that spreads over all cores takes them from the network.
    cv2.setNumThreads(1)


def _step(run: Run, example: Example, loss: ColourLoss, device: torch.device) -> Cost:
    _set_rates(run)
    run.network.train()
    cost: Cost = loss(run.network(example.lightness.to(device)), example.chroma.to(device))
    if not torch.isfinite(cost.total):
        raise DataError(f"the loss is not finite at step {run.step}", hint="lower the rates")
    run.optimiser.zero_grad(set_to_none=True)
    cost.total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), run.recipe.optimiser.clip)
    run.optimiser.step()
    _average(run)
    return cost


def _set_rates(run: Run) -> None:
    settings, steps = run.recipe.optimiser, run.recipe.steps
    frozen = run.step < settings.frozen * steps
    run.network.encoder.requires_grad_(not frozen)
    factor = _schedule(run.step, steps, settings.warmup)
    decoder, encoder = run.optimiser.param_groups
    decoder["lr"] = settings.rate * factor
    encoder["lr"] = 0.0 if frozen else settings.encoder_rate * factor


def _schedule(step: int, steps: int, warmup: int) -> float:
    rise = min(1.0, (step + 1) / max(1, warmup))
    return rise * 0.5 * (1 + math.cos(math.pi * step / steps))


@torch.no_grad()
def _average(run: Run) -> None:
    # Early on the average follows closely, or it would keep the random start for long.
    decay = min(run.recipe.optimiser.ema, (1 + run.step) / (10 + run.step))
    for averaged, current in zip(run.ema.parameters(), run.network.parameters(), strict=True):
        averaged.lerp_(current, 1 - decay)
    for kept, newest in zip(run.ema.buffers(), run.network.buffers(), strict=True):
        kept.copy_(newest)


def _keep(run: Run, folder: Path, end: int, pictures: int, on_epoch: Callable[[Run], None]) -> None:
    last = run.step == end
    if last or run.step % run.recipe.checkpoint_every == 0:
        save_checkpoint(run.checkpoint(), folder / "checkpoint.pt")
    seen, before = run.step * run.recipe.batch, (run.step - 1) * run.recipe.batch
    if last or seen // pictures > before // pictures:
        on_epoch(run)


class _Meter:
    """Averages figures over a few steps, writes them down and passes them on."""

    def __init__(self, log: Path, pictures: int, recipe: Recipe) -> None:
        self._log, self._pictures, self._recipe = log, pictures, recipe
        log.parent.mkdir(parents=True, exist_ok=True)
        self._clear()

    def _clear(self) -> None:
        self._costs: list[tuple[float, float]] = []
        self._seen, self._since = 0, time.perf_counter()

    def add(
        self, step: int, cost: Cost, pictures: int, on_progress: Callable[[Progress], None]
    ) -> None:
        self._costs.append((cost.bins.item(), cost.ab.item()))
        self._seen += pictures
        if step % _REPORT_EVERY == 0 or step == self._recipe.steps:
            progress = self._progress(step)
            self._write(vars(progress))
            on_progress(progress)
            self._clear()

    def _progress(self, step: int) -> Progress:
        bins, ab = np.mean(self._costs, axis=0).tolist()
        rate = self._seen / (time.perf_counter() - self._since)
        epoch = step * self._recipe.batch / self._pictures
        return Progress(step, self._recipe.steps, epoch, bins, ab, rate)

    def _write(self, values: dict[str, Any]) -> None:
        rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounded) + "\n")
