"""A checkpoint that cannot be written leaves the old one, and says why."""

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


@pytest.mark.parametrize("weights", [30_000, 1_000_000])
@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_save_checkpoint_keeps_the_old_file_if_the_new_one_does_not_fit(
    weights: int, tmp_path: Path
) -> None:
    import resource

    path = tmp_path / "checkpoint.pt"
    save_checkpoint(checkpoint(1, 1), path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(TargetError, match=r"checkpoint\.pt: File too large") as caught:
            save_checkpoint(checkpoint(2, weights), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "its last checkpoint" in str(caught.value.hint)
    assert load_checkpoint(path).step == 1
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]
    save_checkpoint(checkpoint(2, weights), path)
    assert load_checkpoint(path).step == 2


def test_save_checkpoint_names_a_file_that_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TargetError, match=r"checkpoint\.pt"):
        save_checkpoint(checkpoint(1), tmp_path / "file/checkpoint.pt")


def test_load_checkpoint_says_where_checkpoints_come_from(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.pt", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read") as caught:
            load_checkpoint(path)
        assert "'rechroma train' writes" in str(caught.value.hint)
