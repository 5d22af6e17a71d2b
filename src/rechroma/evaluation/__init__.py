"""Evaluation: models on data sets, by the metrics, beside gray and truth."""

from __future__ import annotations

from rechroma.datasets import spread
from rechroma.evaluation.contact_sheet import sheet
from rechroma.evaluation.feature_extractor import FeatureNetwork
from rechroma.evaluation.leaderboard import Standing, compare
from rechroma.evaluation.page import page
from rechroma.evaluation.predictor import Painter, gray_level
from rechroma.evaluation.report import Plan, Report, evaluate
from rechroma.evaluation.selection import ImageScore
from rechroma.evaluation.tables import Table, tables

__all__ = [
    "FeatureNetwork",
    "ImageScore",
    "Painter",
    "Plan",
    "Report",
    "Standing",
    "Table",
    "compare",
    "evaluate",
    "gray_level",
    "page",
    "sheet",
    "spread",
    "tables",
]
