"""The training loop: read a batch, step, log, validate, save.

A run is a folder: `checkpoint.pt` (the newest state), `best.pt` (the best by validation),
`log.jsonl` (one line of metrics every few steps), `events/` (the same for TensorBoard), curves and
contact sheets. Started again with the same recipe, it resumes where it was: the batches depend on
the seed and the step alone, so on a CPU it comes to the same numbers. (On CUDA sums are taken in no
fixed order, and the last digits can differ.)
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

import cv2
import torch
from torch.utils.data import DataLoader

from rechroma.datasets import (
    ColorizationDataset,
    FeatureDataset,
    FeatureStore,
    ReproducibleBatchSampler,
    Shards,
    feature_loader,
)
from rechroma.errors import DataError, MemoryExhaustedError, RecipeError
from rechroma.fs import lock_folder
from rechroma.training.checkpoint import save_checkpoint
from rechroma.training.distributed import distributed
from rechroma.training.logger import MetricLogger, NullLogger, Progress
from rechroma.training.state import TrainState
from rechroma.training.training_step import TrainingStep, check_weights
from rechroma.training.validation import Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rechroma.datasets import FeatureBatch, Sample
    from rechroma.training.distributed import DistContext
    from rechroma.training.recipe import Recipe


def train(
    recipe: Recipe,
    folder: Path,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_epoch: Callable[[TrainState], None] = lambda _: None,
    stop_after: int | None = None,
) -> TrainState:
    """Train by a recipe in a folder, or resume the run that the folder holds.

    Under `torchrun` all processes train together; only the first writes and reports.

    Args:
        recipe: What to do.
        folder: Where the checkpoint, the log and the sheets go.
        on_progress: Called every few steps.
        on_epoch: Called after each epoch (not more often than checkpoints are saved), and at the
            end.
        stop_after: End (with a checkpoint) after this step, before the recipe does.

    Raises:
        DataError: The shards or stored features cannot be used.
        CheckpointError: The folder holds a run of another recipe or other images.
        DivergedError: The loss is not finite any more.
        MemoryExhaustedError: The device has too little memory.
        RecipeError: The loss has no term from which the network could learn, or the batch is
            smaller than the number of processes.
        TargetError: The folder cannot be written to, or another run is using it.
    """
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    with distributed() as dist, ExitStack() as stack:
        stack.enter_context(lock_folder(folder) if dist.is_main else nullcontext())
        data = (
            FeatureStore(recipe.data.features)
            if recipe.data.features
            else Shards(recipe.data.train)
        )
        state = TrainState.open(recipe, folder / "checkpoint.pt", data, dist.device)
        training_step = TrainingStep(state, dist)
        log = MetricLogger(folder, state, len(data), on_progress) if dist.is_main else NullLogger()
        stack.callback(log.close)
        validation = None
        if isinstance(log, MetricLogger) and recipe.validation.interval:
            validation = Validation(state, training_step.evaluate, log, folder / "best.pt")
        checkpoints = _Checkpoints(state, folder / "checkpoint.pt", len(data), on_epoch)

        end = min(recipe.steps, stop_after or recipe.steps)
        stopping = dist.broadcast(validation is not None and validation.should_stop())
        for batch, count in () if stopping else _batches(state, data, end, dist):
            log.add(training_step(batch, count), count)
            if _is_due(recipe.validation.interval, state.step):
                if validation is not None:
                    with log.pause_timer():
                        validation.run()
                stopping = dist.broadcast(validation is not None and validation.should_stop())
            stopping |= state.step == end
            if dist.is_main:  # after what is logged, so that a killed run resumes from both
                with log.pause_timer():
                    checkpoints.update(last=stopping)
            if stopping:
                break
    return state


class _Checkpoints:
    """Saves the state when it is due, and announces the epochs."""

    def __init__(
        self, state: TrainState, path: Path, images: int, on_epoch: Callable[[TrainState], None]
    ) -> None:
        self._state, self._path, self._images, self._on_epoch = state, path, images, on_epoch
        self._epoch, self._announced = state.images_seen // images, state.step

    def update(self, *, last: bool) -> None:
        """Save and announce what is due after a step.

        Raises:
            DivergedError: The weights are not worth saving.
            TargetError: The checkpoint cannot be written.
        """
        state, interval = self._state, self._state.recipe.checkpoint_interval
        if last or _is_due(interval, state.step):
            check_weights(state)
            save_checkpoint(state.checkpoint(), self._path)
        epoch = state.images_seen // self._images
        # The epochs of a small set would have more to draw than to learn.
        if last or (epoch > self._epoch and state.step - self._announced >= interval):
            self._on_epoch(state)
            self._epoch, self._announced = epoch, state.step


def _is_due(interval: int, step: int) -> bool:
    return interval > 0 and step % interval == 0


def _batches(
    state: TrainState, data: Shards | FeatureStore, end: int, dist: DistContext
) -> Iterator[tuple[Sample | FeatureBatch, int]]:
    """Yield this process's share of each batch up to a step, and the size of the global batch."""
    recipe, crops = state.recipe, state.recipe.crops
    smallest = min(crops.in_batch(size, recipe.batch_size) for size in crops.sizes)
    if smallest < dist.world_size:
        raise RecipeError(
            f"batch_size: crops of {max(crops.sizes)} pixels come in batches of {smallest}, "
            f"too few for {dist.world_size} processes"
        )
    sampler = ReproducibleBatchSampler(
        len(data),
        crops,
        recipe.batch_size,
        recipe.seed,
        start=state.step,
        seen=state.images_seen,
        steps=end,
        share=(dist.rank, dist.world_size),
    )
    loader: DataLoader[Sample] | DataLoader[FeatureBatch]
    if isinstance(data, FeatureStore):
        loader = feature_loader(FeatureDataset(data), sampler, workers=recipe.workers)
    else:
        loader = DataLoader(
            ColorizationDataset(data, crops, state.network.scale, state.network.classes),
            batch_sampler=sampler,
            num_workers=recipe.workers,
            worker_init_fn=_limit_threads,
            # A forked worker would wait forever for OpenCV's threads, which stay in the parent.
            multiprocessing_context="spawn" if recipe.workers else None,
        )
    try:
        for batch in loader:
            size = recipe.batch_size
            if not isinstance(data, FeatureStore):
                size = crops.in_batch(batch.lightness.shape[-1], size)
            yield batch, size
    except DataError as error:
        known = _without_traceback(error)
        raise known from (error.__cause__ if known is error else error)
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise MemoryExhaustedError(
            f"a process that makes crops was killed after step {state.step}",
            hint="Often for lack of memory: lower workers or batch_size. The same command resumes.",
        ) from error


def _without_traceback(error: DataError) -> DataError:
    """Restore the message and the hint of an error that a worker sent as a whole traceback."""
    _, sent, report = error.message.rpartition("rechroma.errors.DataError: ")
    message, _, hint = report.strip().partition("\n")
    return DataError(message, hint=hint or None) if sent else error


def _limit_threads(_: int) -> None:
    # A worker that spreads over all cores takes them from the network.
    cv2.setNumThreads(1)
