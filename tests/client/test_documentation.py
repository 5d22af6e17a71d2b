"""The examples of docs/client.md, run as they are written."""

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
    (tmp_path / "scan.png").write_bytes(b"no image at all")
    return tmp_path


def run_example(code: str, server: Server, folder: Path) -> str:
    """Run an example in its own process, and return what it prints."""
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


def test_first_example_writes_a_webp(server: Server, folder: Path) -> None:
    run_example(AT_ONCE, server, folder)
    assert opened((folder / "colored.webp").read_bytes()).format == "WEBP"


def test_job_example_writes_results_and_prints_problems(server: Server, folder: Path) -> None:
    output = run_example(JOB, server, folder)
    assert output == "scan.png: this is a text file, not a photograph\n"
    assert opened((folder / "001-photo.color.jpg").read_bytes()).size == (300, 200)


def test_asyncio_example_prints_the_result(server: Server, folder: Path) -> None:
    assert run_example(ASYNC, server, folder).startswith("photo.color.jpg ")


def test_error_example_prints_the_status(server: Server, folder: Path) -> None:
    assert run_example(FAULT, server, folder).startswith("422 ")
