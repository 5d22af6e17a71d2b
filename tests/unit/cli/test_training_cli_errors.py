"""What is wrong with a command of the workshop is said at once, in one line, with advice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from click.testing import Result
from safetensors.torch import save_file

from rechroma.networks import build
from rechroma.training import Checkpoint, Recipe, load_checkpoint, save_checkpoint
from rechroma.training.recipe import Network, recipe_values
from tests.support.command import Run
from tests.support.models import write_model
from tests.support.shards import write_shard

OPTIONS = {"widths": [16, 16, 16, 16]}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint as a run of one step leaves it."""
    recipe = Recipe(network=Network("inception-unet", OPTIONS))
    weights = build(recipe.network.name, OPTIONS).state_dict()
    state = Checkpoint(recipe_values(recipe), 1, weights, weights, {}, torch.zeros(0))
    save_checkpoint(state, tmp_path / "run.pt")
    return tmp_path / "run.pt"


def advice(result: Result, code: int, *words: str) -> str:
    """The hint of a failure of two lines, whose first has these words."""
    assert result.exit_code == code, result.output
    error, hint = result.stderr.splitlines()
    assert error.startswith("rechroma: error: ")
    for word in words:
        assert word in error
    assert hint.startswith("hint: ")
    return hint


def test_metrics_of_a_report_come_into_the_card(run: Run, checkpoint: Path) -> None:
    report = {"figures": {"all": {"gray": {}, "model": {"hue_hit": 43.07}}}}
    Path("report.json").write_text(json.dumps(report))
    made = run("export", checkpoint, "-o", "a.onnx", "--report", "report.json")
    assert made.exit_code == 0, made.output
    assert json.loads(run("models", "info", "a.onnx", "--json").output)["metrics"] == {
        "hue_hit": 43.07
    }


@pytest.mark.parametrize("text", ['{"foo": 1}', '{"figures": {"all": 3}}', '{"figures": []}'])
def test_a_report_of_something_else(run: Run, checkpoint: Path, text: str) -> None:
    Path("c.json").write_text(text)
    result = run("export", checkpoint, "-o", "a.onnx", "--report", "c.json")
    hint = advice(result, 78, "c.json: not a report of 'rechroma evaluate'")
    assert "--json > c.json" in hint
    assert not Path("a.onnx").exists()


def test_a_report_or_card_that_is_not_there(run: Run, checkpoint: Path) -> None:
    for option in ("--report", "--card"):
        result = run("export", checkpoint, "-o", "a.onnx", option, "none.json")
        assert "none.json: cannot be read: No such file or directory" in result.stderr
        Path("list.json").write_text('[["foo", 1]]')
        result = run("export", checkpoint, "-o", "a.onnx", option, "list.json")
        assert "list.json: not a JSON card or report" in result.stderr


@pytest.mark.parametrize(
    "command", [("export", "none.pt"), ("models", "import", "none.pth", "--as", "eccv16")]
)
def test_a_place_for_a_model_is_looked_at_first(run: Run, command: Sequence[str]) -> None:
    hint = advice(run(*command, "-o", "mine"), 2, "mine: the name of a color model must end with")
    assert "mine.onnx" in hint
    Path("letter").touch()
    advice(run(*command, "-o", "letter/a.onnx"), 73, "letter", "is no folder")
    Path("folder.onnx").mkdir()
    advice(run(*command, "-o", "folder.onnx"), 73, "folder.onnx is no file")


@pytest.mark.parametrize("option", ["--sheet", "--html"])
def test_a_place_for_pictures_is_looked_at_first(run: Run, option: str) -> None:
    Path("letter").touch()
    result = run("evaluate", "default", "none.tar", option, "letter/page")
    advice(result, 73, "letter", "is no folder")


def test_finetuning_looks_at_its_place_first(run: Run) -> None:
    Path("letter").touch()
    result = run("finetune", "default", "none.tar", "-o", "letter")
    advice(result, 73, "letter is no folder")


def test_inspecting_looks_at_its_place_first(run: Run, tmp_path: Path) -> None:
    write_shard(tmp_path / "train.tar", 2)
    Path("letter").touch()
    result = run("data", "inspect", "train.tar", "--sheet", "letter/s.jpg")
    assert not result.stdout
    advice(result, 73, "letter", "is no folder")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.pt", "none.pt: cannot be read"),
        ("folder", "folder: the folder contains no checkpoint.pt"),
    ],
)
def test_no_checkpoint(run: Run, name: str, words: str) -> None:
    Path("folder").mkdir()
    hint = advice(run("export", name, "-o", "a.onnx"), 65, words)
    assert "checkpoint.pt" in hint


def test_nothing_to_finetune(run: Run, tmp_path: Path) -> None:
    write_shard(tmp_path / "train.tar", 2)
    Path("folder").mkdir()
    result = run("finetune", "folder", "train.tar", "-o", "mine")
    advice(result, 78, "folder: the folder contains neither model.onnx nor checkpoint.pt")


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("value", [float("nan"), 1e30, 1e5])
def test_a_network_that_gives_no_colors(run: Run, checkpoint: Path, value: float) -> None:
    state = load_checkpoint(checkpoint)
    state.ema["ab.weight"].fill_(value)
    save_checkpoint(state, checkpoint)
    result = run("export", checkpoint, "-o", "a.onnx")
    hint = advice(result, 65, "run.pt: gives no colors: its weights are not finite or far too")
    assert "optimizer.lr" in hint
    assert not Path("a.onnx").exists()


def test_a_published_checkpoint_that_is_not_there(run: Run) -> None:
    for name in ("none.pth", "none.safetensors"):
        hint = advice(run("models", "import", name, "--as", "eccv16"), 65, f"{name}: cannot be")
        assert "the authors of eccv16" in hint


def test_encoder_weights_that_are_not_there(run: Run, tmp_path: Path) -> None:
    write_shard(tmp_path / "train.tar", 2)
    Path("r.toml").write_text("workers = 0\n[network.options]\nwidths = [16, 8, 8, 8]\n")
    keys = ("data.train=train.tar", "network.encoder_weights=none.safetensors")
    result = run("train", "r.toml", "-o", "run", *(f"--set={key}" for key in keys))
    hint = advice(result, 65, "none.safetensors: cannot be read: there is no such file")
    assert "from scratch" in hint


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("network.options.widths=abc", "expected array, got str"),
        ("network.options.widths=16", "expected array, got int"),
        ("network.options.widths=[16, 16, 16]", "expected array of length 4, got 3"),
        ("network.options.widths=[16, 8, 8, 0]", "must be above 0"),
        ("network.options.widths=[6, 8, 8, 8]", "must be begun by a multiple of 4"),
        ("network.options.classes=abc", "expected int, got str"),
        ("network.options.classes=true", "expected int, got bool"),
        ("network.options.classes=-3", "must be 0 or more"),
        ("network.options.film=1", "expected bool, got int"),
        ("network.options.encoder=3", "expected str, got int"),
        ("network.options.temperature=0.0", "must be above 0"),
        ("network.options.temperature=nan", "must be above 0"),
        ("seed=-1", "expected int >= 0"),
    ],
)
def test_a_value_that_does_not_fit(run: Run, tmp_path: Path, setting: str, words: str) -> None:
    write_shard(tmp_path / "train.tar", 2)
    Path("r.toml").write_text("workers = 0\n[network.options]\nwidths = [16, 8, 8, 8]\n")
    result = run("train", "r.toml", "-o", "run", "--set=data.train=train.tar", "--set", setting)
    key = setting.partition("=")[0]
    assert result.exit_code == 78, result.output
    assert result.stderr.startswith(f"rechroma: error: {key}: {words}")
    assert len(result.stderr.splitlines()) == 1


def test_measuring_says_what_it_lacks(run: Run) -> None:
    Path("r.toml").write_text("workers = 0\n[data]\ntrain = ['train.tar']\n")
    blind = run("train", "r.toml", "-o", "run", "--set=validation.interval=2")
    advice(blind, 78, "validation.interval: ", "data.val is missing")
    patient = run("train", "r.toml", "-o", "run", "--set=validation.patience=2")
    assert "It needs validation.interval" in advice(patient, 78, "validation.patience: ")


@pytest.mark.parametrize("made", [False, True])
def test_features_of_no_encoder(run: Run, tmp_path: Path, made: bool) -> None:
    write_shard(tmp_path / "val.tar", 2)
    model = write_model(tmp_path / "tiny.onnx")
    if made:
        save_file({"other": torch.zeros(1)}, "w.safetensors")
    result = run("evaluate", model, "val.tar", "--features", "w.safetensors")
    assert "mobilenet-v2" in advice(result, 65, "w.safetensors: ")


def test_a_table_that_is_no_table(run: Run) -> None:
    Path("p.csv").write_bytes(bytes(range(1, 256)) * 20)
    hint = advice(run("data", "fetch", "p.csv", "-o", "x"), 65, "p.csv: lacks the column 'url'")
    assert len(hint) < 1000


def test_what_is_no_shard_has_no_figures(run: Run) -> None:
    Path("p.jpg").write_bytes(b"no tar")
    result = run("data", "inspect", "p.jpg")
    assert result.exit_code == 65
    assert result.stdout == "0 pictures in 1 shards, 1 damaged\n"
    assert "p.jpg: not a readable tar file" in result.stderr
