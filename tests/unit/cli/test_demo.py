from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rechroma.web.samples import SAMPLES
from tests.support.command import Run, is_colored


def test_demo_writes_the_sheet_and_the_images(run: Run, model: str, tmp_path: Path) -> None:
    result = run("demo", "--model", model)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "rechroma-demo"
    assert "before-after.jpg: 6 photographs" in result.stdout
    with Image.open(folder / "before-after.jpg") as sheet:
        assert sheet.width > sheet.height
        assert sheet.mode == "RGB"
    for sample in SAMPLES:
        assert not is_colored(folder / f"{sample.name}.jpg")
        assert is_colored(folder / f"{sample.name}.color.jpg")


def test_demo_can_be_repeated_in_another_folder(run: Run, model: str, tmp_path: Path) -> None:
    first, second = (run("demo", "-o", "deep/er", "--model", model) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    with Image.open(tmp_path / "deep/er/before-after.jpg") as sheet:
        assert np.asarray(sheet).std() > 20


def test_demo_without_scikit_image_names_the_extra(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_spec(name: str) -> None:
        assert name == "skimage"

    monkeypatch.setattr("rechroma.cli.preflight.find_spec", find_spec)
    result = run("demo")
    assert result.exit_code == 69
    assert 'pip install "rechroma[app]"' in result.stderr
