"""The progress bar: on a terminal only, never in piped output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import MakePhoto, Shell


@pytest.fixture
def words(photo: MakePhoto, model: str) -> list[str]:
    """A command line that colors three photographs."""
    for number in range(3):
        photo(f"box/{number}.png")
    return ["box", "--model", model]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("options", "shown"), [([], True), (["--quiet"], False)])
def test_bar_is_shown_on_a_terminal(
    words: list[str], tmp_path: Path, options: list[str], *, shown: bool
) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "rechroma", *words, *options]
    subprocess.run(command, cwd=tmp_path, stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    output = _read_all(ours)
    assert (b"Coloring" in output) is shown
    assert (b"3/3" in output) is shown


def test_bar_is_not_written_to_a_file(shell: Shell, words: list[str]) -> None:
    done = shell(*words)
    assert done.returncode == 0
    assert done.stdout == b""
    assert done.stderr.decode().startswith("rechroma: 3 colored in ")


def _read_all(terminal: int) -> bytes:
    output = b""
    try:
        while part := os.read(terminal, 4096):
            output += part
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(terminal)
    return output
