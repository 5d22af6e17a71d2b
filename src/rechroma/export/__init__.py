"""Export of networks and encoders to ONNX, with a parity check for color models."""

from __future__ import annotations

from rechroma.export.onnx import Parity, export_features, export_model

__all__ = ["Parity", "export_features", "export_model"]
