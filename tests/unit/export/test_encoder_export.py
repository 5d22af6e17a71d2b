"""The ONNX file of an encoder equals the encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rechroma.errors import CheckpointError
from rechroma.export import OUTPUTS, export_features
from rechroma.models.onnx_runtime import ort
from rechroma.networks.encoders import make_encoder
from rechroma.networks.encoders.base import srgb_gray

if TYPE_CHECKING:
    from pathlib import Path


def test_exported_features_equal_those_of_the_encoder(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = make_encoder("efficientnet-lite2").eval()
    save_file(encoder.state_dict(), tmp_path / "w.safetensors")
    export_features("efficientnet-lite2", tmp_path / "w.safetensors", tmp_path / "e.onnx", 64)
    lightness = 100 * torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        features = encoder(srgb_gray(lightness))
        expected = [*features[2:], encoder.pooled_head(features[-1])]
    session = ort.InferenceSession(tmp_path / "e.onnx", providers=["CPUExecutionProvider"])
    found = session.run(list(OUTPUTS), {"lightness": lightness.numpy()})
    assert [each.shape for each in found] == [
        (1, 48, 8, 8),
        (1, 120, 4, 4),
        (1, 352, 2, 2),
        (1, 1280),
    ]
    for each, true in zip(found, expected, strict=True):
        scale = float(true.abs().max())
        assert scale > 0
        np.testing.assert_allclose(each, true, atol=1e-4 * scale)


def test_weights_of_another_encoder_are_rejected(tmp_path: Path) -> None:
    save_file({"conv.weight": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError):
        export_features("efficientnet-lite2", tmp_path / "w.safetensors", tmp_path / "e.onnx", 64)
    assert not (tmp_path / "e.onnx").exists()
