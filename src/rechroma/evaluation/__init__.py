"""Evaluation: models on data sets, by the metrics, beside grey and truth."""

from __future__ import annotations

from rechroma.evaluation.report import Report, coloured, evaluate, grey_level, sheet

__all__ = ["Report", "coloured", "evaluate", "grey_level", "sheet"]
