"""Inference engines: lightness in, chroma out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rechroma.lazy import lazy_names

if TYPE_CHECKING:
    from rechroma.engines.base import (
        Engine,
        available_threads,
        check_hints_supported,
        resolve_threads,
    )
    from rechroma.engines.onnx import OnnxEngine
    from rechroma.engines.preprocess import ModelInput, input_shape
else:
    # An engine can begin to load before OpenCV is imported.
    __getattr__ = lazy_names(
        __name__,
        {
            "base": "Engine available_threads check_hints_supported resolve_threads",
            "onnx": "OnnxEngine",
            "preprocess": "ModelInput input_shape",
        },
    )

__all__ = [
    "Engine",
    "ModelInput",
    "OnnxEngine",
    "available_threads",
    "check_hints_supported",
    "input_shape",
    "resolve_threads",
]
