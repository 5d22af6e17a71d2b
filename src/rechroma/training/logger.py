"""Metrics of a run: `log.jsonl`, events for TensorBoard, curves, and the cost of training.

Metrics are averaged over a few steps. A run that was killed and resumes first drops the lines after
its last checkpoint, for they will be written again.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from rechroma.errors import TargetError
from rechroma.fs import write_atomically
from rechroma.training.checkpoint import load_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from rechroma.training.state import TrainState

LOG_INTERVAL = 20  # steps
_NOT_CURVES = {"step", "steps", "epoch"}


@dataclass(frozen=True)
class Progress:
    """Metrics of the last few steps."""

    step: int
    steps: int
    epoch: float
    losses: dict[str, float]
    images_per_second: float


class NullLogger:
    """The logger of all processes but the first: it does nothing."""

    def add(self, losses: Mapping[str, Tensor], images: int) -> None:
        """Ignore the losses of a step."""

    @contextmanager
    def pause_timer(self) -> Iterator[None]:
        """Do nothing; there is no timer."""
        yield

    def close(self) -> None:
        """Do nothing; there are no files."""


class MetricLogger(NullLogger):
    """Averages the losses of a run, writes them and passes them on.

    Args:
        folder: The run's.
        state: Of the run.
        images: Size of the training set.
        on_progress: Called with the metrics of every few steps.
    """

    def __init__(
        self,
        folder: Path,
        state: TrainState,
        images: int,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._path, self._state, self._images = folder / "log.jsonl", state, images
        self._on_progress = on_progress
        self._lines = [line for line in read_log(self._path) if line["step"] <= state.step]
        text = "".join(json.dumps(line) + "\n" for line in self._lines)
        write_atomically(self._path, text.encode(), overwrite=True)
        events = folder / "events"
        try:
            self._events = SummaryWriter(str(events), purge_step=state.step + 1)
        except OSError as error:
            raise TargetError(f"{events}: cannot be written to: {error.strerror}") from error
        self._losses: list[dict[str, float]] = []
        self._shown, self._since = 0, 0.0

    def add(self, losses: Mapping[str, Tensor], images: int) -> None:
        """Record the losses of one step and the size of its batch."""
        state = self._state
        self._losses.append({name: loss.item() for name, loss in losses.items()})
        if self._since:
            self._shown += images
        else:  # the first step waits for the workers to start
            self._since = time.perf_counter()
        if state.step % LOG_INTERVAL and state.step != state.recipe.steps:
            return
        progress = Progress(
            state.step,
            state.recipe.steps,
            state.images_seen / self._images,
            weighted_mean(self._losses),
            self._shown / (time.perf_counter() - self._since),
        )
        metrics = {name: value for name, value in vars(progress).items() if name != "losses"}
        self.write(metrics | progress.losses)
        self._on_progress(progress)
        self._losses = []
        self._shown, self._since = 0, time.perf_counter()

    def write(self, metrics: Mapping[str, float]) -> None:
        """Write metrics of the current step."""
        step = self._state.step
        line = {"step": step, **{name: round(value, 4) for name, value in metrics.items()}}
        self._lines.append(line)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise TargetError(f"{self._path}: cannot be written: {error.strerror}") from error
        for name in line.keys() - _NOT_CURVES:
            self._events.add_scalar(name, line[name], step)

    def curve(self, name: str) -> list[float]:
        """Return all values of a metric so far."""
        return [line[name] for line in self._lines if name in line]

    def close(self) -> None:
        """Close the files."""
        self._events.close()

    @contextmanager
    def pause_timer(self) -> Iterator[None]:
        """Keep the time of what is not training out of the images per second."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._since += time.perf_counter() - began


def weighted_mean(
    metrics: Sequence[Mapping[str, float]], weights: Sequence[float] | None = None
) -> dict[str, float]:
    """Average metrics by name, each over the mappings that have it."""
    values: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for some, weight in zip(metrics, weights or [1.0] * len(metrics), strict=True):
        for name, value in some.items():
            values[name].append((value, weight))
    return {
        name: sum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs)
        for name, pairs in values.items()
    }


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a `log.jsonl`, but for those cut off or damaged; none without a file."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text("utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "step" in line:
            lines.append(line)
    return lines


def draw_curves(log: Path, target: Path) -> None:
    """Draw the metrics of a log over the steps, each in a plot of its own, as a PNG."""
    from matplotlib.figure import Figure

    curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for line in read_log(log):
        for name in line.keys() - _NOT_CURVES:
            curves[name].append((line["step"], line[name]))
    figure = Figure(figsize=(7, 1 + 1.6 * len(curves)), layout="constrained")
    plots = np.atleast_1d(figure.subplots(max(1, len(curves)), 1, sharex=True))
    for plot, (name, points) in zip(plots, sorted(curves.items()), strict=False):
        plot.plot(*zip(*points, strict=True), linewidth=1.2)
        plot.set_title(name.replace("_", " "), fontsize=9, loc="left")
        plot.grid(visible=True, alpha=0.3)
    plots[-1].set_xlabel("step")
    figure.savefig(target, dpi=100)


@dataclass(frozen=True)
class TrainingCost:
    """The cost of training a network.

    Attributes:
        images: Crops shown.
        minutes: Spent in the steps, validation and saving not included.
        accuracy: Per cent of the validation labels found at the end, where that was measured.
    """

    images: int
    minutes: float
    accuracy: float | None = None


def training_cost(folder: Path) -> TrainingCost:
    """Measure the cost of the run in a folder.

    Raises:
        SourceError: There is no checkpoint in it.
        CheckpointError: The checkpoint is damaged.
    """
    checkpoint = load_checkpoint(folder / "checkpoint.pt")
    lines = read_log(folder / "log.jsonl")
    rates = [(0, 1.0)] + [
        (line["step"], line["images_per_second"]) for line in lines if line.get("images_per_second")
    ]
    per_step = checkpoint.images_seen / max(1, checkpoint.step)
    seconds = sum((step - last) * per_step / rate for (last, _), (step, rate) in pairwise(rates))
    accuracies = [line["val_accuracy"] for line in lines if "val_accuracy" in line]
    return TrainingCost(
        checkpoint.images_seen, seconds / 60, accuracies[-1] if accuracies else None
    )
