"""Evaluation: models on data sets, by the metrics, beside grey and truth."""

from __future__ import annotations

from rechroma.datasets import spread
from rechroma.evaluation.choice import Judged
from rechroma.evaluation.features import FeatureNetwork
from rechroma.evaluation.leaderboard import Standing, compare
from rechroma.evaluation.page import page
from rechroma.evaluation.painter import Painter, grey_level
from rechroma.evaluation.report import Plan, Report, evaluate
from rechroma.evaluation.sheet import sheet
from rechroma.evaluation.tables import Table, tables

__all__ = [
    "FeatureNetwork",
    "Judged",
    "Painter",
    "Plan",
    "Report",
    "Standing",
    "Table",
    "compare",
    "evaluate",
    "grey_level",
    "page",
    "sheet",
    "spread",
    "tables",
]
