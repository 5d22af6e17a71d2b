"""`rechroma evaluate`: printed and written output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import save_file

from rechroma.networks.encoders.mobilenet_v2 import MobileNetV2
from tests.support.command import Run
from tests.support.models import write_model
from tests.support.shards import write_shard


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """A shard of three images."""
    return write_shard(tmp_path / "dev.tar", 3)


def test_table_has_all_rows(run: Run, model: str, dev: Path) -> None:
    answer = run("evaluate", model, dev, "--limit", 2, "--degraded")
    assert answer.exit_code == 0, answer.output
    for words in ("tiny 1", "drawn (2)", "gray", "model", "degraded", "truth", "milliseconds"):
        assert words in answer.output


def test_json_prints_only_json(run: Run, model: str, dev: Path) -> None:
    answer = run("evaluate", model, dev, "--json", "--sizes", "--historical", dev, "--limit", 1)
    assert answer.exit_code == 0, answer.output
    report = json.loads(answer.stdout)
    assert report["images"] == {"all": 1, "drawn": 1}
    assert report["metrics"]["all"]["model"]["lightness_shift"] < 0.5
    assert set(report["sizes"]["network"]) == {"256-512", "256-1024", "512-1024"}
    assert report["historical"]["images"] == 1
    assert report["hints"] == {}


def test_features_by_a_weights_file(run: Run, model: str, dev: Path) -> None:
    weights = {key: value.half() for key, value in MobileNetV2().state_dict().items()}
    save_file(weights, "encoder.safetensors")
    answer = run("evaluate", model, dev, "--json", "--features", "encoder.safetensors")
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["metrics"]["all"]["gray"]["fd_mobilenet_v2"] > 0


def test_sheet_and_page_are_written(run: Run, model: str, dev: Path) -> None:
    answer = run("evaluate", model, dev, "--sheet", "dev.jpg", "--html", "new/dev.html")
    assert answer.exit_code == 0, answer.output
    with Image.open("dev.jpg") as image:
        assert image.format == "JPEG"
    assert Path("new/dev.html").read_text("utf-8").count("<img") == 9


@pytest.mark.parametrize("option", ["--sheet", "--html"])
def test_existing_outputs_need_overwrite(run: Run, model: str, dev: Path, option: str) -> None:
    Path("out").write_text("old")
    words = ("evaluate", model, dev, "--limit", 1, option, "out")
    refused = run(*words)
    assert refused.exit_code == 73
    assert "out already exists" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert Path("out").read_text() == "old"
    assert run(*words, "--overwrite").exit_code == 0
    assert Path("out").read_bytes() != b"old"
    content = dev.read_bytes()
    itself = run(*words[:-1], dev, "--overwrite")
    assert itself.exit_code == 73
    assert "is one of the inputs" in itself.stderr
    assert dev.read_bytes() == content


def test_hints_need_a_model_that_supports_them(run: Run, model: str, dev: Path) -> None:
    refused = run("evaluate", model, dev, "--hints")
    assert "does not support hints" in refused.output
    assert refused.exit_code == 69
    willing = write_model(Path("willing.onnx"), hints=True)
    measured = run("evaluate", willing, dev, "--hints", "--json")
    curve = json.loads(measured.stdout)["hints"]
    assert list(curve) == ["0", "1", "5", "10", "50"]
    assert curve["50"]["ciede2000"] < curve["0"]["ciede2000"] - 1


def test_size_out_of_range_is_rejected(run: Run, model: str, dev: Path) -> None:
    answer = run("evaluate", model, dev, "--size", 63)
    assert answer.exit_code == 2
    assert "64 to 2048" in answer.output
    assert "64 to 2048" in run("evaluate", "--help").output


@pytest.mark.parametrize(("option", "code"), [("--features", 66), ("--historical", 66)])
def test_missing_files_are_named(run: Run, model: str, dev: Path, option: str, code: int) -> None:
    answer = run("evaluate", model, dev, option, "absent")
    assert answer.exit_code == code
    assert "absent" in answer.output
