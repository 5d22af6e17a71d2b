"""Evaluation of models on data sets, next to gray and the ground truth."""

from __future__ import annotations

from rechroma.evaluation.feature_extractor import FeatureNetwork
from rechroma.evaluation.leaderboard import LeaderboardRow, build_leaderboard
from rechroma.evaluation.predictor import EvalPredictor, to_gray
from rechroma.evaluation.report import EvalConfig, ImageScore, Report, evaluate
from rechroma.evaluation.report_output import draw_sheet, render_page, tables

__all__ = [
    "EvalConfig",
    "EvalPredictor",
    "FeatureNetwork",
    "ImageScore",
    "LeaderboardRow",
    "Report",
    "build_leaderboard",
    "draw_sheet",
    "evaluate",
    "render_page",
    "tables",
    "to_gray",
]
