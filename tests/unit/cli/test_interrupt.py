"""Ctrl-C in the middle of a folder, and the same command again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.command import MakePhoto, Shell, is_colored

PICTURES = 40


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C in another way")
def test_stopped_and_taken_up_again(
    shell: Shell, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    for number in range(PICTURES):
        photo(f"box/{number}.png", size=(640, 480))
    words = ("box", "-o", "out", "--jobs", "2", "--model", model)
    process = subprocess.Popen(
        [sys.executable, "-m", "rechroma", *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    wait_for_first_result(process, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"of {PICTURES} are done, and the same command goes on from there" in told
    assert "Traceback" not in told

    made = sorted((tmp_path / "out").iterdir())
    assert 0 < len(made) < PICTURES
    for path in made:
        assert is_colored(path)
    before = {path: path.stat().st_mtime_ns for path in made}

    again = shell(*words)
    assert again.returncode == 0
    assert f"{PICTURES - len(made)} coloured, {len(made)} already there" in again.stderr.decode()
    assert {path: path.stat().st_mtime_ns for path in made} == before
    assert len(list((tmp_path / "out").iterdir())) == PICTURES


def wait_for_first_result(process: subprocess.Popen[str], folder: Path) -> None:
    while not any(folder.glob("*.png")):
        assert process.poll() is None, "it ended before it could be stopped"
        time.sleep(0.005)
