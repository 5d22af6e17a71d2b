"""The metric logger: log file, TensorBoard events and curves."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rechroma.training import Recipe, draw_curves, train
from rechroma.training.logger import TrainingCost, read_log, training_cost, weighted_mean


def scalars(folder: Path) -> dict[int, float]:
    """Read the `bins` loss by step from the TensorBoard events."""
    events = EventAccumulator(str(folder / "events"))
    events.Reload()
    return {event.step: event.value for event in events.Scalars("bins")}


def add(log: Path, text: str) -> None:
    log.write_text(log.read_text() + text)


@pytest.fixture
def plan(recipe: Recipe) -> Recipe:
    return replace(recipe, steps=45, checkpoint_interval=15)


def test_tensorboard_shows_the_values_of_the_log(plan: Recipe, tmp_path: Path) -> None:
    train(plan, tmp_path)
    logged = {line["step"]: line["bins"] for line in read_log(tmp_path / "log.jsonl")}
    assert list(logged) == [20, 40, 45]
    assert scalars(tmp_path) == pytest.approx(logged, abs=1e-5)


def test_resumed_run_logs_each_step_once(plan: Recipe, tmp_path: Path) -> None:
    train(plan, tmp_path, stop_after=30)
    add(tmp_path / "log.jsonl", 'dust\n{"step": 40, "bins": 9.0}\n{"step": 4')  # killed as it wrote
    train(plan, tmp_path)
    assert list(scalars(tmp_path)) == [20, 40, 45]
    assert [line["step"] for line in read_log(tmp_path / "log.jsonl")] == [20, 40, 45]


def test_draw_curves_has_a_plot_for_each_metric(plan: Recipe, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(plan, run)
    draw_curves(run / "log.jsonl", tmp_path / "few.png")
    add(run / "log.jsonl", '{"step": 45, "val_total": 1.0}\n')
    draw_curves(run / "log.jsonl", tmp_path / "more.png")
    with Image.open(tmp_path / "few.png") as few, Image.open(tmp_path / "more.png") as more:
        assert more.height > few.height
        assert len(more.convert("L").getcolors() or []) > 2


def test_training_cost_of_a_single_step_is_without_a_duration(plan: Recipe, tmp_path: Path) -> None:
    train(replace(plan, steps=1), tmp_path)
    assert training_cost(tmp_path) == TrainingCost(images=4, minutes=0)


def test_pause_timer_keeps_other_work_out_of_images_per_second(
    plan: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count()  # a second per reading
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    rates: list[float] = []

    def slow(_: object) -> None:
        for _ in range(1000):
            next(clock)

    train(
        replace(plan, steps=20, checkpoint_interval=5),
        tmp_path / "run",
        on_progress=lambda progress: rates.append(progress.images_per_second),
        on_epoch=slow,
    )
    assert rates[0] > 0.5


def test_weighted_mean_ignores_entries_without_the_metric() -> None:
    figures = [{"a": 1.0}, {"a": 3.0, "b": 5.0}]
    assert weighted_mean(figures) == {"a": 2.0, "b": 5.0}
    assert weighted_mean(figures, [3, 1]) == {"a": 1.5, "b": 5.0}
