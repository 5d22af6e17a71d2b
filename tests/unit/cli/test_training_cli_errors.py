"""Errors of the data and training commands are reported at once, in one line, with a hint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from click.testing import Result
from safetensors.torch import save_file

from rechroma.errors import RecipeError
from rechroma.networks import create_network
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
    weights = create_network(recipe.network.name, OPTIONS).state_dict()
    state = Checkpoint(recipe_values(recipe), 1, weights, weights, {}, torch.zeros(0))
    save_checkpoint(state, tmp_path / "run.pt")
    return tmp_path / "run.pt"


def assert_cli_error(result: Result, code: int, *words: str) -> str:
    """Assert that the error has two lines, the first with this text, and return the hint."""
    assert result.exit_code == code, result.output
    error, hint = result.stderr.splitlines()
    assert error.startswith("rechroma: error: ")
    for word in words:
        assert word in error
    assert hint.startswith("hint: ")
    return hint


def test_report_fills_the_metrics_of_the_card(run: Run, checkpoint: Path) -> None:
    report = {"metrics": {"all": {"gray": {}, "model": {"hue_hit": 43.07}}}}
    Path("report.json").write_text(json.dumps(report))
    made = run("export", checkpoint, "-o", "a.onnx", "--report", "report.json")
    assert made.exit_code == 0, made.output
    assert json.loads(run("models", "info", "a.onnx", "--json").output)["metrics"] == {
        "hue_hit": 43.07
    }


@pytest.mark.parametrize("text", ['{"foo": 1}', '{"metrics": {"all": 3}}', '{"metrics": []}'])
def test_invalid_report_is_rejected(run: Run, checkpoint: Path, text: str) -> None:
    Path("c.json").write_text(text)
    result = run("export", checkpoint, "-o", "a.onnx", "--report", "c.json")
    hint = assert_cli_error(result, 78, "c.json: not a report of 'rechroma evaluate'")
    assert "--json > c.json" in hint
    assert not Path("a.onnx").exists()


def test_missing_report_or_card_is_an_error(run: Run, checkpoint: Path) -> None:
    for option in ("--report", "--card"):
        result = run("export", checkpoint, "-o", "a.onnx", option, "none.json")
        assert "none.json: cannot be read: No such file or directory" in result.stderr
        Path("list.json").write_text('[["foo", 1]]')
        result = run("export", checkpoint, "-o", "a.onnx", option, "list.json")
        assert "list.json: not a JSON card or report" in result.stderr


@pytest.mark.parametrize(
    "command", [("export", "none.pt"), ("models", "import", "none.pth", "--as", "eccv16")]
)
def test_model_target_is_checked_first(run: Run, command: Sequence[str]) -> None:
    hint = assert_cli_error(
        run(*command, "-o", "mine"), 2, "mine: the name of a color model must end with"
    )
    assert "mine.onnx" in hint
    Path("letter").touch()
    assert_cli_error(run(*command, "-o", "letter/a.onnx"), 73, "letter", "is not a folder")
    Path("folder.onnx").mkdir()
    assert_cli_error(run(*command, "-o", "folder.onnx"), 73, "folder.onnx is not a regular file")


@pytest.mark.parametrize("option", ["--sheet", "--html"])
def test_evaluate_checks_its_targets_first(run: Run, option: str) -> None:
    Path("letter").touch()
    result = run("evaluate", "default", "none.tar", option, "letter/page")
    assert_cli_error(result, 73, "letter", "is not a folder")


def test_finetune_checks_its_target_first(run: Run) -> None:
    Path("letter").touch()
    result = run("finetune", "default", "none.tar", "-o", "letter")
    assert_cli_error(result, 73, "letter is not a folder")


def test_finetune_replaces_no_model_of_another_folder(run: Run) -> None:
    Path("other").mkdir()
    Path("other/model.onnx").write_text("old")
    result = run("finetune", "default", "none.tar", "-o", "other")
    assert_cli_error(result, 73, "other/model.onnx already exists", "not of an earlier run")
    assert Path("other/model.onnx").read_text() == "old"


@pytest.mark.parametrize("existing", ["a.onnx"])
def test_export_replaces_only_with_overwrite(run: Run, checkpoint: Path, existing: str) -> None:
    Path(existing).write_text("old")
    hint = assert_cli_error(run("export", checkpoint, "-o", existing), 73, "already exists")
    assert "--overwrite" in hint
    assert Path(existing).read_text() == "old"
    assert run("export", checkpoint, "-o", existing, "--overwrite").exit_code == 0
    assert Path(existing).read_bytes() != b"old"


def test_inspect_checks_its_target_first(run: Run, tmp_path: Path) -> None:
    write_shard(tmp_path / "train.tar", 2)
    Path("letter").touch()
    result = run("data", "inspect", "train.tar", "--sheet", "letter/s.jpg")
    assert not result.stdout
    assert_cli_error(result, 73, "letter", "is not a folder")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.pt", "none.pt: cannot be read"),
        ("folder", "folder: the folder contains no checkpoint.pt"),
    ],
)
def test_missing_checkpoint_is_an_error(run: Run, name: str, words: str) -> None:
    Path("folder").mkdir()
    hint = assert_cli_error(run("export", name, "-o", "a.onnx"), 66, words)
    assert "checkpoint.pt" in hint


def test_export_of_another_file_is_an_error(run: Run) -> None:
    Path("text.pt").write_text("hello\n")
    result = run("export", "text.pt", "-o", "a.onnx")
    assert_cli_error(result, 65, "text.pt: not a checkpoint of a training run")


def test_finetune_of_an_empty_folder_is_an_error(run: Run, tmp_path: Path) -> None:
    write_shard(tmp_path / "train.tar", 2)
    Path("folder").mkdir()
    result = run("finetune", "folder", "train.tar", "-o", "mine")
    assert_cli_error(result, 78, "folder: the folder contains neither model.onnx nor checkpoint.pt")


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("value", [float("nan"), 1e30, 1e5])
def test_export_of_a_diverged_network_is_an_error(run: Run, checkpoint: Path, value: float) -> None:
    state = load_checkpoint(checkpoint)
    state.ema["ab.weight"].fill_(value)
    save_checkpoint(state, checkpoint)
    result = run("export", checkpoint, "-o", "a.onnx")
    hint = assert_cli_error(
        result, 65, "run.pt: gives no colors: its weights are not finite or far too"
    )
    assert "optimizer.lr" in hint
    assert not Path("a.onnx").exists()


def test_import_of_a_missing_checkpoint_is_an_error(run: Run) -> None:
    for name in ("none.pth", "none.safetensors"):
        hint = assert_cli_error(
            run("models", "import", name, "--as", "eccv16"), 66, f"{name}: cannot be"
        )
        assert "the authors of eccv16" in hint


def test_missing_encoder_weights_are_an_error(run: Run, tmp_path: Path) -> None:
    write_shard(tmp_path / "train.tar", 2)
    Path("r.toml").write_text("workers = 0\n[network.options]\nwidths = [16, 8, 8, 8]\n")
    keys = ("data.train=train.tar", "network.encoder_weights=none.safetensors")
    result = run("train", "r.toml", "-o", "run", *(f"--set={key}" for key in keys))
    hint = assert_cli_error(result, 66, "none.safetensors: cannot be read: No such file")
    assert "from scratch" in hint


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("network.options.widths=abc", "expected array, got str"),
        ("network.options.widths=16", "expected array, got int"),
        ("network.options.widths=[16, 16, 16]", "expected array of length 4, got 3"),
        ("network.options.widths=[16, 8, 8, 0]", "must be above 0"),
        ("network.options.classes=abc", "expected int, got str"),
        ("network.options.classes=true", "expected int, got bool"),
        ("network.options.classes=-3", "must be 0 or more"),
        ("network.options.film=1", "expected bool, got int"),
        ("network.options.encoder=3", "expected str, got int"),
        ("network.options.temperature=0.0", "must be above 0"),
        ("network.options.temperature=nan", "must be above 0"),
        ("network.options.regression_share=7.0", "must be from 0 to 1"),
        ("network.options.saturation=-1.0", "must be 0 or more"),
        ("seed=-1", "expected int >= 0"),
    ],
)
def test_invalid_recipe_value_is_an_error(
    run: Run, tmp_path: Path, setting: str, words: str
) -> None:
    write_shard(tmp_path / "train.tar", 2)
    Path("r.toml").write_text("workers = 0\n[network.options]\nwidths = [16, 8, 8, 8]\n")
    result = run("train", "r.toml", "-o", "run", "--set=data.train=train.tar", "--set", setting)
    key = setting.partition("=")[0]
    assert result.exit_code == 78, result.output
    assert result.stderr.startswith(f"rechroma: error: {key}: {words}")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["rechroma", "coarse-to-fine"])
@pytest.mark.parametrize(
    "options", [{"regression_share": -0.1}, {"regression_share": 1.5}, {"saturation": -0.5}]
)
def test_decoding_option_out_of_range_is_rejected(name: str, options: dict[str, float]) -> None:
    (option,) = options
    with pytest.raises(RecipeError, match=rf"network\.options\.{option}: must be"):
        create_network(name, options)


def test_attention_needs_a_multiple_of_its_heads() -> None:
    with pytest.raises(RecipeError, match=r"widths\[0\]: must be a multiple of 4 if attention"):
        create_network("rechroma", {"widths": [6, 8, 8, 8]})


def test_validation_names_the_missing_keys(run: Run) -> None:
    Path("r.toml").write_text("workers = 0\n[data]\ntrain = ['train.tar']\n")
    blind = run("train", "r.toml", "-o", "run", "--set=validation.interval=2")
    assert_cli_error(blind, 78, "validation.interval: ", "data.val is missing")
    patient = run("train", "r.toml", "-o", "run", "--set=validation.patience=2")
    assert "It needs validation.interval" in assert_cli_error(patient, 78, "validation.patience: ")


@pytest.mark.parametrize("made", [False, True])
def test_feature_weights_of_no_encoder_are_an_error(run: Run, tmp_path: Path, made: bool) -> None:
    write_shard(tmp_path / "val.tar", 2)
    model = write_model(tmp_path / "tiny.onnx")
    if made:
        save_file({"other": torch.zeros(1)}, "w.safetensors")
    result = run("evaluate", model, "val.tar", "--features", "w.safetensors")
    hint = assert_cli_error(result, 65 if made else 66, "w.safetensors: ")
    assert "mobilenet-v2" in hint


def test_fetch_of_a_binary_table_is_an_error(run: Run) -> None:
    Path("p.csv").write_bytes(bytes(range(1, 256)) * 20)
    hint = assert_cli_error(
        run("data", "fetch", "p.csv", "-o", "x"), 65, "p.csv: has no column 'url'"
    )
    assert len(hint) < 1000


def test_inspect_of_a_file_that_is_not_a_shard_is_an_error(run: Run) -> None:
    Path("p.jpg").write_bytes(b"no tar")
    result = run("data", "inspect", "p.jpg")
    assert result.exit_code == 65
    assert result.stdout == "0 images in 1 shards, 1 damaged\n"
    assert "p.jpg: not a readable tar file" in result.stderr
