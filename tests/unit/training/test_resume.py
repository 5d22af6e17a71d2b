"""A run that is killed at any moment resumes to the same result."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rechroma.training import load_checkpoint
from rechroma.training.logger import read_log
from tests.support.shards import write_shard

RECIPE = """
steps = 60
batch_size = 4
threads = 1
checkpoint_interval = 1

[network]
options = {{widths = [16, 8, 8, 8]}}

[data]
train = ["{train}"]
val = ["{val}"]

[crops]
sizes = [32]

[validation]
interval = 20
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """The training command in `tmp_path`, without the folder's name."""
    train, dev = (write_shard(tmp_path / f"{name}.tar", 6) for name in ("train", "val"))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.format(train=train, val=dev))
    return [sys.executable, "-m", "rechroma", "train", str(recipe), "-o"]


def kill_after(checkpoints: int, words: list[str], folder: Path) -> None:
    """Start a run and kill it (SIGKILL) after a number of logged steps."""

    def done() -> int:
        path = folder / "checkpoint.pt"
        return load_checkpoint(path).step if path.exists() else 0

    before = done()
    # A group of its own: the workers die with it, as when a machine goes down.
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as run:
        try:
            while run.poll() is None and done() < before + checkpoints:
                time.sleep(0.01)
        finally:
            if run.poll() is None:
                os.killpg(run.pid, 9)
    assert run.returncode == -9


def losses(folder: Path) -> list[dict[str, float]]:
    lines = read_log(folder / "log.jsonl")
    return [{k: v for k, v in line.items() if k != "images_per_second"} for line in lines]


def test_run_killed_three_times_reaches_the_same_numbers(
    command: list[str], tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for steps in (1, 13, 9):
        kill_after(steps, [*command, str(parts)], parts)
    for folder in (whole, parts):
        subprocess.run([*command, str(folder)], check=True, timeout=200, stdout=subprocess.DEVNULL)
    alone, again = (load_checkpoint(folder / "checkpoint.pt") for folder in (whole, parts))
    assert alone.step == again.step == 60
    assert all(again.ema[name].equal(weights) for name, weights in alone.ema.items())
    killed = {line["step"]: line for line in losses(parts)}
    whole_run = {line["step"]: line for line in losses(whole)}
    assert list(killed) == list(whole_run) == [20, 40, 60]
    assert killed[60] == whole_run[60]
