"""Reports for people: text tables, contact sheets, and a self-contained HTML page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowImage

from rechroma.datasets import evenly_spaced
from rechroma.evaluation.aggregate import ALL, GRAY, TRUTH
from rechroma.evaluation.predictor import gray_to_rgb, to_gray
from rechroma.evaluation.report import MODEL, predictions
from rechroma.imaging import contact_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rechroma.colorizer import Colorizer
    from rechroma.datasets import Shards
    from rechroma.evaluation.aggregate import Metrics
    from rechroma.evaluation.predictor import EvalPredictor, Image
    from rechroma.evaluation.report import ImageScore, Report

_MAX_SAMPLES, _MAX_HISTORICAL = 48, 24
_SIDE, _QUALITY = 320, 80  # of the images on the page
COLOR = ("hue_hit", "ciede2000", "auc", "balanced_auc", "psnr")
VARIETY = (
    *("cf", "cf_abs", "delta_cf", "delta_cf_each"),
    *("hue_entropy", "chroma_spread", "neutral_chroma"),
)
IMAGE_QUALITY = (
    *("ssim", "chroma_max", "edge_correlation", "flat_chroma", "flat_unevenness"),
    *("lightness_shift", "lightness_shift_max"),
)
_DIGITS = {
    "ciede2000": 2,
    "ssim": 3,
    "edge_correlation": 2,
    "hue_entropy": 2,
    "lightness_shift": 3,
    "lightness_shift_max": 3,
    "chroma_beyond": 4,
}
_KID_DIGITS = 4

_Row = tuple[tuple[str, ...], "Metrics"]


def render_page(
    report: Report, predictor: EvalPredictor, images: Shards, historical: Shards | None = None
) -> str:
    """Render a report as HTML, with all images embedded.

    Shows gray, prediction and truth of the images with the largest and the smallest gain over gray
    in CIEDE2000, and gray and prediction of photographs without ground truth.

    Args:
        report: The metrics.
        predictor: The model, to color the images again.
        images: The evaluated images.
        historical: Photographs without ground truth.
    """
    shown = best_and_worst(report.scores, _MAX_SAMPLES)
    samples = []
    for score in shown:
        caption = (
            f"{score.key} ({score.source}): CIEDE2000 {score.model:.1f}, gray {score.gray:.1f}, "
            f"gain {score.gain:+.1f}"
        )
        samples.append(_figure(caption, predictions(predictor, images[score.index])))
    unpaired = []
    if historical:
        for index in evenly_spaced(len(historical), _MAX_HISTORICAL):
            gray = to_gray(historical[index])
            rows = {"gray": gray_to_rgb(gray), "model": predictor.colorize(gray)}
            unpaired.append(_figure(historical.key(index), rows))
    template = Template(Path(__file__).with_name("report.html").read_text("utf-8"))
    return template.substitute(
        title=escape(report.model),
        tables="\n".join(map(html_table, tables(report))),
        shown=f"{len(shown)} of {len(report.scores)}",
        samples="\n".join(samples),
        historical="\n".join(unpaired),
    )


def best_and_worst(scores: Sequence[ImageScore], limit: int) -> list[ImageScore]:
    """Select at most `limit` images (an even number), largest gain first, smallest last."""
    ranked = sorted(scores, key=lambda score: -score.gain)
    half = limit // 2
    return ranked if len(ranked) <= limit else ranked[:half] + ranked[-half:]


def _figure(caption: str, shown: dict[str, Image]) -> str:
    images = ""
    for name, image in shown.items():
        source, row = data_url(encode_jpeg(image, _SIDE)), escape(name)
        images += f'<img src="{source}" alt="{row}" title="{row}" loading="lazy">'
    words = f"<figcaption>{escape(caption)}</figcaption>"
    return f'<figure><div class="row">{images}</div>{words}</figure>'


def encode_jpeg(image: Image, side: int, quality: int = _QUALITY) -> bytes:
    """Encode an image (H, W, 3), reduced to a long side of at most `side`, with full chroma."""
    small, file = PillowImage.fromarray(image), io.BytesIO()
    small.thumbnail((side, side))
    small.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def data_url(jpeg: bytes) -> str:
    """Return a JPEG as a data URL."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def html_table(table: Table) -> str:
    """Render a table as HTML."""
    rows = "\n".join(_line("td", row) for row in table.rows)
    return (
        f'<h2>{escape(table.title)}</h2>\n<div class="wide"><table>\n'
        f"<thead>{_line('th', table.header)}</thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _line(tag: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def draw_sheet(
    colorizer: Colorizer, truths: Iterable[Image], size: int | None = None
) -> PillowImage.Image:
    """Draw a contact sheet of gray images, predictions and truths.

    Args:
        colorizer: The model.
        truths: Color photographs (H, W, 3).
        size: Long side of the network's input; by default the model's own.
    """
    samples = []
    for truth in truths:
        gray = to_gray(truth)
        model = np.asarray(colorizer.colorize(gray, size=size), np.uint8)
        samples.append((gray_to_rgb(gray), model, truth))
    return contact_sheet(samples, (GRAY, MODEL, TRUTH), panel=(192, 144), samples_per_row=3)


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
    seen = [n for n in whole[GRAY] if n not in (*COLOR, *VARIETY, *IMAGE_QUALITY)]
    by_row: list[_Row] = [((row,), metrics) for row, metrics in whole.items()]
    made = [
        metric_table("Color", ("images", ""), _by_source(report), COLOR),
        metric_table("Colorfulness and variety", ("images", ""), _by_source(report), VARIETY),
        metric_table("Image quality, all", ("",), by_row, IMAGE_QUALITY),
        metric_table("Features of a fixed network, all", ("",), by_row, seen),
        _single_row(
            "Loss on simulated old prints, percent of the gain over gray",
            report.degraded_loss.get(ALL),
        ),
        metric_table("With true colors as hints", ("hints",), _labeled(report.hints)),
        metric_table("CIEDE2000 between sizes in pixels", ("size of",), _labeled(report.sizes)),
        _single_row("Photographs without ground truth", report.historical),
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
    return metric_table(title, (), [((), metrics)] if metrics else [])


def metric_table(
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
