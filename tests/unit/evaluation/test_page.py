"""The page and the tables on it: complete, closed, and nothing from elsewhere."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from rechroma.datasets import Shards
from rechroma.evaluation import ImageScore, Painter, Plan, Report, evaluate, page, spread, tables
from rechroma.evaluation.selection import best_and_worst
from tests.support.fake_engine import FakeEngine
from tests.support.shards import write_shard

VOID = {"meta", "img", "input"}


class Reader(HTMLParser):
    """Checks that what is opened is closed, and keeps images and words."""

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
def report(pictures: Shards) -> Report:
    return evaluate(FakeEngine(), pictures)


def test_a_page_stands_alone(report: Report, pictures: Shards) -> None:
    text = page(report, Painter(FakeEngine()), pictures)
    reader = Reader(text)
    assert reader.open == []
    assert len(reader.images) == 3 * 5
    assert "http" not in text
    for source in reader.images:
        kind, data = source.split(",")
        assert kind == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            assert max(image.size) <= 320


def test_pictures_stand_by_their_gain(report: Report, pictures: Shards) -> None:
    words = Reader(page(report, Painter(FakeEngine()), pictures)).words
    captions = [word for word in words if "CIEDE2000 " in word and "gain" in word]
    gains = [float(caption.rsplit(" ", 1)[1]) for caption in captions]
    assert gains == sorted(gains, reverse=True)
    assert len(gains) == 5


def test_photographs_without_truth_are_shown(report: Report, pictures: Shards) -> None:
    text = page(report, Painter(FakeEngine()), pictures, old=pictures)
    assert len(Reader(text).images) == 3 * 5 + 2 * 5


def test_names_cannot_break_the_page(tmp_path: Path) -> None:
    nasty = '<script>"&$title'
    write_shard(tmp_path / "s.tar", 1, source=nasty)
    pictures = Shards([tmp_path])
    report = replace(evaluate(FakeEngine(), pictures), model=nasty)
    text = page(report, Painter(FakeEngine()), pictures)
    assert nasty in " ".join(Reader(text).words)
    assert "<script" not in text


def test_tables_have_as_many_words_as_columns(pictures: Shards) -> None:
    plan = Plan(aged=True, hints=True, sizes=True, old=pictures)
    made = tables(evaluate(FakeEngine(), pictures, plan))
    assert len(made) == 7
    for table in made:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.header)}
    assert made[0].rows[0][:3] == ("all (5)", "gray", "0.0")


def test_tables_leave_out_what_was_not_asked_for(report: Report) -> None:
    titles = [table.title for table in tables(report)]
    assert titles == ["Color", "Picture, all", "Network"]


def judged(gain: float) -> ImageScore:
    return ImageScore(0, "key", "source", gain, 0)


def test_of_many_pictures_the_best_and_the_worst_are_shown() -> None:
    each = [judged(gain) for gain in (3, 1, 5, 2, 4)]
    assert [one.gain for one in best_and_worst(each, 4)] == [5, 4, 2, 1]
    assert [one.gain for one in best_and_worst(each, 6)] == [5, 4, 3, 2, 1]


def test_spread_is_even_and_never_more_than_asked_for() -> None:
    assert list(spread(10, 3)) == [0, 3, 6]
    assert list(spread(10, None)) == list(range(10))
    assert list(spread(2, 5)) == [0, 1]
