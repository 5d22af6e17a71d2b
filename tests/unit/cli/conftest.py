from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from rechroma.cli.root import root_command
from tests.support.models import write_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import MakePhoto, Run, Shell


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny color model file that tints everything."""
    return str(write_model(tmp_path_factory.mktemp("model") / "tiny.onnx"))


@pytest.fixture(scope="session")
def hinted_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same, with support for hints."""
    return str(write_model(tmp_path_factory.mktemp("model") / "hinted.onnx", hints=True))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(root_command, [str(word) for word in arguments], input=stdin)

    return call


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Run the command line as a process of its own, in an empty folder."""

    def call(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "rechroma", *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, input=stdin, capture_output=True, timeout=60, check=False
        )

    return call


@pytest.fixture
def photo(tmp_path: Path) -> MakePhoto:
    """Write a small gray photograph below the test's folder."""

    def write(name: str, *, size: tuple[int, int] = (48, 32)) -> Path:
        width, height = size
        ramp = np.linspace(40, 220, width * height).reshape(height, width).astype(np.uint8)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ramp).save(path)
        return path

    return write


@pytest.fixture
def default_signal_handlers() -> Iterator[None]:
    """Restore default signal handlers: background suites ignore signals, which children inherit."""
    handlers: dict[signal.Signals, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
