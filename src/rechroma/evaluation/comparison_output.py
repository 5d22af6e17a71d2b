"""Comparisons for people: a Markdown table, and a self-contained HTML page."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from rechroma.engines import resolve_threads
from rechroma.evaluation.report_output import (
    COLOR,
    IMAGE_QUALITY,
    VARIETY,
    Table,
    data_url,
    html_table,
    metric_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rechroma.evaluation.comparison import ComparedPhoto, Comparison, ComparisonRow

_COLUMNS = {  # of the Markdown table
    "hue_hit": ("hue hit", 1),
    "ciede2000": ("CIEDE2000", 2),
    "auc": ("AuC", 1),
    "balanced_auc": ("balanced AuC", 1),
    "cf_abs": ("CF abs", 1),
    "psnr": ("PSNR", 1),
    "ssim": ("SSIM", 3),
}
_NO_REFERENCE_COLUMNS = {
    "cf_abs": ("CF abs", 1),
    "hue_entropy": ("hue entropy", 2),
    "chroma_spread": ("chroma spread", 1),
    "edge_correlation": ("edge correlation", 2),
    "flat_unevenness": ("flat unevenness", 1),
}


def render_comparison(comparison: Comparison, data: str) -> str:
    """Render a comparison as an HTML page, with all images embedded.

    Args:
        comparison: The results.
        data: Name of the photographs.
    """
    by_row = [((name,), row.metrics) for name, row in comparison.rows.items()]
    made = [
        metric_table("Color", ("model",), by_row, COLOR),
        metric_table("Colorfulness and variety", ("model",), by_row, VARIETY),
        metric_table("Image quality", ("model",), by_row, IMAGE_QUALITY),
        _cost_table(comparison.rows),
    ]
    groups = list(dict.fromkeys(group for each in comparison.samples for group in each.groups))
    template = Template(Path(__file__).with_name("comparison.html").read_text("utf-8"))
    return template.substitute(
        title=escape(f"Comparison on {data}"),
        notes="\n".join(f"<p>{escape(note)}</p>" for note in _notes(comparison)),
        tables="\n".join(html_table(table) for table in made if table.rows),
        groups="".join(f"<option>{escape(group)}</option>" for group in groups),
        samples="\n".join(map(_figure, comparison.samples)),
    )


def markdown_table(
    comparison: Comparison, more: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    """Render the main metrics and the cost of all models as one Markdown table.

    Args:
        comparison: The results.
        more: Further cells of some rows, by row and column.
    """
    columns = _COLUMNS if comparison.ground_truth else _NO_REFERENCE_COLUMNS
    rows = []
    for name, row in comparison.rows.items():
        known = row.metrics
        cells = {
            title: f"{known[key]:.{digits}f}"
            for key, (title, digits) in columns.items()
            if key in known
        }
        rows.append({"": name, **cells, **_cost_cells(row), **(more or {}).get(name, {})})
    header = dict.fromkeys(title for row in rows for title in row)
    return format_markdown(list(header), [[row.get(title, "") for title in header] for row in rows])


def format_markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a Markdown table; `|` is escaped."""
    lines = [[cell.replace("|", r"\|") for cell in line] for line in (header, *rows)]
    lines.insert(1, ["---"] * len(header))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cost_cells(row: ComparisonRow) -> dict[str, str]:
    cells = {}
    if row.weights:
        cells = {
            "weights": f"{row.weights / 1e6:.1f} M",
            "MB": f"{row.megabytes:.1f}",
            "s": f"{row.seconds:.2f}",
            "memory MB": f"{row.peak_memory_mb:.0f}" if row.peak_memory_mb else "",
            "license": row.license,
        }
    return cells


def _cost_table(rows: Mapping[str, ComparisonRow]) -> Table:
    titles = ("weights", "file, MB", "seconds per photograph", "peak memory, MB", "license")
    lines = [(name, *cells.values()) for name, row in rows.items() if (cells := _cost_cells(row))]
    return Table("Cost", ("model", *titles), tuple(lines))


def _notes(comparison: Comparison) -> list[str]:
    """Describe the data and the measurements in sentences."""
    notes = [
        f"{comparison.photographs} photographs with a median size of "
        f"{comparison.megapixels:.2f} megapixels, converted to grayscale and colored by each model."
    ]
    if comparison.left_out:
        notes.append(f"Left out, as they cannot be used: {'; '.join(comparison.left_out)}.")
    if comparison.ground_truth:
        notes.append(
            "Compare each metric with the rows gray (no color) and truth (the original). Models "
            "are sorted by balanced AuC. The number below an image is its CIEDE2000."
        )
    else:
        notes.append(
            "The true colors are not known: metrics that need them are left out, and there are no "
            "best and worst cases."
        )
    if any(row.weights for row in comparison.rows.values()):
        notes.append(
            f"Times are medians with {resolve_threads(None)} threads, from gray to colored pixels, "
            "without reading and writing files. Each model ran in a process of its own, and the "
            "models took turns at every photograph. Peak memory is that of the process, with "
            "Python and all libraries."
        )
    notes += [
        f"{name}: finished results, not made by this program. Their chroma is shown and measured "
        "at the lightness of the photographs; their own lightness, which differs by "
        f"{row.discarded_lightness:.1f} L* on average, is discarded."
        for name, row in comparison.rows.items()
        if row.discarded_lightness is not None
    ]
    return notes


def _figure(sample: ComparedPhoto) -> str:
    """Render the images of a photograph side by side, each a button that enlarges it."""
    images = []
    for name, jpeg in sample.images.items():
        error = f" {sample.errors[name]:.1f}" if sample.errors else ""
        alt = escape(f"{name}: {sample.key}")
        images.append(
            f'<li><button type="button"><img src="{data_url(jpeg)}" alt="{alt}" loading="lazy">'
            f"</button><span>{escape(name)}{error}</span></li>"
        )
    groups = escape("\n".join(sample.groups))
    caption = escape(f"{sample.key} ({', '.join(sample.groups)})")
    return (
        f'<figure data-groups="{groups}"><figcaption>{caption}</figcaption>'
        f"<ul>{''.join(images)}</ul></figure>"
    )
