"""Export of a frozen encoder to ONNX, for precomputed features."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rechroma.errors import CheckpointError
from rechroma.networks import load_encoder
from rechroma.networks.encoders.base import srgb_gray
from rechroma.networks.encoders.registry import make_encoder

if TYPE_CHECKING:
    from pathlib import Path

    from rechroma.networks import Encoder

_OPSET = 17
_LEVELS = (8, 16, 32)  # reductions of the features, the last three of an encoder
OUTPUTS = (*(f"features_{level}" for level in _LEVELS), "pooled_head")
"""Names of the outputs."""


class _Features(nn.Module):
    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, lightness: Tensor) -> tuple[Tensor, ...]:
        features = self.encoder(srgb_gray(lightness))[-len(_LEVELS) :]
        return (*features, self.encoder.pooled_head(features[-1]))


def export_features(name: str, weights: Path, target: Path, size: int) -> None:
    """Write an encoder as an ONNX file from lightness (1, 1, S, S) in 0..100 to its features.

    Args:
        name: Name of the encoder, one that reaches 1/32.
        weights: Its weights (safetensors).
        target: The ONNX file.
        size: Side of the input in pixels, a multiple of 32.

    Raises:
        RecipeError: There is no encoder of that name.
        CheckpointError: The weights do not fit, or the encoder does not reach 1/32.
    """
    encoder = make_encoder(name)
    load_encoder(encoder, weights)
    module, lightness = _Features(encoder.eval()).eval(), torch.full((1, 1, size, size), 50.0)
    with torch.inference_mode():
        coarsest = module(lightness)[-2]
    if coarsest.shape[-1] != size // _LEVELS[-1]:
        raise CheckpointError(
            f"the encoder {name} does not reach 1/{_LEVELS[-1]} of the size",
            hint="Use efficientnet-lite2.",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the exporter itself
        torch.onnx.export(
            module,
            (lightness,),
            str(target),
            input_names=["lightness"],
            output_names=list(OUTPUTS),
            opset_version=_OPSET,
            dynamo=False,
        )
