"""Our networks against what the published code gave, in torch and as color model files."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray

from rechroma.cli.root import root_command
from rechroma.color.lab import srgb_to_lab
from rechroma.engines import Engine, OnnxEngine
from rechroma.export import rounded_network
from rechroma.networks import fold_normalization, load_published
from rechroma.networks.architectures.deoldify import DeOldify
from rechroma.networks.encoders.base import srgb_gray
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
    "deoldify-artistic": "MIT",
    "deoldify-stable": "MIT",
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
    torch.save({"model": weights} if is_deoldify(name) else weights, tmp_path / f"{name}.pth")
    return tmp_path / f"{name}.pth"


def is_deoldify(name: str) -> bool:
    return name.startswith("deoldify")


def published_outputs(name: str) -> dict[str, NDArray[np.float32]]:
    """What the published code gave at every fourth pixel; for DeOldify, the chroma of its RGB."""
    with np.load(shared(f"parity/{name}.npz")) as file:
        outputs = dict(file)
    if "rgb" in outputs:
        outputs["chroma"] = deoldify_chroma(outputs["rgb"])
    return outputs


def deoldify_chroma(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take RGB (1, 3, H, W) through DeOldify's post-processing, by OpenCV, to a*b* (1, 2, H, W)."""
    lab = np.zeros((*rgb.shape[2:], 3), np.float32)
    lab[..., 0] = rule().lightness(256)[0, 0, ::4, ::4]
    yuv = cv2.cvtColor(rgb[0].transpose(1, 2, 0).clip(0, 1), cv2.COLOR_RGB2YUV)
    yuv[..., 0] = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)[..., 0]
    yuv[..., 1:] = (yuv[..., 1:] - 0.5).clip(-128 / 255, 127 / 255) + 0.5  # as in 8 bits
    colored = cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB).clip(0, 1)
    return srgb_to_lab(colored)[..., 1:].transpose(2, 0, 1)[None]  # OpenCV's is only approximate


def assert_parity(name: str, engine: Engine) -> None:
    lightness = rule().lightness(256)
    hints = np.zeros((1, 3, 256, 256), np.float32)
    hints[:, :, *PLACE] = np.array(HINT)[:, None, None]
    given: dict[str, Any] = {"chroma": None, "chroma_with_hint": hints}
    expected = published_outputs(name)
    known = [key for key in given if key in expected]
    assert known[0] == "chroma"
    for key in known:
        assert_close(engine.chroma(lightness, given[key])[:, :, ::4, ::4], expected[key])


def assert_close(output: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    assert np.abs(output - expected).max() < TOLERANCE * np.abs(expected).max()


def test_network_equals_the_published_code(name: str, checkpoint: Path) -> None:
    network = load_published(name, checkpoint)
    assert_parity(name, TorchEngine(network))
    if is_deoldify(name):
        assert isinstance(network, DeOldify)
        with torch.inference_mode():
            rgb, _ = network.paint(srgb_gray(torch.from_numpy(rule().lightness(256))))
        assert_close(rgb[:, :, ::4, ::4].numpy(), published_outputs(name)["rgb"])


def test_imported_model_equals_the_published_code(name: str, checkpoint: Path) -> None:
    model = checkpoint.with_suffix(".onnx")
    words = ["models", "import", str(checkpoint), "--as", name, "-o", str(model)]
    result = CliRunner().invoke(root_command, words)
    assert result.exit_code == 0, result.output
    engine = OnnxEngine(model)
    assert (engine.card.name, engine.card.license) == (name, LICENSES[name])
    assert engine.card.hints is (name == "siggraph17")
    assert_parity(name, engine)


@pytest.mark.parametrize("name", ["ddcolor"])
def test_float16_weights_stay_within_the_tolerance(name: str, checkpoint: Path) -> None:
    network = load_published(name, checkpoint)
    fold_normalization(network)
    assert_parity(name, TorchEngine(rounded_network(network, "float16")))
