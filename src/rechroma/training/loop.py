"""The training loop, for every network: read a batch, step, average, report, save.

A run is a folder: `checkpoint.pt` (the newest state), `log.jsonl` (one line of figures every few
steps) and the contact sheets. Started again with the same recipe, it goes on where it was: what is
shown depends on the seed and the step alone, so on a CPU it comes to the same numbers. (On CUDA
sums are taken in no fixed order, and the last digits may differ.)
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from rechroma.datasets import Example, Examples, Shards, Tickets
from rechroma.errors import DataError, DivergedError, RecipeError, TargetError
from rechroma.training.checkpoint import save_checkpoint
from rechroma.training.losses import ColourLoss, Cost
from rechroma.training.picture import painted
from rechroma.training.run import Run, array_of, open_run, teacher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rechroma.training.recipe import Recipe

_REPORT_EVERY = 20


@dataclass(frozen=True)
class Progress:
    """Figures of the last few steps."""

    step: int
    steps: int
    epoch: float
    costs: dict[str, float]
    pictures_per_second: float


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
        CheckpointError: The folder holds a run of another recipe or other pictures.
        DivergedError: The loss is not finite any more.
        RecipeError: The loss has no part from which the network could learn.
        TargetError: The folder cannot be written to.
    """
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    _make(folder)
    pictures = Shards(recipe.data.train)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run = open_run(recipe, folder / "checkpoint.pt", pictures, device)
    loss = ColourLoss(
        array_of(run.network.centres), run.prior, recipe.loss, run.network.chroma, teacher(recipe)
    ).to(device)
    end = min(recipe.steps, stop_after or recipe.steps)
    meter = _Meter(folder / "log.jsonl", len(pictures), run)
    for example in _batches(run, pictures, end):
        cost = _step(run, example, loss, device)
        before, run.seen, run.step = run.seen, run.seen + len(example.lightness), run.step + 1
        meter.add(cost, len(example.lightness), on_progress)
        if run.step == end or run.step % recipe.checkpoint_every == 0:
            save_checkpoint(run.checkpoint(), folder / "checkpoint.pt")
        if run.step == end or run.seen // len(pictures) > before // len(pictures):
            on_epoch(run)
    return run


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"{folder}: cannot be a run's folder: {error.strerror}") from error


def _batches(run: Run, pictures: Shards, end: int) -> Iterator[Example]:
    recipe = run.recipe
    tickets = Tickets(
        len(pictures),
        recipe.crops,
        recipe.batch,
        recipe.seed,
        start=run.step,
        seen=run.seen,
        steps=end,
    )
    loader = DataLoader(
        Examples(pictures, recipe.crops, run.network.scale, _classes(run)),
        batch_sampler=tickets,
        num_workers=recipe.workers,
        worker_init_fn=_quiet_worker,
        # A forked worker would wait for ever for OpenCV's threads, which stay in the parent.
        multiprocessing_context="spawn" if recipe.workers else None,
    )
    try:
        yield from loader
    except DataError as error:  # from a worker, its message is a whole traceback
        *_, last = error.message.strip().splitlines()
        raise DataError(last.removeprefix("rechroma.errors.DataError: ")) from error


def _classes(run: Run) -> int:
    return getattr(run.network.config, "classes", 0)


def _quiet_worker(_: int) -> None:
    # A worker that spreads over all cores takes them from the network.
    cv2.setNumThreads(1)


def _step(run: Run, example: Example, loss: ColourLoss, device: torch.device) -> Cost:
    _set_rates(run)
    run.network.train()
    _throw_dice(run)
    example = Example(*(part.to(device) for part in example))
    with torch.autocast(device.type, torch.bfloat16, enabled=run.recipe.precision == "bfloat16"):
        cost = _cost(run, example, loss)
    if not torch.isfinite(cost.total):
        raise DivergedError(
            f"the loss is not finite at step {run.step}", hint="Lower the recipe's rates."
        )
    if not _critic_alone(run.recipe, run.step):
        _descend(run, cost)
    return cost


def _throw_dice(run: Run) -> None:
    """What is left to chance in the network, such as dropout, follows from the step alone, too."""
    torch.manual_seed(int(np.random.SeedSequence((run.recipe.seed, run.step)).generate_state(1)[0]))


def _cost(run: Run, example: Example, loss: ColourLoss) -> Cost:
    prediction = run.network(example.lightness, example.hints)
    cost: Cost = loss(prediction, example)
    recipe = run.recipe
    if run.adversary is None or run.step < recipe.adversary.after * recipe.steps:
        return cost
    true = example.rgb.float() / 255
    return run.adversary.judge(cost, painted(loss.chroma(prediction), true), true)


def _critic_alone(recipe: Recipe, step: int) -> bool:
    """Whether at this step the critic learns and the network does not."""
    settings = recipe.adversary
    first, end = settings.after * recipe.steps, (settings.after + settings.alone) * recipe.steps
    return settings.weight > 0 and first <= step < end


def _descend(run: Run, cost: Cost) -> None:
    if not cost.total.requires_grad:
        raise RecipeError(
            "the loss has no part from which the network could learn",
            hint="Parts that look at the encoder alone teach nothing while it is frozen.",
        )
    run.optimiser.zero_grad(set_to_none=True)
    cost.total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), run.recipe.optimiser.clip)
    run.optimiser.step()
    _average(run)


def _set_rates(run: Run) -> None:
    settings, steps = run.recipe.optimiser, run.recipe.steps
    frozen = run.step < settings.frozen * steps
    if run.network.encoder is not None:
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
    # The normalisation's statistics too: those of other weights would spoil the averaged ones.
    for kept, newest in zip(run.ema.buffers(), run.network.buffers(), strict=True):
        kept.lerp_(newest, 1 - decay) if kept.is_floating_point() else kept.copy_(newest)


class _Meter:
    """Averages figures over a few steps, writes them down and passes them on."""

    def __init__(self, log: Path, pictures: int, run: Run) -> None:
        self._log, self._pictures, self._run = log, pictures, run
        self._forget_after(run.step)
        self._clear()

    def _forget_after(self, step: int) -> None:
        """Drop what a killed run wrote after its last checkpoint: it will be written again."""
        if self._log.exists():
            lines = self._log.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if json.loads(line)["step"] <= step]
            self._log.write_text("".join(kept), "utf-8")

    def _clear(self) -> None:
        self._costs: list[dict[str, float]] = []
        self._shown, self._since = 0, time.perf_counter()

    def add(self, cost: Cost, pictures: int, on_progress: Callable[[Progress], None]) -> None:
        self._costs.append({name: part.item() for name, part in cost.parts.items()})
        self._shown += pictures
        if self._run.step % _REPORT_EVERY == 0 or self._run.step == self._run.recipe.steps:
            progress = self._progress()
            self._write(vars(progress))
            on_progress(progress)
            self._clear()

    def _progress(self) -> Progress:
        run = self._run
        costs = {name: float(np.mean([c[name] for c in self._costs])) for name in self._costs[0]}
        rate = self._shown / (time.perf_counter() - self._since)
        return Progress(run.step, run.recipe.steps, run.seen / self._pictures, costs, rate)

    def _write(self, values: dict[str, Any]) -> None:
        flat = {**values, **values["costs"]}
        del flat["costs"]
        rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in flat.items()}
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounded) + "\n")
