"""The examples of docs/client.md do what it says, as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.service import PATIENCE, Server, opened, photo_file

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs/client.md").read_text("utf-8"), re.DOTALL
)
AT_ONCE, JOB, ASYNC, FAULT = EXAMPLES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photo.jpg").write_bytes(photo_file((300, 200), "JPEG"))
    (tmp_path / "scan.png").write_bytes(b"no picture at all")
    return tmp_path


def told_by(code: str, server: Server, folder: Path) -> str:
    """What an example prints in a process of its own."""
    assert code.count("http://127.0.0.1:8000") == 1
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code.replace("http://127.0.0.1:8000", server.url)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_picture_at_once(server: Server, folder: Path) -> None:
    told_by(AT_ONCE, server, folder)
    assert opened((folder / "colored.webp").read_bytes()).format == "WEBP"


def test_a_job(server: Server, folder: Path) -> None:
    told = told_by(JOB, server, folder)
    assert told.startswith("scan: ")
    assert opened((folder / "001-photo.color.jpg").read_bytes()).size == (300, 200)


def test_asyncio(server: Server, folder: Path) -> None:
    assert told_by(ASYNC, server, folder).startswith("photo.color.jpg ")


def test_a_fault(server: Server, folder: Path) -> None:
    assert told_by(FAULT, server, folder).startswith("422 ")
