"""Validation: metrics are logged, the best state is kept, a run without improvement stops."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from rechroma.datasets import CropConfig
from rechroma.errors import CheckpointError, RecipeError
from rechroma.training import Recipe, load_checkpoint, train, trained_network
from rechroma.training.logger import read_log
from rechroma.training.recipe import (
    Data,
    Loss,
    Network,
    Optimizer,
    ValidationConfig,
    recipe_from,
    recipe_values,
)
from tests.support.shards import write_shard


@pytest.fixture
def plan(recipe: Recipe, tmp_path: Path) -> Recipe:
    dev = write_shard(tmp_path / "val.tar", 5)
    data = replace(recipe.data, val=(str(dev),))
    return replace(recipe, data=data, steps=12, validation=ValidationConfig(interval=2, images=4))


@pytest.fixture
def diverging(plan: Recipe) -> Recipe:
    """A recipe whose learning rate is too high to improve."""
    wild = Optimizer(lr=0.5, warmup=1, freeze_encoder_fraction=0.99, ema=0.0)
    once = ValidationConfig(interval=2, patience=1)
    return replace(plan, optimizer=wild, steps=60, validation=once)


def totals(folder: Path) -> dict[int, float]:
    lines = read_log(folder / "log.jsonl")
    return {line["step"]: line["val_total"] for line in lines if "val_total" in line}


def test_validation_logs_and_keeps_the_best_state(plan: Recipe, tmp_path: Path) -> None:
    run = train(plan, tmp_path / "run")
    measured = totals(tmp_path / "run")
    assert list(measured) == [2, 4, 6, 8, 10, 12]
    best = load_checkpoint(tmp_path / "run/best.pt")
    assert measured[best.step] == min(measured.values())
    assert trained_network(tmp_path / "run/best.pt").scale == run.network.scale


def test_val_total_is_the_weighted_sum_of_the_loss_terms(plan: Recipe, tmp_path: Path) -> None:
    train(plan, tmp_path / "run", stop_after=2)
    (line,) = read_log(tmp_path / "run/log.jsonl")
    parts = plan.loss.bins * line["val_bins"] + plan.loss.ab * line["val_ab"]
    assert line["val_total"] == pytest.approx(parts, abs=1e-3)


def test_validation_does_not_change_the_run(plan: Recipe, tmp_path: Path) -> None:
    measured = train(plan, tmp_path / "measured").network.state_dict()
    plain = train(
        replace(plan, validation=ValidationConfig()), tmp_path / "plain"
    ).network.state_dict()
    assert all(measured[name].equal(plain[name]) for name in plain)


def test_run_without_improvement_stops_early(diverging: Recipe, tmp_path: Path) -> None:
    ended: list[int] = []
    run = train(diverging, tmp_path / "run", on_epoch=lambda run: ended.append(run.step))
    measured = totals(tmp_path / "run")
    best = min(measured, key=lambda step: measured[step])
    assert run.step == best + 2 < diverging.steps
    assert ended[-1] == run.step
    assert load_checkpoint(tmp_path / "run/checkpoint.pt").step == run.step
    assert load_checkpoint(tmp_path / "run/best.pt").step == best


def test_run_that_stopped_early_stays_stopped(diverging: Recipe, tmp_path: Path) -> None:
    first = train(diverging, tmp_path / "run")
    assert train(diverging, tmp_path / "run").step == first.step


def test_resumed_run_stops_early_at_the_same_step(diverging: Recipe, tmp_path: Path) -> None:
    whole = train(diverging, tmp_path / "whole")
    train(diverging, tmp_path / "parts", stop_after=1)
    assert train(diverging, tmp_path / "parts").step == whole.step
    assert totals(tmp_path / "parts") == totals(tmp_path / "whole")


def test_run_resumes_with_its_own_validation_images_only(plan: Recipe, tmp_path: Path) -> None:
    train(plan, tmp_path / "run", stop_after=2)
    other = write_shard(tmp_path / "other.tar", 3)
    elsewhere = replace(plan, data=replace(plan.data, val=(str(other),)))
    with pytest.raises(CheckpointError, match="was validated on other images"):
        train(elsewhere, tmp_path / "run")
    patient = replace(plan, validation=replace(plan.validation, patience=50))
    assert train(patient, tmp_path / "run").step == 12


def test_validation_measures_the_accuracy_of_the_classifier(plan: Recipe, tmp_path: Path) -> None:
    train_shard, dev = (write_shard(tmp_path / f"{name}.tar", 6, classes=2) for name in ("t", "d"))
    labeled = replace(
        plan,
        network=Network("inception-unet", {"widths": [16, 16, 16, 16], "classes": 2}),
        data=Data((str(train_shard),), (str(dev),)),
        crops=CropConfig((32,), (1.0,)),
        loss=Loss(bins=0.0, ab=1.0, classes=1.0),
    )
    train(labeled, tmp_path / "run", stop_after=2)
    (line,) = read_log(tmp_path / "run/log.jsonl")
    assert line["val_accuracy"] in {0, 25, 50, 75, 100}
    assert line["val_classes"] > 0


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("validation.interval: expected int >= 0", {"interval": -1}),
        ("validation.images: expected int >= 1", {"images": 0}),
        ("validation.patience: has no effect", {"interval": 0, "patience": 2}),
        ("validation.patience: expected int >= 0", {"patience": -1}),
    ],
)
def test_validation_keys_outside_their_range_are_named(
    plan: Recipe, key: str, values: dict[str, int]
) -> None:
    wrong = recipe_values(plan)
    wrong["validation"] |= values
    with pytest.raises(RecipeError, match=key):
        recipe_from(wrong)


def test_validation_needs_data_val(plan: Recipe) -> None:
    values = recipe_values(replace(plan, data=replace(plan.data, val=())))
    with pytest.raises(RecipeError, match=r"validation\.interval"):
        recipe_from(values)
