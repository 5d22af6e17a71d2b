"""Inference engines: lightness in, chroma out."""

from __future__ import annotations

from rechroma.engines.base import Engine, available_threads, check_hints_supported, resolve_threads
from rechroma.engines.onnx import OnnxEngine
from rechroma.engines.preprocess import ModelInput, input_shape

__all__ = [
    "Engine",
    "ModelInput",
    "OnnxEngine",
    "available_threads",
    "check_hints_supported",
    "input_shape",
    "resolve_threads",
]
