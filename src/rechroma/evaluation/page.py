"""A report as one HTML page that stands alone: the figures, and pictures beside each other."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from PIL import Image

from rechroma.datasets import spread
from rechroma.evaluation.predictor import gray_level, in_rgb
from rechroma.evaluation.report import answers
from rechroma.evaluation.selection import best_and_worst
from rechroma.evaluation.tables import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rechroma.datasets import Shards
    from rechroma.evaluation.predictor import Painter, Picture
    from rechroma.evaluation.report import Report
    from rechroma.evaluation.selection import ImageScore
    from rechroma.evaluation.tables import Table

    _Sample = tuple[str, dict[str, Picture]]

_MAX_SAMPLES, _MAX_OLD = 48, 24
_SIDE, _QUALITY = 320, 80  # of the pictures on the page


def page(report: Report, painter: Painter, pictures: Shards, old: Shards | None = None) -> str:
    """The HTML text; pictures are inside it, and nothing is loaded from elsewhere.

    The pictures that gained most and least over gray by CIEDE2000 are shown in gray, as the model
    colors them, and as they were; photographs without truth in gray and colored.

    Args:
        report: The figures.
        painter: The model, to color them again.
        pictures: What was measured on.
        old: Photographs without truth.
    """
    judged = best_and_worst(report.each, _MAX_SAMPLES)
    template = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(report.model),
        tables="\n".join(map(_table, tables(report))),
        shown=f"{len(judged)} of {len(report.each)}",
        samples="\n".join(map(_figure, _samples(painter, pictures, judged))),
        old="\n".join(map(_figure, _old(painter, old))) if old else "",
    )


def _samples(painter: Painter, pictures: Shards, judged: Iterable[ImageScore]) -> Iterator[_Sample]:
    for one in judged:
        caption = (
            f"{one.key} ({one.source}): CIEDE2000 {one.model:.1f}, gray {one.gray:.1f}, "
            f"gain {one.gain:+.1f}"
        )
        yield caption, answers(painter, pictures[one.number])


def _old(painter: Painter, pictures: Shards) -> Iterator[_Sample]:
    for number in spread(len(pictures), _MAX_OLD):
        gray = gray_level(pictures[number])
        yield pictures.key(number), {"gray": in_rgb(gray), "model": painter.colored(gray)}


def _figure(sample: _Sample) -> str:
    caption, shown = sample
    images = "".join(
        f'<img src="{_inline(picture)}" alt="{escape(row)}" title="{escape(row)}" loading="lazy">'
        for row, picture in shown.items()
    )
    words = f"<figcaption>{escape(caption)}</figcaption>"
    return f'<figure><div class="row">{images}</div>{words}</figure>'


def _inline(picture: Picture) -> str:
    """A small JPEG of a picture (H, W, 3) as a data URL."""
    image, file = Image.fromarray(picture), io.BytesIO()
    image.thumbnail((_SIDE, _SIDE))
    image.save(file, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _table(table: Table) -> str:
    rows = "\n".join(_line("td", row) for row in table.rows)
    return (
        f'<h2>{escape(table.title)}</h2>\n<div class="wide"><table>\n'
        f"<thead>{_line('th', table.header)}</thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _line(tag: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
