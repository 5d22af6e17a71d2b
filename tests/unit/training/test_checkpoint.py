"""Checkpoints: failed writes keep the old file and name the reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from rechroma.errors import CheckpointError, TargetError
from rechroma.training import Checkpoint, load_checkpoint, save_checkpoint


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
        with pytest.raises(CheckpointError, match="cannot be read") as caught:
            load_checkpoint(path)
        assert "'rechroma train' writes" in str(caught.value.hint)
