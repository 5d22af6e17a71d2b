"""Our networks against what the published code gave, in torch and as color model files."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from rechroma.cli.root import root_command
from rechroma.engines import Engine, OnnxEngine
from rechroma.networks import load_published
from rechroma.training import TorchEngine
from tests.support.published import shared

TOLERANCE = 1e-3  # of the output's largest magnitude
PLACE = (slice(100, 106), slice(60, 66))  # rows and columns of the hint
HINT = (40, -30, 1)  # a*, b*, mask


LICENSES = {
    "eccv16": "BSD-2-Clause",
    "siggraph17": "BSD-2-Clause",
    "ddcolor-tiny": "Apache-2.0",
    "ddcolor": "Apache-2.0",
}


@pytest.fixture(params=LICENSES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def rule() -> ModuleType:
    """Compute the stand-in weights and the image by a rule."""
    spec = importlib.util.spec_from_file_location("fill", shared("parity/fill.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkpoint(name: str, tmp_path: Path) -> Path:
    """A checkpoint with the published keys and shapes, filled by rule."""
    shapes = json.loads(shared(f"parity/{name}.json").read_text("utf-8"))
    filled = rule().spectral(rule().fill(shapes))
    weights = {key: torch.from_numpy(value) for key, value in filled.items()}
    torch.save(weights, tmp_path / f"{name}.pth")
    return tmp_path / f"{name}.pth"


def assert_parity(name: str, engine: Engine) -> None:
    lightness = rule().lightness(256)
    hints = np.zeros((1, 3, 256, 256), np.float32)
    hints[:, :, *PLACE] = np.array(HINT)[:, None, None]
    given: dict[str, Any] = {"chroma": None, "chroma_with_hint": hints}
    with np.load(shared(f"parity/{name}.npz")) as expected:
        known = [key for key in given if key in expected]
        assert known[0] == "chroma"
        for key in known:
            off = engine.chroma(lightness, given[key])[:, :, ::4, ::4] - expected[key]
            assert np.abs(off).max() < TOLERANCE * np.abs(expected[key]).max(), key


def test_network_equals_the_published_code(name: str, checkpoint: Path) -> None:
    assert_parity(name, TorchEngine(load_published(name, checkpoint)))


def test_imported_model_equals_the_published_code(name: str, checkpoint: Path) -> None:
    model = checkpoint.with_suffix(".onnx")
    words = ["models", "import", str(checkpoint), "--as", name, "-o", str(model)]
    result = CliRunner().invoke(root_command, words)
    assert result.exit_code == 0, result.output
    engine = OnnxEngine(model)
    assert (engine.card.name, engine.card.license) == (name, LICENSES[name])
    assert engine.card.hints is (name == "siggraph17")
    assert_parity(name, engine)
