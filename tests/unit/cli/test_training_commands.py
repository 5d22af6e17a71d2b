"""Train, export, evaluate and use a network, by commands alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from safetensors.torch import save_file

from rechroma.export import export_model
from rechroma.networks import load_exported
from rechroma.training import finetuning_recipe, trained_network
from tests.support.command import Run
from tests.support.networks import SMALL, card, learned
from tests.support.shards import write_shard

ROOT = Path(__file__).parents[3]
RECIPE = """
steps = 3
batch_size = 2
checkpoint_interval = 1
workers = 0
threads = 1
network.options.widths = [16, 8, 8, 8]
crops.sizes = [32]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    write_shard(tmp_path / "train.tar", 4)
    write_shard(tmp_path / "val.tar", 3)
    return tmp_path


def train(run: Run, folder: Path, *words: object) -> Result:
    data = [f"--set=data.{name}={folder / name}.tar" for name in ("train", "val")]
    return run("train", folder / "recipe.toml", "-o", folder / "run", *data, *words)


def test_train_export_and_evaluate_work_together(run: Run, folder: Path) -> None:
    trained = train(run, folder)
    assert trained.exit_code == 0, trained.output
    assert "3 steps done" in trained.output
    assert (folder / "run/sheet-0000003.jpg").exists()

    card = {"version": "7", "license": "CC0-1.0", "authors": ["me"], "size": 64}
    (folder / "card.json").write_text(json.dumps(card))
    model = folder / "mine.onnx"
    exported = run(
        "export",
        folder / "run/checkpoint.pt",
        "-o",
        model,
        "--card",
        folder / "card.json",
        "--temperature",
        0.3,
        "--regression-share",
        0.5,
    )
    assert exported.exit_code == 0, exported.output
    info = json.loads(run("models", "info", model, "--json").output)
    assert (info["name"], info["version"], info["scale"]) == ("mine", "7", 4)
    assert info["hints"] is True
    assert info["network"]["name"] == "rechroma"
    assert info["network"]["options"]["temperature"] == 0.3

    measured = run("evaluate", model, folder / "val.tar", "--json", "--sheet", folder / "s.jpg")
    assert measured.exit_code == 0, measured.output
    assert json.loads(measured.output)["images"]["all"] == 3
    assert (folder / "s.jpg").exists()
    table = run("evaluate", model, folder / "val.tar", "--limit", 2)
    assert "gray" in table.output
    assert "drawn (2)" in table.output


def test_export_without_a_card_can_be_used(run: Run, folder: Path) -> None:
    train(run, folder)
    model = folder / "plain.onnx"
    exported = run("export", folder / "run", "-o", model, "--weights", "float32")
    assert exported.exit_code == 0, exported.output
    assert "rounding the weights by 0 on average" in exported.output
    info = json.loads(run("models", "info", model, "--json").output)
    assert (info["name"], info["license"]) == ("plain", "unstated")
    start = train(run, folder, "-o", folder / "on", f"--set=network.init_from={model}")
    assert start.exit_code == 0, start.output
    assert "3 steps done" in start.output


def test_finetune_trains_all_but_the_encoder(run: Run, folder: Path) -> None:
    def finetune(start: str, out: str) -> dict[str, Any]:
        small = (f"--set={key}" for key in ("crops.sizes=[32]", "batch_size=2", "workers=0"))
        words = (folder / start, folder / "val.tar", "-o", folder / out, "--steps", 2)
        tuned = run("finetune", *words, "--license", "CC0-1.0", *small)
        assert tuned.exit_code == 0, tuned.output
        info = run("models", "info", folder / out / "model.onnx", "--json")
        return dict(json.loads(info.output))

    train(run, folder)
    assert finetune("run", "mine")["name"] == "mine"
    before, after = (
        trained_network(folder / name / "checkpoint.pt").state_dict() for name in ("run", "mine")
    )
    unchanged = {name for name, weights in after.items() if weights.equal(before[name])}
    assert {name for name in after if name.startswith("encoder.")} <= unchanged
    assert "bins.weight" not in unchanged

    again = finetune("mine", "more")
    assert again["description"] == "Fine-tuned from mine."
    assert again["data"] == [{"name": "val.tar", "license": "CC0-1.0", "url": ""}] * 2


def test_finetune_keeps_the_published_encoder_of_ddcolor(run: Run, folder: Path) -> None:
    start, network = folder / "published.onnx", learned("ddcolor-tiny")
    export_model(network, card(network), start)
    small = (f"--set={key}" for key in ("crops.sizes=[32]", "batch_size=2", "workers=0"))
    words = (start, folder / "val.tar", "-o", folder / "mine", "--steps", 2)
    tuned = run("finetune", *words, *small)
    assert tuned.exit_code == 0, tuned.output
    before, after = (
        load_exported(path).state_dict() for path in (start, folder / "mine/model.onnx")
    )
    unchanged = {name for name, weights in after.items() if weights.equal(before[name])}
    assert {name for name in after if name.startswith("encoder.")} <= unchanged
    assert "color_decoder.query_feat" not in unchanged


def test_finetune_continues_from_a_model_with_normalized_layers(run: Run, folder: Path) -> None:
    start = learned("deoldify-artistic")
    export_model(start, card(start), folder / "published.onnx", weights="float32")
    small = (f"--set={key}" for key in ("crops.sizes=[32]", "batch_size=2", "workers=0"))
    words = (folder / "published.onnx", folder / "val.tar", "-o", folder / "mine", "--steps", 2)
    tuned = run("finetune", *words, *small)
    assert tuned.exit_code == 0, tuned.output
    before, after = (
        load_exported(folder / name).state_dict() for name in ("published.onnx", "mine/model.onnx")
    )
    assert after["layers.0.1.bias"].equal(before["layers.0.1.bias"])  # of the frozen encoder
    assert not after["layers.11.0.bias"].equal(before["layers.11.0.bias"])


@pytest.mark.parametrize(
    ("recipe", "name", "learning"),
    [
        ("ddcolor", "ddcolor-tiny", "color_decoder.query_feat"),
        ("deoldify", "deoldify-artistic", "layers.11.0.bias"),
    ],
)
def test_shipped_recipe_continues_from_a_published_model(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, name: str, learning: str
) -> None:
    monkeypatch.setenv("RECHROMA_MODELS", str(folder / "shelf"))
    (folder / "shelf").mkdir()
    network = learned(name)
    export_model(network, card(network), folder / "shelf" / f"{name}.onnx", weights="float32")
    options = ", ".join(f"{key} = {value!r}" for key, value in SMALL[name].items())
    quick = ("steps=2", "batch_size=2", "crops.sizes=[64]", "workers=0", "validation.interval=2")
    shards = [f"data.{each}={folder / 'val.tar'}" for each in ("train", "val")]
    words = [f"--set={each}" for each in (*quick, *shards, f"network.options={{{options}}}")]
    done = run("train", ROOT / f"recipes/{recipe}.toml", "-o", folder / "mine", *words)
    assert done.exit_code == 0, done.output
    before = network.state_dict(keep_vars=True)
    after = trained_network(folder / "mine/checkpoint.pt").state_dict()
    assert network.encoder is not None
    frozen = set(map(id, network.encoder.parameters()))
    assert all(after[key].equal(each) for key, each in before.items() if id(each) in frozen)
    assert not after[learning].equal(before[learning])


def test_finetune_defaults_fit_the_network(tmp_path: Path) -> None:
    for name, lr, batch_size, side in (
        ("ddcolor-tiny", 1e-4, 8, 256),
        ("deoldify-stable", 1e-4, 8, 256),
        ("siggraph17", 5e-4, 32, 128),
    ):
        network = learned(name)
        export_model(network, card(network), tmp_path / f"{name}.onnx", weights="float32")
        plan = finetuning_recipe(tmp_path / f"{name}.onnx", ["train.tar"])
        assert (plan.optimizer.lr, plan.batch_size, plan.crops.sizes) == (lr, batch_size, (side,))
        assert plan.optimizer.freeze_encoder_fraction == 1.0
        assert bool(plan.loss.bins) == (name == "siggraph17")


def test_finetune_exports_the_best_checkpoint(run: Run, folder: Path) -> None:
    train(run, folder)
    keys = ["crops.sizes=[32]", "batch_size=2", "workers=0", f"data.val={folder / 'val.tar'}"]
    keys += ["validation.interval=2", "optimizer.warmup=0", "optimizer.ema=0.0"]  # not after step 3
    words = (folder / "run", folder / "train.tar", "-o", folder / "mine", "--steps", 3)
    tuned = run("finetune", *words, *(f"--set={key}" for key in keys))
    assert tuned.exit_code == 0, tuned.output
    best, newest = (
        trained_network(folder / f"mine/{name}.pt").state_dict()["bins.bias"]
        for name in ("best", "checkpoint")
    )
    given = load_exported(folder / "mine/model.onnx").state_dict()["bins.bias"]
    assert given.equal(best)
    assert not given.equal(newest)


def test_network_without_bins_hints_or_encoder_works_too(run: Run, folder: Path) -> None:
    options = "network.options={widths = [16, 16, 16, 16]}"
    asked = ("network.name=inception-unet", options, "loss.bins=0.0", "loss.colorfulness=0.1")
    sets = [f"--set={each}" for each in asked]
    trained = train(run, folder, *sets)
    assert trained.exit_code == 0, trained.output
    assert "  bins " not in trained.output
    assert (folder / "run/sheet-0000003.jpg").exists()

    model = folder / "classic.onnx"
    annealed = run("export", folder / "run/checkpoint.pt", "-o", model, "--temperature", 0.5)
    assert "network 'inception-unet' has no option 'temperature'" in annealed.output
    exported = run("export", folder / "run/checkpoint.pt", "-o", model)
    assert exported.exit_code == 0, exported.output
    info = json.loads(run("models", "info", model, "--json").output)
    assert (info["hints"], info["scale"], info["network"]["name"]) == (False, 2, "inception-unet")
    measured = run("evaluate", model, folder / "val.tar", "--json")
    assert measured.exit_code == 0, measured.output
    start = train(run, folder, "-o", folder / "on", *sets, f"--set=network.init_from={model}")
    assert start.exit_code == 0, start.output


def test_encoder_can_start_from_a_file(run: Run, folder: Path) -> None:
    train(run, folder)
    first = trained_network(folder / "run/checkpoint.pt")
    assert first.encoder is not None
    save_file(first.encoder.state_dict(), folder / "encoder.safetensors")
    frozen = ("--set", "optimizer.freeze_encoder_fraction=1.0", "-o", folder / "second")
    done = train(run, folder, *frozen, "--encoder-weights", folder / "encoder.safetensors")
    assert done.exit_code == 0, done.output
    second = trained_network(folder / "second/checkpoint.pt")
    assert second.encoder is not None
    learned = dict(second.encoder.named_parameters())
    assert all(learned[name].equal(w) for name, w in first.encoder.named_parameters())


def test_errors_end_in_one_line(run: Run, folder: Path) -> None:
    wrong = train(run, folder, "--set", "stepz=3")
    assert wrong.exit_code == 78
    assert wrong.output.startswith("rechroma: error: stepz: unknown key")
    absent = run("train", folder / "absent.toml")
    assert "absent.toml: cannot be read" in absent.output
    (folder / "no.pt").write_bytes(b"no")
    assert "not a checkpoint" in run("export", folder / "no.pt").output
    assert "no shards found" in run("evaluate", "default", folder / "none.tar").output


def test_broken_card_is_rejected(run: Run, folder: Path) -> None:
    train(run, folder)
    (folder / "card.json").write_text("{")
    answer = run(
        "export", folder / "run/checkpoint.pt", "--card", folder / "card.json", "-o", "x.onnx"
    )
    assert "not a valid JSON card" in answer.output
    assert not Path("x.onnx").exists()


def test_train_without_torch_names_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rechroma.cli.preflight.find_spec", lambda _: None)
    answer = run("train", "recipe.toml")
    assert answer.exit_code == 69
    assert 'pip install "rechroma[train]"' in answer.output
