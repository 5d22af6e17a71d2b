"""Report as text tables, for a terminal or a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rechroma.evaluation.aggregate import ALL, GRAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.evaluation.aggregate import Metrics
    from rechroma.evaluation.report import Report

_COLOR = ("hue_hit", "ciede2000", "auc", "balanced_auc", "psnr")
_VARIETY = (
    *("cf", "cf_abs", "delta_cf", "delta_cf_each"),
    *("hue_entropy", "chroma_spread", "neutral_chroma"),
)
_IMAGE = (
    *("ssim", "chroma_max", "edge_correlation", "flat_chroma", "flat_unevenness"),
    *("lightness_shift", "lightness_shift_max"),
)
_DIGITS = {
    "ssim": 3,
    "edge_correlation": 2,
    "hue_entropy": 2,
    "lightness_shift": 3,
    "lightness_shift_max": 3,
    "chroma_beyond": 4,
}
_KID_DIGITS = 4

_Row = tuple[tuple[str, ...], "Metrics"]


@dataclass(frozen=True)
class Table:
    """Text in rows and columns.

    Attributes:
        title: Heading of the table.
        header: Names of the columns.
        rows: Each as long as the header.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(report: Report) -> list[Table]:
    """Make the tables of a report, the most important first."""
    whole = report.metrics[ALL]
    seen = [n for n in whole[GRAY] if n not in (*_COLOR, *_VARIETY, *_IMAGE)]
    by_row: list[_Row] = [((row,), metrics) for row, metrics in whole.items()]
    made = [
        _table("Color", ("images", ""), _by_source(report), _COLOR),
        _table("Colorfulness and variety", ("images", ""), _by_source(report), _VARIETY),
        _table("Image quality, all", ("",), by_row, _IMAGE),
        _table("Features of a fixed network, all", ("",), by_row, seen),
        _single_row(
            "Loss on old-looking prints, percent of the gain over gray",
            report.degraded_loss.get(ALL),
        ),
        _table("With true colors as hints", ("hints",), _labeled(report.hints)),
        _table("CIEDE2000 between sizes in pixels", ("size of",), _labeled(report.sizes)),
        _single_row("Photographs without truth", report.historical),
        _single_row("Network", report.network),
    ]
    return [table for table in made if table.rows]


def _by_source(report: Report) -> list[_Row]:
    return [
        ((f"{source} ({report.images[source]})" if row == GRAY else "", row), metrics)
        for source, rows in report.metrics.items()
        for row, metrics in rows.items()
    ]


def _labeled(rows: dict[str, Metrics]) -> list[_Row]:
    return [((label,), metrics) for label, metrics in rows.items()]


def _single_row(title: str, metrics: Metrics | None) -> Table:
    return _table(title, (), [((), metrics)] if metrics else [])


def _table(
    title: str, labels: tuple[str, ...], rows: Sequence[_Row], names: Sequence[str] | None = None
) -> Table:
    """Make a table of the metrics in `names` that any row has; by default of all metrics."""
    if names is None:
        names = list(dict.fromkeys(name for _, metrics in rows for name in metrics))
    names = [name for name in names if any(name in metrics for _, metrics in rows)]
    header = (*labels, *(name.replace("_", " ") for name in names))
    lines = [(*label, *(_format(name, metrics) for name in names)) for label, metrics in rows]
    return Table(title, header, tuple(lines) if names else ())


def _format(name: str, metrics: Metrics) -> str:
    if name not in metrics:
        return ""
    digits = _KID_DIGITS if name.startswith("kid_") else _DIGITS.get(name, 1)
    return str(metrics[name]) if name == "images" else f"{metrics[name]:.{digits}f}"
