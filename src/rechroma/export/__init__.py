"""Export of torch networks to color model files, with a parity check."""

from __future__ import annotations

from rechroma.export.onnx import Parity, export_model

__all__ = ["Parity", "export_model"]
