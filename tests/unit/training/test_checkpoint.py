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


@pytest.mark.parametrize("weights", [1, 1_000_000])
@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk_leaves_the_old_checkpoint(weights: int, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(checkpoint(1), path)
    path.with_suffix(".partial").symlink_to("/dev/full")
    with pytest.raises(TargetError, match=r"checkpoint\.pt: No space left on device") as caught:
        save_checkpoint(checkpoint(2, weights), path)
    assert "its last checkpoint" in str(caught.value.hint)
    assert load_checkpoint(path).step == 1
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]
    save_checkpoint(checkpoint(2, weights), path)
    assert load_checkpoint(path).step == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "checkpoint.pt"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(TargetError, match=r"checkpoint\.pt: File too large"):
            save_checkpoint(checkpoint(1), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not any(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="No such file or directory"):
        save_checkpoint(checkpoint(1), tmp_path / "gone/checkpoint.pt")


def test_what_is_no_checkpoint_is_told_where_they_come_from(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.pt", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read") as caught:
            load_checkpoint(path)
        assert "'rechroma train' writes" in str(caught.value.hint)
