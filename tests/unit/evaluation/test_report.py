"""The report: grey and truth beside the model, by source, as it would be served."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rechroma.colorizer import Colorizer
from rechroma.datasets import Shards
from rechroma.engines import FakeEngine
from rechroma.evaluation import evaluate, grey_level, sheet
from tests.support.shards import picture, write_shard


@pytest.fixture
def pictures(tmp_path: Path) -> Shards:
    write_shard(tmp_path / "s-0.tar", 3, source="one")
    write_shard(tmp_path / "s-1.tar", 2, first=3, source="two")
    return Shards([tmp_path])


def test_rows_and_sources(pictures: Shards) -> None:
    seen: list[None] = []
    report = evaluate(
        Colorizer(engine=FakeEngine()), pictures, on_picture=lambda: seen.append(None)
    )
    assert len(seen) == 5
    assert report.pictures == {"all": 5, "one": 3, "two": 2}
    for rows in report.figures.values():
        assert rows["grey"]["hue_hit"] == 0
        assert rows["truth"]["hue_hit"] == 100
        assert rows["truth"]["ciede2000"] == 0
        assert rows["model"]["cf_abs"] > rows["grey"]["cf_abs"] + 5
        assert rows["model"]["lightness_shift_max"] < 0.5
    assert json.loads(report.to_json())["model"] == "fake 1"


def test_only_the_asked_pictures_at_the_asked_size(pictures: Shards) -> None:
    class Spy(FakeEngine):
        shapes: list[tuple[int, ...]] = []  # noqa: RUF012 - one spy, one test

        def chroma(self, lightness: np.ndarray) -> np.ndarray:
            self.shapes.append(lightness.shape)
            return super().chroma(lightness)

    report = evaluate(Colorizer(engine=Spy()), pictures, numbers=[0, 4], size=64)
    assert report.pictures["all"] == 2
    assert {max(shape) for shape in Spy.shapes} == {64}


def test_grey_has_the_lightness_of_the_picture() -> None:
    from rechroma.color import lightness

    rgb = picture(1)
    assert np.abs(lightness(grey_level(rgb)) - lightness(rgb)).max() < 0.5


def test_a_sheet_shows_three_pictures_for_each(pictures: Shards) -> None:
    made = sheet(Colorizer(engine=FakeEngine()), pictures)
    assert made.width > made.height
    assert len(np.unique(np.asarray(made).reshape(-1, 3), axis=0)) > 1000
