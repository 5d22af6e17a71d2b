"""Evaluation of models on data sets, next to gray and the ground truth.

Submodules are imported when one of their names is first used: a process that only runs a model
must not pay for PyTorch, or the memory that it reports would not be the model's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rechroma.evaluation.blind import make_blind_test
    from rechroma.evaluation.comparison import Comparison, ComparisonRow, compare
    from rechroma.evaluation.comparison_output import render_comparison
    from rechroma.evaluation.feature_extractor import FeatureNetwork
    from rechroma.evaluation.photo_folder import PhotoFolder, ResultFolder
    from rechroma.evaluation.predictor import EvalPredictor, to_gray
    from rechroma.evaluation.report import EvalConfig, ImageScore, Report, evaluate
    from rechroma.evaluation.report_output import draw_sheet, render_page, tables
    from rechroma.evaluation.votes import Ranking, rank_votes, read_votes

_NAMES = {
    "blind": ("make_blind_test",),
    "comparison": ("Comparison", "ComparisonRow", "compare"),
    "comparison_output": ("render_comparison",),
    "feature_extractor": ("FeatureNetwork",),
    "photo_folder": ("PhotoFolder", "ResultFolder"),
    "predictor": ("EvalPredictor", "to_gray"),
    "report": ("EvalConfig", "ImageScore", "Report", "evaluate"),
    "report_output": ("draw_sheet", "render_page", "tables"),
    "votes": ("Ranking", "rank_votes", "read_votes"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "Comparison",
    "ComparisonRow",
    "EvalConfig",
    "EvalPredictor",
    "FeatureNetwork",
    "ImageScore",
    "PhotoFolder",
    "Ranking",
    "Report",
    "ResultFolder",
    "compare",
    "draw_sheet",
    "evaluate",
    "make_blind_test",
    "rank_votes",
    "read_votes",
    "render_comparison",
    "render_page",
    "tables",
    "to_gray",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
