"""`rechroma colorize --project`: each photograph with its own model, adjustments and hints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.command import MakePhoto, Run, is_colored
from tests.support.models import write_model


def save(folder: Path, *entries: tuple[Path, dict[str, Any]]) -> None:
    images = [
        {"name": path.name, "size": path.stat().st_size, **fields} for path, fields in entries
    ]
    (folder / "box.json").write_text(json.dumps({"format": 1, "images": images}))


def mean_color(path: Path) -> list[float]:
    with Image.open(path) as image:
        return [float(level) for level in np.asarray(image.convert("RGB")).mean((0, 1))]


def test_each_photograph_has_its_own_options(
    run: Run, photo: MakePhoto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf").mkdir()
    write_model(tmp_path / "shelf" / "sepia.onnx", ab=(30.0, 40.0))
    write_model(tmp_path / "shelf" / "violet.onnx", ab=(40.0, -40.0), hints=True)
    monkeypatch.setenv("RECHROMA_MODELS", str(tmp_path / "shelf"))
    gray, brown, violet = (photo(f"box/{name}.png") for name in ("gray", "brown", "violet"))
    hint = {"x": 0.5, "y": 0.5, "color": "#c04030"}
    save(
        tmp_path,
        (gray, {"adjustments": {"saturation": 0}}),
        (brown, {}),
        (violet, {"model": "violet", "hints": [hint]}),
    )
    result = run("box", "--project", "box.json", "--model", "sepia", "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert not is_colored(tmp_path / "out" / "gray.png")
    red, _, blue = mean_color(tmp_path / "out" / "brown.png")
    assert red > blue + 10
    _, green, blue = mean_color(tmp_path / "out" / "violet.png")
    assert blue > green + 10


def test_invalid_adjustment_in_a_project_is_an_unusable_file(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    save(tmp_path, (photo("a.png"), {"adjustments": {"saturation": 18}}))
    result = run("a.png", "--project", "box.json", "--model", model)
    assert result.exit_code == 65
    assert "box.json: photograph 1: saturation must be 0 to 3, not 18" in result.stderr


def test_project_that_does_not_fit_colors_nothing(
    run: Run, photo: MakePhoto, model: str, tmp_path: Path
) -> None:
    first, second = photo("a.png"), photo("b.png")
    save(tmp_path, (first, {}))
    for words, code, message in (
        (["a.png", "b.png"], 65, "b.png: not a photograph of the project"),
        (["a.png", "--saturation", "2"], 2, "--saturation cannot be combined with --project"),
        (["a.png", "--hints", "h.json"], 66, "h.json"),
        (["-"], 2, "--project cannot be used with a pipe"),
    ):
        result = run("colorize", *words, "--project", "box.json", "--model", model)
        assert result.exit_code == code
        assert message in result.stderr
    save(tmp_path, (first, {}), (second, {}))
    result = run("colorize", "a.png", "--project", "box.json", "--model", model)
    assert result.exit_code == 65
    assert "photographs of the project are missing: b.png" in result.stderr
    save(tmp_path, (first, {"model": "nothing"}))
    assert run("colorize", "a.png", "--project", "box.json").exit_code == 78
    assert not list(tmp_path.glob("*.color.png"))
