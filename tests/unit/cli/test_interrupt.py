"""Interruption by signals in the middle of a folder, and resumption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import MakePhoto, Shell, images_in, is_colored

PICTURES = 40


pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C in another way"),
    pytest.mark.usefixtures("default_signal_handlers"),
]


@pytest.fixture
def words(photo: MakePhoto, model: str) -> list[str]:
    """The command line that colors a folder, one image at a time."""
    for number in range(PICTURES):
        photo(f"box/{number}.png", size=(640, 480))
    return ["box", "-o", "out", "--jobs", "1", "--model", model]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_stopped_run_is_continued_by_the_same_command(
    shell: Shell, words: list[str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rechroma", *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    wait_for_first_result(process, tmp_path / "out")
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in stderr

    made = images_in(tmp_path / "out")
    assert 0 < len(made) < PICTURES
    assert (
        f"stopped; {len(made)} of {PICTURES} done; run the same command again to continue" in stderr
    )
    for path in made:
        assert is_colored(path)
    before = {path: path.stat().st_mtime_ns for path in made}

    again = shell(*words)
    assert again.returncode == 0
    assert f"{PICTURES - len(made)} colored, {len(made)} already present" in again.stderr.decode()
    assert {path: path.stat().st_mtime_ns for path in made} == before
    assert len(images_in(tmp_path / "out")) == PICTURES


def test_every_finished_image_has_its_line_of_json(words: list[str], tmp_path: Path) -> None:
    for name in ("out/0.png", "out/1.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"old")
    process = subprocess.Popen(
        [sys.executable, "-m", "rechroma", *words, "--overwrite", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    targets = {json.loads(line)["target"] for line in (first + rest).splitlines()}
    made = {path for path in images_in(tmp_path / "out") if path.read_bytes() != b"old"}
    assert {tmp_path / target for target in targets} == made


def test_closed_terminal_ends_the_run(words: list[str], tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "rechroma", *words]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=theirs, stderr=theirs)
    os.close(theirs)
    wait_for_first_result(process, tmp_path / "out")
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 129
    for path in images_in(tmp_path / "out"):
        assert is_colored(path)


def test_ctrl_c_during_startup_shows_no_traceback() -> None:
    code = """
import sys
class Interrupted:
    def find_spec(self, name, *_):
        if name == "rechroma.cli.root":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from rechroma.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, b"rechroma: interrupted\n")


@pytest.mark.parametrize("module", ["rechroma.cli.root", "numpy"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_import_is_an_interruption(
    tmp_path: Path, module: str, number: signal.Signals, code: int
) -> None:
    # numpy is imported by the command, and extension modules turn the exception into ImportError.
    program = f"""
import signal, sys
class Interrupted:
    def find_spec(self, name, *_):
        if name == {module!r}:
            try:
                signal.raise_signal({int(number)})
            except KeyboardInterrupt:
                raise ImportError("initialization failed") from None
sys.meta_path.insert(0, Interrupted())
sys.argv = ["rechroma", "demo", "-o", "out"]
from rechroma.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, b"rechroma: interrupted\n")


def wait_for_first_result(process: subprocess.Popen[Any], folder: Path) -> None:
    while not any(folder.glob("*.png")):
        assert process.poll() is None, "it ended before it could be stopped"
        time.sleep(0.005)


def test_defer_signals_waits_for_the_block() -> None:
    code = """
import os, signal
from rechroma.cli.signals import Stopped, install_signal_handlers, defer_signals
install_signal_handlers()
for number in (signal.SIGINT, signal.SIGTERM):
    try:
        with defer_signals():
            os.kill(os.getpid(), number)
            print("done")
        print("never")
    except KeyboardInterrupt as stop:
        print(getattr(stop, "exit_code", "interrupted"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.split() == [b"done", b"interrupted", b"done", b"143"]
