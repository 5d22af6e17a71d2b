"""ONNX Runtime, which would otherwise report its use to its makers from 1.32 on.

It looks at the variable once, as it is imported; so everything here imports it from this module.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort

__all__ = ["ort"]
