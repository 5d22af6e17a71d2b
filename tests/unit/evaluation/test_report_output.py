"""The HTML page: complete, well-formed and self-contained."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from rechroma.datasets import Shards
from rechroma.evaluation import (
    EvalConfig,
    EvalPredictor,
    ImageScore,
    Report,
    evaluate,
    render_page,
    tables,
)
from rechroma.evaluation.report_output import best_and_worst
from tests.support.fake_engine import FakeEngine
from tests.support.shards import write_shard

VOID = {"meta", "img", "input"}


class Reader(HTMLParser):
    """An HTML parser that checks closing tags and collects images and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "link", "iframe"}
        if tag not in VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(str(dict(attributes)["src"]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture
def report(images: Shards) -> Report:
    return evaluate(FakeEngine(), images)


def test_page_is_self_contained(report: Report, images: Shards) -> None:
    text = render_page(report, EvalPredictor(FakeEngine()), images)
    reader = Reader(text)
    assert reader.open == []
    assert len(reader.images) == 3 * 5
    assert "http" not in text
    for source in reader.images:
        kind, data = source.split(",")
        assert kind == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            assert max(image.size) <= 320


def test_page_styles_select_existing_ids(report: Report, images: Shards) -> None:
    text = render_page(report, EvalPredictor(FakeEngine()), images)
    style, body = text.split("</style>")
    selected = set(re.findall(r"#(\w+)(?=[: ][^;]*\{)", style))
    assert selected == {"worst", "ranked", "historical"}
    assert selected <= set(re.findall(r'id="(\w+)"', body))


def test_page_orders_images_by_gain(report: Report, images: Shards) -> None:
    words = Reader(render_page(report, EvalPredictor(FakeEngine()), images)).words
    captions = [word for word in words if "CIEDE2000 " in word and "gain" in word]
    gains = [float(caption.rsplit(" ", 1)[1]) for caption in captions]
    assert gains == sorted(gains, reverse=True)
    assert len(gains) == 5


def test_page_shows_historical_photographs(report: Report, images: Shards) -> None:
    text = render_page(report, EvalPredictor(FakeEngine()), images, historical=images)
    assert len(Reader(text).images) == 3 * 5 + 2 * 5


def test_page_escapes_names(tmp_path: Path) -> None:
    nasty = '<script>"&$title'
    write_shard(tmp_path / "s.tar", 1, source=nasty)
    images = Shards([tmp_path])
    report = replace(evaluate(FakeEngine(), images), model=nasty)
    text = render_page(report, EvalPredictor(FakeEngine()), images)
    assert nasty in " ".join(Reader(text).words)
    assert "<script" not in text


def test_tables_have_a_cell_for_each_column(images: Shards) -> None:
    config = EvalConfig(degraded=True, hints=True, sizes=True, historical=images)
    made = tables(evaluate(FakeEngine(), images, config))
    assert len(made) == 8
    for table in made:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.header)}
    assert made[0].rows[0][:3] == ("all (5)", "gray", "0.0")


def test_tables_omit_what_was_not_measured(report: Report) -> None:
    titles = [table.title for table in tables(report)]
    assert titles == ["Color", "Colorfulness and variety", "Image quality, all", "Network"]


def score(gain: float) -> ImageScore:
    return ImageScore(0, "key", "source", gain, 0)


def test_best_and_worst_selects_both_ends() -> None:
    scores = [score(gain) for gain in (3, 1, 5, 2, 4)]
    assert [each.gain for each in best_and_worst(scores, 4)] == [5, 4, 2, 1]
    assert [each.gain for each in best_and_worst(scores, 6)] == [5, 4, 3, 2, 1]
