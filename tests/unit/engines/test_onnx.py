from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rechroma.engines import OnnxEngine
from rechroma.errors import (
    EngineError,
    InvalidChromaError,
    ModelContractError,
    ModelFeatureError,
    OptionError,
    ProviderError,
)
from rechroma.models.onnx_runtime import ort
from tests.support.models import (
    CARD,
    CHROMA,
    DISTRIBUTION,
    LIGHTNESS,
    write_constant_model,
    write_model,
    write_tensors,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny.onnx", ab=(20, 30))


def _lightness(count: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 100, (count, 1, height, width)).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 64, 32), (3, 16, 200)])
def test_chroma_is_that_of_the_model(model: Path, shape: tuple[int, int, int]) -> None:
    lightness = _lightness(*shape)
    chroma = OnnxEngine(model).chroma(lightness)
    count, height, width = shape
    cells = lightness.reshape(count, 1, height // 4, 4, width // 4, 4).mean(axis=(3, 5)) / 100
    wanted = cells * np.array([20, 30], np.float32).reshape(1, 2, 1, 1)
    assert chroma.dtype == np.float32
    np.testing.assert_allclose(chroma, wanted, atol=1e-3)


def test_non_contiguous_arrays_are_accepted(model: Path) -> None:
    engine = OnnxEngine(model)
    lightness = _lightness(1, 16, 32)
    turned = np.ascontiguousarray(lightness.swapaxes(2, 3)).swapaxes(2, 3)
    np.testing.assert_array_equal(engine.chroma(turned), engine.chroma(lightness))


def test_engine_has_card_and_provider(model: Path) -> None:
    engine = OnnxEngine(model, "cpu", threads=1)
    assert engine.card.name == "tiny"
    assert engine.provider == "cpu"


def test_model_with_hints_runs_without_any(tmp_path: Path) -> None:
    engine = OnnxEngine(write_model(tmp_path / "hints.onnx", hints=True))
    assert engine.chroma(_lightness(1, 8, 8)).shape == (1, 2, 2, 2)


def test_hints_reach_the_model(tmp_path: Path) -> None:
    engine = OnnxEngine(write_model(tmp_path / "hints.onnx", hints=True))
    lightness = _lightness(2, 8, 16)
    hints = np.zeros((2, 3, 8, 16), np.float32)
    hints[1, :, 4, 9] = 12, -34, 1
    free, fixed = engine.chroma(lightness), engine.chroma(lightness, hints.astype(np.float64))
    np.testing.assert_allclose(fixed[1, :, 1, 2], [12, -34], atol=1e-3)
    fixed[1, :, 1, 2] = free[1, :, 1, 2]
    np.testing.assert_array_equal(fixed, free)


def test_model_without_hints_rejects_them(model: Path) -> None:
    with pytest.raises(ModelFeatureError, match="the model tiny does not support hints") as caught:
        OnnxEngine(model).chroma(_lightness(1, 8, 8), np.zeros((1, 3, 8, 8), np.float32))
    assert "models list" in str(caught.value.hint)


def test_hints_of_another_size_are_rejected(tmp_path: Path) -> None:
    engine = OnnxEngine(write_model(tmp_path / "hints.onnx", hints=True))
    with pytest.raises(EngineError, match=r"hints\.onnx failed"):
        engine.chroma(_lightness(1, 16, 16), np.zeros((1, 3, 8, 24), np.float32))


def test_distribution_is_that_of_the_model(tmp_path: Path) -> None:
    bins = [[0.0, 0.0], [20.0, 30.0], [0.0, -9.0]]
    engine = OnnxEngine(write_model(tmp_path / "bins.onnx", bins=bins))
    shares = engine.distribution(np.full((1, 1, 8, 16), 30, np.float32))
    assert shares.shape == (1, 3, 2, 4)
    np.testing.assert_allclose(shares[0, :, 1, 3], [0.7, 0.3, 0], atol=1e-4)


def test_model_without_a_distribution_raises(model: Path) -> None:
    with pytest.raises(ModelFeatureError, match="tiny has no distribution"):
        OnnxEngine(model).distribution(_lightness(1, 8, 8))


def test_distribution_of_the_wrong_shape_is_rejected(tmp_path: Path) -> None:
    card = json.dumps(CARD | {"bins": [[0.0, 0.0]] * 3})
    path = write_tensors(tmp_path / "bins.onnx", [LIGHTNESS], [CHROMA, DISTRIBUTION], card)
    with pytest.raises(InvalidChromaError, match="distribution of shape"):
        OnnxEngine(path).distribution(_lightness(1, 64, 64))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_chroma_is_rejected(tmp_path: Path, value: float) -> None:
    engine = OnnxEngine(write_constant_model(tmp_path / "nan.onnx", (value, 0)))
    with pytest.raises(InvalidChromaError, match=r"nan\.onnx.*not finite"):
        engine.chroma(_lightness(1, 8, 8))


def test_chroma_of_the_wrong_shape_is_rejected(tmp_path: Path) -> None:
    engine = OnnxEngine(write_tensors(tmp_path / "small.onnx", [LIGHTNESS], [CHROMA]))
    with pytest.raises(InvalidChromaError, match="shape"):
        engine.chroma(_lightness(1, 64, 64))


def test_failed_run_is_reported_in_one_line(model: Path) -> None:
    three_channels = np.zeros((1, 3, 8, 8), np.float32)
    with pytest.raises(EngineError, match=r"tiny\.onnx") as caught:
        OnnxEngine(model).chroma(three_channels)
    assert "\n" not in caught.value.message


def test_broken_file_is_rejected_at_once(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("no model")
    with pytest.raises(ModelContractError, match=r"text\.onnx"):
        OnnxEngine(path)


def test_unknown_provider_is_rejected(model: Path) -> None:
    with pytest.raises(OptionError, match="tpu") as caught:
        OnnxEngine(model, "tpu")
    assert "cuda" in str(caught.value.hint)


@pytest.mark.skipif(
    "CUDAExecutionProvider" in ort.get_available_providers(), reason="CUDA is available here"
)
def test_missing_cuda_is_reported(model: Path) -> None:
    with pytest.raises(ProviderError, match="cuda") as caught:
        OnnxEngine(model, "cuda")
    assert "onnxruntime-gpu" in str(caught.value.hint)
    assert OnnxEngine(model, "auto").provider == "cpu"


@pytest.mark.parametrize("threads", [0, -1])
def test_too_few_threads_are_rejected(model: Path, threads: int) -> None:
    with pytest.raises(OptionError, match="threads"):
        OnnxEngine(model, threads=threads)


def test_engine_is_thread_safe(model: Path) -> None:
    engine = OnnxEngine(model)
    batches = [_lightness(1, 8 * side, 16) for side in range(1, 9)] * 4
    alone = [engine.chroma(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(engine.chroma, batches))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
