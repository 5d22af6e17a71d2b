"""Reports with images: contact sheets, and a self-contained HTML page."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowImage

from rechroma.datasets import evenly_spaced
from rechroma.evaluation.aggregate import GRAY, TRUTH
from rechroma.evaluation.predictor import gray_to_rgb, to_gray
from rechroma.evaluation.report import MODEL, predictions
from rechroma.evaluation.tables import tables
from rechroma.imaging import contact_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rechroma.colorizer import Colorizer
    from rechroma.datasets import Shards
    from rechroma.evaluation.predictor import EvalPredictor, Image
    from rechroma.evaluation.report import ImageScore, Report
    from rechroma.evaluation.tables import Table

_MAX_SAMPLES, _MAX_HISTORICAL = 48, 24
_SIDE, _QUALITY = 320, 80  # of the images on the page


def render_page(
    report: Report, predictor: EvalPredictor, images: Shards, historical: Shards | None = None
) -> str:
    """Render a report as HTML, with all images embedded.

    Shows gray, prediction and truth of the images with the largest and the smallest gain over gray
    in CIEDE2000, and gray and prediction of photographs without truth.

    Args:
        report: The metrics.
        predictor: The model, to color the images again.
        images: The evaluated images.
        historical: Photographs without truth.
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
    template = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(report.model),
        tables="\n".join(map(_table, tables(report))),
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
    images = "".join(
        f'<img src="{_data_url(image)}" alt="{escape(row)}" title="{escape(row)}" loading="lazy">'
        for row, image in shown.items()
    )
    words = f"<figcaption>{escape(caption)}</figcaption>"
    return f'<figure><div class="row">{images}</div>{words}</figure>'


def _data_url(image: Image) -> str:
    """Encode a small JPEG of an image (H, W, 3) as a data URL."""
    small, file = PillowImage.fromarray(image), io.BytesIO()
    small.thumbnail((_SIDE, _SIDE))
    small.save(file, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _table(table: Table) -> str:
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
