"""The trainer: learning, interruption and exact resumption."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import save_file

from rechroma.datasets import CropConfig
from rechroma.errors import (
    CheckpointError,
    DataError,
    DivergedError,
    MemoryExhaustedError,
    RecipeError,
    SourceError,
    TargetError,
)
from rechroma.networks import create_network, no_hints
from rechroma.networks.architectures.rechroma import Rechroma
from rechroma.training import (
    Progress,
    Recipe,
    TorchEngine,
    TrainState,
    load_checkpoint,
    save_checkpoint,
    train,
    trained_network,
)
from rechroma.training.recipe import Adversary, Data, Loss, Network, Optimizer
from tests.support.shards import write_shard


def equal_states(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> bool:
    return all(first[key].equal(second[key]) for key in first)


def test_stopped_run_ends_with_the_same_weights(recipe: Recipe, tmp_path: Path) -> None:
    whole = train(recipe, tmp_path / "whole")
    train(recipe, tmp_path / "parts", stop_after=3)
    train(replace(recipe, workers=1), tmp_path / "parts", stop_after=5)
    parts = train(recipe, tmp_path / "parts")
    assert parts.step == whole.step == 8
    assert equal_states(whole.network.state_dict(), parts.network.state_dict())
    assert equal_states(whole.ema.state_dict(), parts.ema.state_dict())


def test_bfloat16_run_learns_and_resumes_to_the_same_numbers(
    recipe: Recipe, tmp_path: Path
) -> None:
    coarse = replace(recipe, precision="bfloat16", steps=4)
    whole = train(coarse, tmp_path / "whole")
    train(coarse, tmp_path / "parts", stop_after=2)
    parts = train(coarse, tmp_path / "parts")
    assert equal_states(whole.network.state_dict(), parts.network.state_dict())
    fine = train(replace(coarse, precision="float32"), tmp_path / "fine")
    is_emulated = not torch.ops.mkldnn._is_mkldnn_bf16_supported()  # then it is float32 after all
    assert equal_states(whole.network.state_dict(), fine.network.state_dict()) == is_emulated
    assert all(weights.dtype == torch.float32 for weights in whole.network.parameters())


def test_train_asks_for_bfloat16_only_if_the_recipe_does_and_logs_float32_once(
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())  # as in a build without oneDNN
    fine = train(replace(recipe, steps=2), tmp_path / "fine")
    assert not caplog.messages
    coarse = train(replace(recipe, steps=2, precision="bfloat16"), tmp_path / "coarse")
    assert caplog.messages == ["this CPU only emulates bfloat16: the run computes in float32"]
    assert equal_states(fine.network.state_dict(), coarse.network.state_dict())


def test_classes_are_learned_along_with_colors(recipe: Recipe, tmp_path: Path) -> None:
    write_shard(tmp_path / "labeled.tar", 4, classes=2)
    both = (*recipe.data.train, str(tmp_path / "labeled.tar"))
    network = replace(recipe.network, options={**recipe.network.options, "classes": 2})
    plan = replace(recipe, network=network, data=Data(train=both), loss=Loss(classes=0.5))
    run = train(plan, tmp_path / "run", stop_after=3)
    start = train(plan, tmp_path / "start", stop_after=1)
    name = "context.classes.weight"
    assert not run.network.get_parameter(name).equal(start.network.get_parameter(name))


def test_stopped_run_with_dropout_and_no_encoder_ends_with_the_same_weights(
    recipe: Recipe, tmp_path: Path
) -> None:
    shard = write_shard(tmp_path / "labeled.tar", 4, classes=2)
    plan = replace(
        recipe,
        network=Network("inception-unet", {"widths": [16, 16, 16, 16], "classes": 2}),
        data=Data(train=(str(shard),)),
        loss=Loss(bins=0.0, ab=1.0, classes=0.5),
        steps=4,
    )
    whole = train(plan, tmp_path / "whole")
    train(plan, tmp_path / "parts", stop_after=2)
    torch.rand(3)  # whatever else a program does with chance
    parts = train(plan, tmp_path / "parts")
    assert equal_states(whole.network.state_dict(), parts.network.state_dict())
    assert equal_states(whole.ema.state_dict(), parts.ema.state_dict())


def test_train_rejects_terms_that_the_network_lacks(recipe: Recipe, tmp_path: Path) -> None:
    def refused(message: str, loss: Loss, weights: str = "") -> None:
        network = Network("inception-unet", {"widths": [16, 16, 16, 16]}, encoder_weights=weights)
        with pytest.raises(RecipeError, match=message):
            train(replace(recipe, network=network, loss=loss), tmp_path / "run", stop_after=1)

    refused("the network has no color bins", Loss(bins=1.0))
    refused("the network has no classifier", Loss(bins=0.0, classes=1.0))
    refused("network 'inception-unet' has no encoder", Loss(bins=0.0), "any.safetensors")


@pytest.mark.parametrize("workers", [0, 1])
def test_train_names_a_label_beyond_the_classes(
    recipe: Recipe, tmp_path: Path, workers: int
) -> None:
    shard = write_shard(tmp_path / "labeled.tar", 4, classes=3)
    options = {**recipe.network.options, "classes": 2}
    plan = replace(
        recipe,
        network=Network(options=options),
        data=Data(train=(str(shard),)),
        loss=Loss(classes=0.5),
        workers=workers,
    )
    with pytest.raises(DataError, match="has class 2, but the network has 2 classes") as caught:
        train(plan, tmp_path / "run")
    assert "\n" not in caught.value.message
    assert caught.value.hint == (
        "Set network.options.classes above the largest class of the shards."
    )


def test_loss_terms_are_logged(recipe: Recipe, tmp_path: Path) -> None:
    reports: list[Progress] = []
    train(
        replace(recipe, steps=1, loss=Loss(ab=0.0, hue=1.0)),
        tmp_path / "run",
        on_progress=reports.append,
    )
    assert reports[0].losses.keys() == {"bins", "hue"}
    (line,) = (tmp_path / "run/log.jsonl").read_text().splitlines()
    assert json.loads(line)["hue"] == pytest.approx(reports[0].losses["hue"], abs=1e-4)


def test_distillation_needs_encoder_weights(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"loss\.distillation.* network\.encoder_weights"):
        train(replace(recipe, loss=Loss(distillation=1.0)), tmp_path / "run")


def test_random_encoder_must_not_be_frozen_for_the_whole_run(
    recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="has no pretrained weights"):
        train(replace(recipe, optimizer=Optimizer(freeze_encoder_fraction=1.0)), tmp_path / "run")


def test_encoder_weights_can_come_from_a_checkpoint(recipe: Recipe, tmp_path: Path) -> None:
    first = train(recipe, tmp_path / "first", stop_after=1)
    start = str(tmp_path / "first/checkpoint.pt")
    frozen = Optimizer(lr=1e-3, freeze_encoder_fraction=1.0)
    network = replace(recipe.network, encoder_weights=start)
    second = train(
        replace(recipe, network=network, optimizer=frozen), tmp_path / "second", stop_after=1
    )
    assert first.ema.encoder is not None
    assert second.network.encoder is not None
    learned = dict(second.network.encoder.named_parameters())
    assert all(learned[name].equal(w) for name, w in first.ema.encoder.named_parameters())


def test_distillation_is_logged(recipe: Recipe, tmp_path: Path) -> None:
    encoder = create_network(recipe.network.name, recipe.network.options).encoder
    assert encoder is not None
    save_file(encoder.state_dict(), tmp_path / "encoder.safetensors")
    network = replace(recipe.network, encoder_weights=str(tmp_path / "encoder.safetensors"))
    plan = replace(recipe, network=network, loss=Loss(distillation=1.0), steps=2)
    reports: list[Progress] = []
    train(plan, tmp_path / "run", on_progress=reports.append)
    assert 0 < reports[-1].losses["distillation"] < 1


def test_critic_starts_late_and_first_learns_alone(recipe: Recipe, tmp_path: Path) -> None:
    plan = replace(
        recipe, adversary=Adversary(weight=0.1, start_fraction=0.25, critic_only_fraction=0.5)
    )
    states = [train(plan, tmp_path / "run", stop_after=stop) for stop in (2, 4, 6, 7)]
    critics = [state.adversary.critic.state_dict() for state in states if state.adversary]
    learned = [dict(state.network.named_parameters()) for state in states]
    assert equal_states(learned[0], learned[1])
    assert equal_states(learned[0], learned[2])
    assert not equal_states(learned[2], learned[3])
    assert not equal_states(critics[0], critics[1])


def test_network_does_not_change_in_the_critic_only_phase(recipe: Recipe, tmp_path: Path) -> None:
    plan = replace(
        recipe, adversary=Adversary(weight=0.1, start_fraction=0.25, critic_only_fraction=0.5)
    )
    before, after = (train(plan, tmp_path / "run", stop_after=stop) for stop in (2, 6))
    assert equal_states(before.network.state_dict(), after.network.state_dict())
    rates = [
        state.optimizer.param_groups[0]["lr"]
        for state in (before, train(plan, tmp_path / "run", stop_after=7))
    ]
    assert 0 < rates[1] < rates[0]  # the steps between do not count


def test_critic_changes_nothing_before_it_starts(recipe: Recipe, tmp_path: Path) -> None:
    later = replace(
        recipe, adversary=Adversary(weight=0.1, start_fraction=0.5, critic_only_fraction=0.0)
    )
    with_critic = train(later, tmp_path / "with", stop_after=3)
    without = train(recipe, tmp_path / "without", stop_after=3)
    assert equal_states(with_critic.network.state_dict(), without.network.state_dict())


def test_init_from_takes_the_averaged_weights(recipe: Recipe, tmp_path: Path) -> None:
    first = train(recipe, tmp_path / "first", stop_after=2)
    network = replace(recipe.network, init_from=str(tmp_path / "first/checkpoint.pt"))
    still = Optimizer(lr=1e-12, encoder_lr=0.0, warmup=0)
    second = train(
        replace(recipe, network=network, optimizer=still), tmp_path / "second", stop_after=1
    )
    learned = dict(second.network.named_parameters())
    for name, weights in first.ema.named_parameters():
        torch.testing.assert_close(learned[name], weights, atol=1e-6, rtol=0)


def test_init_from_leaves_a_new_classifier_new(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "first", stop_after=1)
    shard = write_shard(tmp_path / "labeled.tar", 4, classes=2)
    start = str(tmp_path / "first/checkpoint.pt")
    options = {**recipe.network.options, "classes": 2}
    plan = replace(
        recipe,
        network=Network(options=options, init_from=start),
        data=Data(train=(str(shard),)),
        loss=Loss(classes=0.5),
        optimizer=Optimizer(lr=1e-12, encoder_lr=0.0, warmup=0),
    )
    second = train(plan, tmp_path / "second", stop_after=1)
    first = trained_network(tmp_path / "first/checkpoint.pt")
    learned = dict(second.network.named_parameters())
    assert learned["context.classes.weight"].shape[0] == 2
    for name, weights in first.named_parameters():
        torch.testing.assert_close(learned[name], weights, atol=1e-6, rtol=0)


def test_init_from_rejects_weights_of_another_shape(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "run", stop_after=1)
    start = str(tmp_path / "run/checkpoint.pt")
    for option, message in (
        ({"widths": [24, 8, 8, 8]}, "does not fit the network"),
        ({"encoder": "resnet-50"}, "lacks the network's 'encoder"),
    ):
        network = replace(recipe.network, options=recipe.network.options | option, init_from=start)
        with pytest.raises(CheckpointError, match=message):
            train(replace(recipe, network=network), tmp_path / "other")


def test_loss_decreases(recipe: Recipe, tmp_path: Path) -> None:
    longer = replace(
        recipe, steps=60, crops=CropConfig(sizes=(32,), size_shares=(1.0,), min_crop_area=0.9)
    )
    train(longer, tmp_path / "run")
    lines = (tmp_path / "run/log.jsonl").read_text().splitlines()
    bins = [json.loads(line)["bins"] for line in lines]
    assert bins[-1] < bins[0]


def test_encoder_is_frozen_at_first_and_learns_then(recipe: Recipe, tmp_path: Path) -> None:
    states: list[torch.Tensor] = []

    def remember(run: TrainState) -> None:
        states.append(run.network.get_parameter("encoder.features.0.0.weight").detach().clone())

    for stop in (1, 2, 8):  # frozen for 0.3 of 8 steps: the third step is the first to move it
        train(recipe, tmp_path / "run", stop_after=stop, on_epoch=remember)
    assert states[0].equal(states[1])
    assert not states[0].equal(states[-1])


def test_on_epoch_is_called_after_epochs_and_at_the_end(recipe: Recipe, tmp_path: Path) -> None:
    seen: list[int] = []
    train(recipe, tmp_path / "run", on_epoch=lambda run: seen.append(run.step))
    whole = [2, 3, 5, 6, 8]  # 6 images, 4 a step, as long as the crops are small
    assert seen[-1] == 8
    assert 3 <= len(seen) <= len(whole)


def test_run_killed_between_checkpoints_reaches_the_same_numbers(
    recipe: Recipe, tmp_path: Path
) -> None:
    recipe = replace(recipe, steps=45, checkpoint_interval=15, crops=CropConfig((32,), (1.0,)))
    whole = train(recipe, tmp_path / "whole")

    class KilledError(Exception):
        pass

    def kill(_: object) -> None:  # the first report comes after the 20th step
        raise KilledError

    with pytest.raises(KilledError):
        train(recipe, tmp_path / "parts", on_progress=kill)
    assert load_checkpoint(tmp_path / "parts/checkpoint.pt").step == 15
    parts = train(recipe, tmp_path / "parts")
    assert equal_states(whole.network.state_dict(), parts.network.state_dict())
    logs = [(tmp_path / run / "log.jsonl").read_text().splitlines() for run in ("whole", "parts")]
    steps, again = ([json.loads(line)["step"] for line in log] for log in logs)
    assert steps == again == [20, 40, 45]


def test_run_resumes_with_its_own_images_only(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "run", stop_after=1)
    moved = Path(recipe.data.train[0]).rename(tmp_path / "moved.tar")
    (tmp_path / "elsewhere").mkdir()
    moved = moved.rename(tmp_path / "elsewhere/train.tar")
    train(replace(recipe, data=Data(train=(str(moved),))), tmp_path / "run", stop_after=2)
    other = write_shard(tmp_path / "other.tar", 5)
    with pytest.raises(CheckpointError, match="other images"):
        train(replace(recipe, data=Data(train=(str(other),))), tmp_path / "run")


def test_crop_sizes_must_be_multiples_of_the_stride(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="multiples of 32"):
        train(replace(recipe, crops=CropConfig((33,), (1.0,))), tmp_path / "run")


@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_image_is_named_in_one_line(recipe: Recipe, tmp_path: Path, workers: int) -> None:
    shard = Path(recipe.data.train[0])
    run = replace(recipe, workers=workers, data=Data(train=(str(shard),)))
    train(run, tmp_path / "run", stop_after=1)  # the prior was measured while all was well
    shard.write_bytes(shard.read_bytes().replace(b"IDAT", b"XXXX"))
    with pytest.raises(DataError) as caught:
        train(run, tmp_path / "run")
    assert "\n" not in caught.value.message
    assert caught.value.message.endswith("does not decode")
    assert caught.value.hint == "'rechroma data inspect' lists all damaged images."


def test_train_needs_a_folder_it_can_write_to(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(TargetError, match="file/run: Not a directory"):
        train(recipe, tmp_path / "file/run")


def test_folder_with_another_run_is_rejected(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "run", stop_after=1)
    with pytest.raises(CheckpointError, match="another recipe"):
        train(replace(recipe, seed=9), tmp_path / "run")


def test_diverging_loss_stops_the_run(recipe: Recipe, tmp_path: Path) -> None:
    wild = replace(
        recipe, optimizer=Optimizer(lr=1e30, encoder_lr=1e30, warmup=1, freeze_encoder_fraction=0)
    )
    with pytest.raises(DivergedError, match="not finite"):
        train(wild, tmp_path / "run")


def on_a_gpu(*_: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def on_a_cpu(*_: object) -> None:
    torch.empty(2**60)


@pytest.mark.parametrize("full", [on_a_gpu, on_a_cpu])
def test_out_of_memory_names_the_keys_to_lower(
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    full: Callable[..., None],
) -> None:
    train(recipe, tmp_path / "run", stop_after=2)
    before = (tmp_path / "run/checkpoint.pt").read_bytes()
    monkeypatch.setattr(Rechroma, "forward", full)
    with pytest.raises(MemoryExhaustedError, match="too little memory at step 2") as caught:
        train(recipe, tmp_path / "run")
    assert caught.value.hint
    assert "Lower batch_size (now 4) or crops.sizes (up to 64)" in caught.value.hint
    assert (tmp_path / "run/checkpoint.pt").read_bytes() == before


def test_diverged_weights_do_not_replace_a_checkpoint(recipe: Recipe, tmp_path: Path) -> None:
    wild = Optimizer(lr=1e30, encoder_lr=1e30, warmup=3, freeze_encoder_fraction=0)
    plan = replace(recipe, optimizer=wild, checkpoint_interval=1)
    with pytest.raises(DivergedError):
        train(plan, tmp_path / "run")
    assert not (tmp_path / "run/checkpoint.pt").exists()


def test_folder_with_a_running_run_is_rejected(recipe: Recipe, tmp_path: Path) -> None:
    def intrude(_: object) -> None:
        train(recipe, tmp_path / "run")

    with pytest.raises(TargetError, match="is in use by another run"):
        train(recipe, tmp_path / "run", on_epoch=intrude)
    assert train(recipe, tmp_path / "run").step == 8


def test_run_resumes_with_its_own_initial_weights_only(recipe: Recipe, tmp_path: Path) -> None:
    for name, steps in (("a", 1), ("b", 2)):
        train(recipe, tmp_path / name, stop_after=steps)

    def run(start: str, stop: int) -> TrainState:
        network = replace(recipe.network, init_from=str(tmp_path / start / "checkpoint.pt"))
        return train(replace(recipe, network=network), tmp_path / "run", stop_after=stop)

    run("a", 1)
    with pytest.raises(CheckpointError, match="began with other weights"):
        run("b", 2)
    (tmp_path / "a").rename(tmp_path / "moved")
    assert run("moved", 2).step == 2
    with pytest.raises(SourceError, match="cannot be read"):
        run("absent", 3)


def test_loss_without_a_gradient_is_rejected(recipe: Recipe, tmp_path: Path) -> None:
    idle = replace(recipe, loss=Loss(bins=0, ab=0))
    with pytest.raises(RecipeError, match="no loss term reaches"):
        train(idle, tmp_path / "run")


def test_load_checkpoint_rejects_a_damaged_file(recipe: Recipe, tmp_path: Path) -> None:
    run = train(recipe, tmp_path / "run", stop_after=1)
    path = tmp_path / "run/checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load_checkpoint(path)
    save_checkpoint(dataclasses.replace(run.checkpoint(), format=99), path)
    with pytest.raises(CheckpointError, match="format 99"):
        load_checkpoint(path)


def test_trained_network_has_the_averaged_weights(recipe: Recipe, tmp_path: Path) -> None:
    run = train(recipe, tmp_path / "run", stop_after=3)
    network = trained_network(tmp_path / "run/checkpoint.pt", {"temperature": 0.2})
    assert equal_states(run.ema.state_dict(), network.state_dict())
    assert isinstance(network, Rechroma)
    assert network.config.temperature == 0.2


def test_network_in_training_can_be_used_as_an_engine(recipe: Recipe, tmp_path: Path) -> None:
    run = train(recipe, tmp_path / "run", stop_after=1)
    engine = TorchEngine(run.ema)
    lightness = torch.rand(1, 1, 64, 32).numpy() * 100
    chroma = engine.chroma(lightness)
    assert chroma.shape == (1, 2, 16, 8)
    shown = torch.from_numpy(lightness)
    with torch.inference_mode():
        prediction = run.ema(shown, no_hints(shown))
    torch.testing.assert_close(torch.from_numpy(chroma), run.ema.chroma(prediction))


def test_only_trains_the_named_parameters_and_no_other_batch_statistics(
    recipe: Recipe, tmp_path: Path
) -> None:
    start = train(recipe, tmp_path / "first", stop_after=1).ema.state_dict()
    network = replace(recipe.network, init_from=str(tmp_path / "first/checkpoint.pt"))
    only = replace(recipe.optimizer, only=("bins.", "ab."))
    plan = replace(recipe, network=network, optimizer=only)
    run = train(plan, tmp_path / "second", stop_after=3)
    changed = {
        name
        for name, weights in run.network.state_dict().items()
        if not name.endswith("num_batches_tracked") and not weights.equal(start[name])
    }  # init_from does not copy the counters
    assert changed == {"bins.weight", "bins.bias", "ab.weight", "ab.bias"}
    none = replace(plan, optimizer=replace(only, only=("bin_head.",)))
    with pytest.raises(RecipeError, match=r"optimizer\.only: no parameter starts with bin_head"):
        train(none, tmp_path / "third")


def test_only_resumes_to_the_same_weights(recipe: Recipe, tmp_path: Path) -> None:
    plan = replace(recipe, optimizer=replace(recipe.optimizer, only=("bins.", "ab.")), steps=4)
    whole = train(plan, tmp_path / "whole")
    train(plan, tmp_path / "parts", stop_after=2)
    parts = train(plan, tmp_path / "parts")
    assert equal_states(whole.network.state_dict(), parts.network.state_dict())
    assert equal_states(whole.ema.state_dict(), parts.ema.state_dict())


def test_leftovers_of_a_killed_run_are_removed(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / ".0123456789abcdef.part").touch()
    train(recipe, tmp_path, stop_after=1)
    assert not list(tmp_path.glob(".*.part"))


def test_network_without_a_decoder_cannot_train_on_features(recipe: Recipe, tmp_path: Path) -> None:
    plan = replace(recipe, data=replace(recipe.data, features=str(tmp_path / "none")))
    with pytest.raises(DataError, match="not a feature store"):
        train(plan, tmp_path / "run")
