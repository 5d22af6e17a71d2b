"""What a run writes down of itself: `log.jsonl`, and events for TensorBoard.

Figures are averaged over a few steps. A run that was killed and goes on first drops what it wrote
after its last checkpoint, for it will be written again.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from rechroma.errors import TargetError
from rechroma.fs import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from rechroma.training.state import Run

REPORT_EVERY = 20  # steps
_FACTS = {"step", "steps", "epoch"}  # of a line of the log that are no curves


@dataclass(frozen=True)
class Progress:
    """Figures of the last few steps."""

    step: int
    steps: int
    epoch: float
    costs: dict[str, float]
    pictures_per_second: float


class MetricLogger:
    """Averages the figures of a run, writes them down and passes them on.

    Args:
        folder: The run's.
        run: The run.
        pictures: How many there are to learn from.
        on_progress: Called with the figures of every few steps.
    """

    def __init__(
        self, folder: Path, run: Run, pictures: int, on_progress: Callable[[Progress], None]
    ) -> None:
        self._log, self._run, self._pictures = folder / "log.jsonl", run, pictures
        self._on_progress = on_progress
        self._lines = [line for line in read_log(self._log) if line["step"] <= run.step]
        _write(self._log, self._lines)
        self._events = _writer(folder / "events", run.step + 1)
        self._costs: list[dict[str, float]] = []
        self._shown, self._since = 0, 0.0

    def add(self, parts: Mapping[str, Tensor], pictures: int) -> None:
        """Take in the costs of one step and how many pictures it has shown."""
        self._costs.append({name: part.item() for name, part in parts.items()})
        if self._since:
            self._shown += pictures
        else:  # the first step waits for the workers to start
            self._since = time.perf_counter()
        if self._run.step % REPORT_EVERY == 0 or self._run.step == self._run.recipe.steps:
            progress = self._progress()
            facts = {name: value for name, value in vars(progress).items() if name != "costs"}
            self.note(facts | progress.costs)
            self._on_progress(progress)
            self._clear()

    def note(self, figures: Mapping[str, float]) -> None:
        """Write down figures of the step that is just done."""
        line = {"step": self._run.step, **{name: round(v, 4) for name, v in figures.items()}}
        self._lines.append(line)
        try:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(_worded(line))
        except OSError as error:
            raise TargetError(f"{self._log}: cannot be written: {error.strerror}") from error
        for name in line.keys() - _FACTS:
            self._events.add_scalar(name, line[name], self._run.step)

    def curve(self, name: str) -> list[float]:
        """All values so far of a figure."""
        return [line[name] for line in self._lines if name in line]

    def close(self) -> None:
        """Let go of the files."""
        self._events.close()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is done meanwhile is no training, and does not count in the pictures per second."""
        began = time.perf_counter()
        yield
        self._since += time.perf_counter() - began

    def _clear(self) -> None:
        self._costs = []
        self._shown, self._since = 0, time.perf_counter()

    def _progress(self) -> Progress:
        run = self._run
        costs = mean_of(self._costs)
        rate = self._shown / (time.perf_counter() - self._since)
        return Progress(run.step, run.recipe.steps, run.seen / self._pictures, costs, rate)


def mean_of(
    figures: Sequence[Mapping[str, float]], weights: Sequence[float] | None = None
) -> dict[str, float]:
    """The mean of figures by name, each over those that have it."""
    values: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for some, weight in zip(figures, weights or [1.0] * len(figures), strict=True):
        for name, value in some.items():
            values[name].append((value, weight))
    return {
        name: sum(value * weight for value, weight in seen) / sum(weight for _, weight in seen)
        for name, seen in values.items()
    }


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a run's `log.jsonl`; none where there is no such file."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8", errors="replace").splitlines()
    return [line for line in map(_read, lines) if line]


def draw_curves(log: Path, target: Path) -> None:
    """Draw the figures of a log over the steps, each in a plot of its own, as a PNG."""
    from matplotlib.figure import Figure

    curves = _curves(log)
    figure = Figure(figsize=(7, 1 + 1.6 * len(curves)), layout="constrained")
    plots = np.atleast_1d(figure.subplots(max(1, len(curves)), 1, sharex=True))
    for plot, (name, points) in zip(plots, sorted(curves.items()), strict=False):
        plot.plot(*zip(*points, strict=True), linewidth=1.2)
        plot.set_title(name.replace("_", " "), fontsize=9, loc="left")
        plot.grid(visible=True, alpha=0.3)
    plots[-1].set_xlabel("step")
    figure.savefig(target, dpi=100)


def _curves(log: Path) -> dict[str, list[tuple[int, float]]]:
    curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for line in read_log(log):
        for name in line.keys() - _FACTS:
            curves[name].append((line["step"], line[name]))
    return curves


def _read(text: str) -> dict[str, Any]:
    """A line of the log; nothing if it was cut off or is otherwise damaged."""
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) and "step" in line else {}


def _writer(folder: Path, step: int) -> SummaryWriter:
    try:
        return SummaryWriter(str(folder), purge_step=step)
    except OSError as error:
        raise TargetError(f"{folder}: cannot be written to: {error.strerror}") from error


def _write(log: Path, lines: list[dict[str, Any]]) -> None:
    write_atomically(log, "".join(map(_worded, lines)).encode(), overwrite=True)


def _worded(line: Mapping[str, Any]) -> str:
    return json.dumps(line) + "\n"
