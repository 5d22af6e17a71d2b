"""The essentials of a report as tables of words, for a terminal or a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rechroma.evaluation.aggregate import ALL, GRAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rechroma.evaluation.aggregate import Figures
    from rechroma.evaluation.report import Report

_COLOR = ("hue_hit", "ciede2000", "auc", "balanced_auc", "psnr")
_VARIETY = (
    *("cf", "cf_abs", "delta_cf", "delta_cf_each"),
    *("hue_entropy", "chroma_spread", "neutral_chroma"),
)
_PICTURE = (
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

_Row = tuple[tuple[str, ...], "Figures"]


@dataclass(frozen=True)
class Table:
    """Words in rows.

    Attributes:
        title: What it is about.
        header: Of the columns.
        rows: Each as long as the header.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(report: Report) -> list[Table]:
    """The essentials, most important first."""
    whole = report.figures[ALL]
    seen = [n for n in whole[GRAY] if n not in (*_COLOR, *_VARIETY, *_PICTURE)]
    by_row: list[_Row] = [((row,), figures) for row, figures in whole.items()]
    made = [
        _table("Color", ("pictures", ""), _by_source(report), _COLOR),
        _table("Colorfulness and variety", ("pictures", ""), _by_source(report), _VARIETY),
        _table("Picture, all", ("",), by_row, _PICTURE),
        _table("As a fixed network sees it, all", ("",), by_row, seen),
        _flat("Lost on old-looking prints, per cent of the gain over gray", report.lost.get(ALL)),
        _table("With true colors given", ("colors",), _labeled(report.hints)),
        _table("CIEDE2000 between sizes in pixels", ("of the",), _labeled(report.sizes)),
        _flat("Photographs without truth", report.old),
        _flat("Network", report.network),
    ]
    return [table for table in made if table.rows]


def _by_source(report: Report) -> list[_Row]:
    return [
        ((f"{source} ({report.pictures[source]})" if row == GRAY else "", row), figures)
        for source, rows in report.figures.items()
        for row, figures in rows.items()
    ]


def _labeled(rows: dict[str, Figures]) -> list[_Row]:
    return [((label,), figures) for label, figures in rows.items()]


def _flat(title: str, figures: Figures | None) -> Table:
    return _table(title, (), [((), figures)] if figures else [])


def _table(
    title: str, labels: tuple[str, ...], rows: Sequence[_Row], names: Sequence[str] | None = None
) -> Table:
    """A table of those of `names` that any row has; without names, of all that there are."""
    if names is None:
        names = list(dict.fromkeys(name for _, figures in rows for name in figures))
    names = [name for name in names if any(name in figures for _, figures in rows)]
    header = (*labels, *(name.replace("_", " ") for name in names))
    lines = [(*label, *(_words(name, figures) for name in names)) for label, figures in rows]
    return Table(title, header, tuple(lines) if names else ())


def _words(name: str, figures: Figures) -> str:
    if name not in figures:
        return ""
    digits = _KID_DIGITS if name.startswith("kid_") else _DIGITS.get(name, 1)
    return str(figures[name]) if name == "pictures" else f"{figures[name]:.{digits}f}"
