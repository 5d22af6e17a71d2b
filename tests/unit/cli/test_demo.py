from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rechroma.web.samples import SAMPLES
from tests.support.command import MakePhoto, Run, is_colored


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


def test_demo_works_without_scikit_image(
    run: Run, model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("rechroma.web.samples.find_spec", lambda _name: None)
    result = run("demo", "--model", model)
    assert result.exit_code == 0, result.output
    assert "before-after.jpg: 5 photographs" in result.stdout
    assert is_colored(tmp_path / "rechroma-demo/cat.color.jpg")


def test_demo_ends_with_what_to_do_next(run: Run, model: str) -> None:
    output = run("demo", "--model", model).stdout
    for command in ("rechroma photo.jpg", "rechroma photos/ -o colored/", "rechroma app"):
        assert f"\n  {command} " in output


@pytest.mark.parametrize("is_installed", [True, False])
def test_demo_tells_how_to_install_the_page_only_without_it(
    run: Run, model: str, monkeypatch: pytest.MonkeyPatch, *, is_installed: bool
) -> None:
    monkeypatch.setattr("rechroma.cli.demo.find_spec", lambda _name: is_installed or None)
    assert ("pip install" in run("demo", "--model", model).stdout) is not is_installed


def test_demo_replaces_no_other_files(run: Run, model: str, photo: MakePhoto) -> None:
    own = photo("mine/cat.jpg")
    content = own.read_bytes()
    refused = run("demo", "-o", "mine", "--model", model)
    assert refused.exit_code == 73
    assert "cat.jpg already exists, and is not of an earlier demo" in refused.stderr
    assert own.read_bytes() == content
    assert [path.name for path in own.parent.iterdir()] == ["cat.jpg"]
