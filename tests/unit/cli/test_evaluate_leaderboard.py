"""`rechroma leaderboard`: several models in one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import Run
from tests.support.models import write_constant_model, write_model
from tests.support.shards import write_shard

RECIPE = """
steps = 2
batch_size = 2
workers = 0
threads = 1
crops.sizes = [32]
loss.bins = 0.0
loss.classes = 0.5
validation.interval = 2
network.name = "inception-unet"
network.options = {widths = [16, 16, 16, 16], classes = 2}
"""


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_shard(tmp_path / "val.tar", 4, classes=2)


@pytest.fixture
def vivid(tmp_path: Path) -> Path:
    return write_model(tmp_path / "vivid.onnx")


def table(text: str) -> list[dict[str, str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    header, _, *lines = rows
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_table_ranks_models_between_gray_and_truth(run: Run, shard: Path, vivid: Path) -> None:
    calm = write_constant_model(shard.parent / "calm.onnx", (0.0, 0.0))
    done = run("leaderboard", calm, vivid, "--data", shard)
    assert done.exit_code == 0, done.output
    gray, first, second, truth = table(done.output)
    assert (gray[""], truth[""]) == ("gray", "truth")
    assert {first[""], second[""]} == {"calm", "vivid"}
    assert float(first["balanced AuC"]) >= float(second["balanced AuC"])
    calmer = first if first[""] == "calm" else second
    assert calmer["CIEDE2000"] == pytest.approx(gray["CIEDE2000"])
    assert gray["MB"] == ""
    assert float(first["ms"]) >= 0
    assert "crops" not in first


def test_table_includes_the_cost_of_training(run: Run, shard: Path, vivid: Path) -> None:
    folder = shard.parent
    (folder / "recipe.toml").write_text(RECIPE)
    data = [f"--set=data.{name}={shard}" for name in ("train", "val")]
    assert run("train", "recipe.toml", "-o", "runs/mine", *data).exit_code == 0
    early = run("leaderboard", "runs/mine", "--data", shard)
    assert "checkpoint.pt is a checkpoint, not a color model: export it first" in early.output
    command = early.stderr.splitlines()[-1].removeprefix("hint: rechroma ")
    exported = run(*command.split())
    assert exported.exit_code == 0, exported.output
    done = run("leaderboard", vivid, "runs/mine", "--data", shard, "--limit", 2)
    assert done.exit_code == 0, done.output
    rows = {row[""]: row for row in table(done.output)}
    assert rows["mine"]["crops"] == "4"
    assert float(rows["mine"]["labels"]) in {0, 25, 50, 75, 100}
    assert rows["vivid"]["crops"] == ""
    answer = json.loads(run("leaderboard", "runs/mine", "--data", shard, "--json").output)
    assert answer["mine"]["training"]["images"] == 4
    assert answer["mine"]["weights"] > 10_000
    assert answer["truth"]["metrics"]["hue_hit"] == 100


def test_errors_end_in_one_line(run: Run, shard: Path, vivid: Path) -> None:
    twice = run("leaderboard", vivid, vivid, "--data", shard)
    assert twice.exit_code == 2
    assert "two rows of the table would have the same name" in twice.output
    absent = run("leaderboard", "absent", "--data", shard)
    assert "there is no model 'absent'" in absent.output
    (shard.parent / "gray").mkdir()
    write_model(shard.parent / "gray/model.onnx")
    assert run("leaderboard", "gray", "--data", shard).exit_code == 2
