"""Published checkpoints load strictly, and other files are rejected."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rechroma.errors import CheckpointError, RecipeError, SourceError
from rechroma.networks import create_network, load_published, no_hints, state_without_counters
from tests.support.networks import SMALL

Weights = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the networks a tenth as wide as published."""
    monkeypatch.setattr(
        "rechroma.networks.checkpoint_io.create_network", lambda name, _: small_network(name)
    )


def small_network(name: str) -> torch.nn.Module:
    return create_network(name, SMALL[name])


@pytest.fixture
def weights() -> Weights:
    torch.manual_seed(0)
    return state_without_counters(small_network("eccv16"))


def saved(value: object, path: Path) -> Path:
    torch.save(value, path)
    return path


@pytest.mark.parametrize("name", ["eccv16", "siggraph17"])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_load_published_restores_the_network(name: str, suffix: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = small_network(name).eval()
    path = tmp_path / f"checkpoint.{suffix}"
    save = save_file if suffix == "safetensors" else torch.save
    save(network.state_dict(), path)
    again = load_published(name, path)
    lightness = torch.rand(1, 1, 32, 40) * 100
    with torch.inference_mode():
        first, second = (each(lightness, no_hints(lightness)) for each in (network, again))
    assert first.ab.equal(second.ab)


def test_networks_created_after_loading_have_values(weights: Weights, tmp_path: Path) -> None:
    load_published("eccv16", saved(weights, tmp_path / "w.pth"))
    with pytest.raises(CheckpointError):
        load_published("siggraph17", saved(weights, tmp_path / "w.pth"))
    assert torch.nn.Linear(2, 2).weight.isfinite().all()


def test_load_published_accepts_old_files_with_slices(weights: Weights, tmp_path: Path) -> None:
    content = {"model": weights, "opt": {"splits": slice(0, 3)}}
    path = tmp_path / "old.pth"
    torch.save(content, path, _use_new_zipfile_serialization=False)
    again = load_published("eccv16", path).state_dict()
    assert all(again[key].equal(value) for key, value in weights.items())


def test_load_published_accepts_missing_counters_and_float16(
    weights: Weights, tmp_path: Path
) -> None:
    halves = {key: value.half() for key, value in weights.items()}
    loaded = load_published("eccv16", saved(halves, tmp_path / "half.pt"))
    assert not any("num_batches" in key for key in halves)
    assert all(value.dtype is torch.float32 for value in state_without_counters(loaded).values())


@pytest.mark.parametrize("key", ["params", "model", "state_dict"])
def test_load_published_finds_the_weights_in_a_training_checkpoint(
    key: str, weights: Weights, tmp_path: Path
) -> None:
    path = saved({"iteration": 3, key: weights}, tmp_path / "pytorch_model.bin")
    loaded = state_without_counters(load_published("eccv16", path))
    assert all(value.equal(weights[name]) for name, value in loaded.items())


def test_load_published_names_the_network_that_the_weights_are_of(
    weights: Weights, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="lacks the network's 'model8up") as caught:
        load_published("siggraph17", saved(weights, tmp_path / "other.pth"))
    assert caught.value.hint == "These are the weights of eccv16."


OLD_NAMES = {
    "original": "weight_orig",
    "0._u": "weight_u",
    "0._v": "weight_v",
    "original0": "weight_g",
    "original1": "weight_v",
}


def old_name(key: str) -> str:
    """Name a weight as torch.nn.utils.spectral_norm and weight_norm do."""
    layer, parametrized, part = key.partition("parametrizations.weight.")
    return layer + OLD_NAMES[part] if parametrized else key


def test_load_published_reads_spectral_and_weight_normalization(tmp_path: Path) -> None:
    weights = state_without_counters(small_network("deoldify-artistic"))
    published = {old_name(key): value for key, value in weights.items()}
    path = saved({"model": published}, tmp_path / "ColorizeArtistic_gen.pth")
    loaded = state_without_counters(load_published("deoldify-artistic", path))
    assert loaded.keys() == weights.keys() != published.keys()
    assert all(value.equal(weights[name]) for name, value in loaded.items())
    with pytest.raises(CheckpointError) as caught:
        load_published("deoldify-stable", path)
    assert caught.value.hint == "These are the weights of deoldify-artistic."


def with_one(weights: Weights, value: object, key: str = "model1.0.weight") -> dict[str, object]:
    return {**weights, key: value}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: {k: v for k, v in w.items() if "model3" not in k}, "lacks .*'model3.0.weight'"),
        (lambda w: with_one(w, torch.zeros(3), "extra.weight"), "holds 'extra.weight', which"),
        (lambda w: with_one(w, torch.zeros(6, 1, 3, 5)), r"shape \(6, 1, 3, 5\) instead of \(6, 1"),
        (lambda w: with_one(w, torch.full((6, 1, 3, 3), torch.nan)), "weight' is not finite"),
        (lambda w: with_one(w, torch.full((6, 1, 3, 3), torch.inf)), "weight' is not finite"),
        (lambda w: with_one(w, torch.ones(6, 1, 3, 3, dtype=torch.long)), "not of plain floating"),
        (lambda w: with_one(w, torch.zeros(6, 1, 3, 3).to_sparse()), "not of plain floating"),
        (lambda w: with_one(w, [1.0, 2.0]), "'model1.0.weight' is not a weight"),
        (lambda w: {"weights": w}, "'weights' is not a weight"),
        (lambda w: list(w.values()), "holds a list, not weights by name"),
        (lambda _: {}, "lacks the network's 'model1.0.weight'"),
    ],
)
def test_load_published_names_the_weights_that_do_not_fit(
    weights: Weights, change: Callable[[Weights], object], message: str, tmp_path: Path
) -> None:
    path = saved(change(weights), tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=f"other.pth: .*{message}"):
        load_published("eccv16", path)


class Hostile:
    """A pickle that would create a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.target),)


def test_load_published_executes_nothing_in_a_file(weights: Weights, tmp_path: Path) -> None:
    path = saved(with_one(weights, Hostile(tmp_path / "made")), tmp_path / "hostile.pth")
    with pytest.raises(CheckpointError, match="not a file of weights alone"):
        load_published("eccv16", path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_load_published_rejects_a_truncated_file(
    weights: Weights, name: str, share: float, tmp_path: Path
) -> None:
    path = tmp_path / name
    (save_file if path.suffix == ".safetensors" else torch.save)(weights, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=name):
        load_published("eccv16", path)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_load_published_rejects_unreadable_files(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"folder.{suffix}").mkdir()
    (tmp_path / f"text.{suffix}").write_text("hello\n" * 100)
    for name, error in {
        "folder": SourceError,
        "absent": SourceError,
        "text": CheckpointError,
    }.items():
        with pytest.raises(error, match=f"{name}.{suffix}: "):
            load_published("eccv16", tmp_path / f"{name}.{suffix}")


def test_load_published_suggests_the_nearest_network(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with pytest.raises(RecipeError, match="no network is called 'eccv17'"):
        load_published("eccv17", saved(weights, tmp_path / "w.pth"))
