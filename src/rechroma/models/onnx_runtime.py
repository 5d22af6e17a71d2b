"""ONNX Runtime with its telemetry disabled, which it would send from version 1.32 on.

The variable is read once, on import; so everything imports ONNX Runtime from this module.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort

__all__ = ["ort"]
