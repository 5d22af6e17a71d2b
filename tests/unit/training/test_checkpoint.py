"""Checkpoints: failed writes keep the old file and name the reason."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rechroma.errors import CheckpointError, SourceError, TargetError
from rechroma.training import Checkpoint, load_checkpoint, save_checkpoint, trained_network


def checkpoint(step: int, weights: int = 30_000) -> Checkpoint:
    state = {"weight": torch.zeros(weights)}
    return Checkpoint({}, step, state, state, {}, torch.zeros(0))


@pytest.mark.parametrize("weights", [1, 1_000_000])
@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_save_checkpoint_keeps_the_old_one_if_the_disk_is_full(
    weights: int, tmp_path: Path
) -> None:
    from tests.support.disk import room_for

    path = tmp_path / "checkpoint.pt"
    save_checkpoint(checkpoint(1), path)
    with (
        room_for(500),
        pytest.raises(TargetError, match=r"checkpoint\.pt: File too large") as caught,
    ):
        save_checkpoint(checkpoint(2, weights), path)
    assert "its last checkpoint" in str(caught.value.hint)
    assert load_checkpoint(path).step == 1
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]
    save_checkpoint(checkpoint(2, weights), path)
    assert load_checkpoint(path).step == 2


def test_save_checkpoint_rejects_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "gone").write_bytes(b"")
    with pytest.raises(TargetError, match="is not a folder"):
        save_checkpoint(checkpoint(1), tmp_path / "gone/checkpoint.pt")


def test_load_checkpoint_hints_at_the_command_that_writes_checkpoints(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.pt", tmp_path):
        with pytest.raises(SourceError, match="cannot be read") as caught:
            load_checkpoint(path)
        assert "'rechroma train' writes" in str(caught.value.hint)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"\x80\x02]q\x00.", b"c\xff\nx\n.", b"PK\x03\x04" + bytes(40)]
)
def test_load_checkpoint_rejects_any_other_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"other\.pt: not a checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize("name", ["recipe", "step", "network", "ema", "prior"])
def test_load_checkpoint_rejects_a_value_of_another_type(tmp_path: Path, name: str) -> None:
    path = tmp_path / "checkpoint.pt"
    wrong: dict[str, Any] = {name: "text"}
    save_checkpoint(replace(checkpoint(1), **wrong), path)
    with pytest.raises(CheckpointError, match=f"checkpoint.pt: '{name}' is not a"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"pace": 3}, "its recipe is invalid: pace: unknown key"),
        ({"network": {"name": "rechroma"}}, "the weights do not fit"),
    ],
)
def test_trained_network_rejects_a_foreign_checkpoint(
    tmp_path: Path, recipe: dict[str, object], message: str
) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(replace(checkpoint(1), recipe=recipe), path)
    with pytest.raises(CheckpointError, match=rf"checkpoint\.pt: {message}"):
        trained_network(path)
