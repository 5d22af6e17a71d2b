"""The training loop, for every network: read a batch, step, report, measure, save.

A run is a folder: `checkpoint.pt` (the newest state), `best.pt` (the best, where that is measured),
`log.jsonl` (one line of figures every few steps), `events/` (the same for TensorBoard), curves and
contact sheets. Started again with the same recipe, it goes on where it was: what is
shown depends on the seed and the step alone, so on a CPU it comes to the same numbers. (On CUDA
sums are taken in no fixed order, and the last digits may differ.)
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import cv2
import torch
from filelock import FileLock, Timeout
from torch.utils.data import DataLoader

from rechroma.datasets import ColorizationDataset, ReproducibleBatchSampler, Sample, Shards
from rechroma.errors import DataError, MemoryExhaustedError, RecipeError, TargetError
from rechroma.training.checkpoint import save_checkpoint
from rechroma.training.distributed import Team, team
from rechroma.training.logger import MetricLogger, Progress
from rechroma.training.state import Run, open_run
from rechroma.training.trainer import Trainer, check_sound
from rechroma.training.validation import Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

    from rechroma.training.recipe import Recipe


def train(
    recipe: Recipe,
    folder: Path,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_epoch: Callable[[Run], None] = lambda _: None,
    stop_after: int | None = None,
) -> Run:
    """Train by a recipe in a folder, or go on with what the folder holds.

    Under `torchrun` all processes train together; the first alone writes and reports.

    Args:
        recipe: What to do.
        folder: Where the checkpoint, the log and the sheets go.
        on_progress: Called every few steps.
        on_epoch: Called after each time through the pictures (not more often than checkpoints are
            saved), and at the end.
        stop_after: End (with a checkpoint) after this step, before the recipe does.

    Raises:
        DataError: The shards cannot be used.
        CheckpointError: The folder holds a run of another recipe or other pictures.
        DivergedError: The loss is not finite any more.
        MemoryExhaustedError: The device has too little memory.
        RecipeError: The loss has no part from which the network could learn, or the batch is
            smaller than the number of processes.
        TargetError: The folder cannot be written to.
    """
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    _make(folder)
    with team() as members, _alone(folder, members):
        _check_shares(recipe, members)
        pictures = Shards(recipe.data.train)
        run = open_run(recipe, folder / "checkpoint.pt", pictures, members.device)
        trainer = Trainer(run, members)
        leader = None
        if members.leads:
            leader = _Leader(trainer, folder, len(pictures), on_progress, on_epoch)
        _go_on(trainer, members, pictures, leader, min(recipe.steps, stop_after or recipe.steps))
    return run


def _go_on(
    trainer: Trainer, members: Team, pictures: Shards, leader: _Leader | None, end: int
) -> None:
    run = trainer.run
    over = members.agreed(leader is not None and leader.hopeless())
    for example in () if over else _batches(run, pictures, end, members):
        shown = run.recipe.crops.in_batch(example.lightness.shape[-1], run.recipe.batch_size)
        parts = trainer.step(example, shown)
        if leader:
            leader.write_down(parts, shown)
        over = run.step == end
        if _due(run):
            over |= members.agreed(leader is not None and leader.hopeless())
        if leader:
            leader.keep(over=over)
        if over:
            break
    if leader:
        leader.close()


class _Leader:
    """What only one process of a team does: write down, measure, save, report."""

    def __init__(
        self,
        trainer: Trainer,
        folder: Path,
        pictures: int,
        on_progress: Callable[[Progress], None],
        on_epoch: Callable[[Run], None],
    ) -> None:
        self._run, self._path, self._pictures = trainer.run, folder / "checkpoint.pt", pictures
        self._on_epoch = on_epoch
        self._epochs, self._told = self._run.seen // pictures, self._run.step
        self._journal = MetricLogger(folder, self._run, pictures, on_progress)
        measured = self._run.recipe.validation.interval > 0
        self._validation = Validation(trainer, self._journal, folder) if measured else None

    def write_down(self, parts: dict[str, Tensor], shown: int) -> None:
        self._journal.add(parts, shown)
        if self._validation and _due(self._run):
            with self._journal.aside():
                self._validation.measure()

    def hopeless(self) -> bool:
        return self._validation is not None and self._validation.hopeless()

    def keep(self, *, over: bool) -> None:
        """Save and report; after what is written down, so that a killed run goes on from both."""
        with self._journal.aside():
            run, every = self._run, self._run.recipe.checkpoint_interval
            if over or run.step % every == 0:
                check_sound(run)
                save_checkpoint(run.checkpoint(), self._path)
            epochs = run.seen // self._pictures
            # The epochs of a small set would have more to draw than to learn.
            if over or (epochs > self._epochs and run.step - self._told >= every):
                self._on_epoch(run)
                self._epochs, self._told = epochs, run.step

    def close(self) -> None:
        self._journal.close()


def _due(run: Run) -> bool:
    every = run.recipe.validation.interval
    return every > 0 and run.step % every == 0


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"{folder}: cannot be a run's folder: {error.strerror}") from error


@contextmanager
def _alone(folder: Path, members: Team) -> Iterator[None]:
    """Keep other runs out of the folder."""
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        with lock if members.leads else nullcontext():
            yield
    except Timeout as error:
        raise TargetError(
            f"{folder}: another run is at work in it", hint="Name another folder with -o."
        ) from error


def _check_shares(recipe: Recipe, members: Team) -> None:
    fewest = min(recipe.crops.in_batch(size, recipe.batch_size) for size in recipe.crops.sizes)
    if fewest < members.size:
        raise RecipeError(
            f"batch_size: crops of {max(recipe.crops.sizes)} pixels come in batches of {fewest}, "
            f"too few for {members.size} processes"
        )


def _batches(run: Run, pictures: Shards, end: int, members: Team) -> Iterator[Sample]:
    recipe = run.recipe
    tickets = ReproducibleBatchSampler(
        len(pictures),
        recipe.crops,
        recipe.batch_size,
        recipe.seed,
        start=run.step,
        seen=run.seen,
        steps=end,
        share=(members.rank, members.size),
    )
    loader = DataLoader(
        ColorizationDataset(pictures, recipe.crops, run.network.scale, run.network.classes),
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
        hint = "'rechroma data inspect' finds all that is damaged."
        raise DataError(last.removeprefix("rechroma.errors.DataError: "), hint=hint) from error
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise MemoryExhaustedError(
            f"a process that makes crops was killed after step {run.step}",
            hint="Often for want of memory: lower workers or batch_size. The same command goes on.",
        ) from error


def _quiet_worker(_: int) -> None:
    # A worker that spreads over all cores takes them from the network.
    cv2.setNumThreads(1)
