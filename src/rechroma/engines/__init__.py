"""Engines run color models: lightness in, chroma out."""

from __future__ import annotations

from rechroma.engines.base import (
    Engine,
    available_threads,
    check_takes_hints,
    checked_threads,
)
from rechroma.engines.fake import FakeEngine
from rechroma.engines.onnx import PROVIDERS, OnnxEngine
from rechroma.engines.preprocess import View, input_shape

__all__ = [
    "PROVIDERS",
    "Engine",
    "FakeEngine",
    "OnnxEngine",
    "View",
    "available_threads",
    "check_takes_hints",
    "checked_threads",
    "input_shape",
]
