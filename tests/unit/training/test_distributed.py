"""Two processes, started by torchrun, follow the curve of one with the whole batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rechroma.training import load_checkpoint
from tests.support.shards import write_shard

FROZEN_BATCHNORM = Path(__file__).parents[2] / "support/frozen_batchnorm.py"
RECIPE = """
steps = 6
batch_size = 8
threads = 1
workers = 0
checkpoint_interval = 2

[network]
name = "vgg-fcn"
options = {{width = 0.125}}

[data]
train = ["{train}"]
val = ["{val}"]

[crops]
sizes = [32, 64]
size_shares = [0.5, 0.5]

[loss]
bins = 0.0
ab = 1.0
colorfulness = 0.1

[optimizer]
lr = 2e-4  # in Adam's first steps rounding decides the sign of the least gradients
encoder_lr = 2e-4
freeze_encoder_fraction = 0.4
warmup = 1

[validation]
interval = 3
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    train, dev = (write_shard(tmp_path / f"{name}.tar", 6) for name in ("train", "val"))
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(train=train, val=dev))
    return path


def run(
    program: tuple[object, ...], processes: int, *words: object
) -> subprocess.CompletedProcess[str]:
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    start = [sys.executable, *(torchrun if processes > 1 else [])]
    return subprocess.run(
        [*start, *map(str, (*program, *words))],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_train_command_runs_under_torchrun(recipe: Path, tmp_path: Path) -> None:
    done = run(("-m", "rechroma"), 2, "train", recipe, "-o", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("steps done") == 1
    assert load_checkpoint(tmp_path / "run/checkpoint.pt").step == 6


def figures(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "images_per_second"} for line in lines]


@pytest.mark.parametrize(
    "settings", [(), ("adversary.weight=0.1", "adversary.critic_only_fraction=0.5")]
)
def test_two_processes_follow_the_curve_of_one(
    recipe: Path, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    changes = [word for setting in settings for word in ("--set", setting)]
    for name, processes in (("one", 1), ("two", 2)):
        done = run((FROZEN_BATCHNORM,), processes, "train", recipe, "-o", tmp_path / name, *changes)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("steps done") == 1
    one, two = (figures(tmp_path / name) for name in ("one", "two"))
    assert len(one) == len(two) == 3  # two measurements and the end
    for alone, together in zip(one, two, strict=True):
        assert alone == pytest.approx(together, abs=1e-3)
    alone_ema, together_ema = (
        load_checkpoint(tmp_path / name / "checkpoint.pt").ema for name in ("one", "two")
    )
    apart = torch.cat(
        [(weights - together_ema[name]).abs().ravel() for name, weights in alone_ema.items()]
    )
    # Adam makes much of the sign of a gradient that is nothing but rounding: not of all weights.
    assert (apart > 2e-4).float().mean() < 0.001


def test_batch_smaller_than_the_number_of_processes_is_rejected(
    recipe: Path, tmp_path: Path
) -> None:
    done = run(("-m", "rechroma"), 2, "train", recipe, "-o", tmp_path, "--set", "batch_size=4")
    assert done.returncode != 0
    assert "crops of 64 pixels come in batches of 1, too few for 2 processes" in done.stderr
    assert not (tmp_path / "checkpoint.pt").exists()
