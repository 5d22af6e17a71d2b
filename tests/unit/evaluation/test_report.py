"""The report: gray and truth beside the model, by source, as it would be served."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file
from torch import ones, zeros

from rechroma.colorizer import Colorizer
from rechroma.datasets import Shards
from rechroma.errors import ModelFeatureError
from rechroma.evaluation import FeatureNetwork, Plan, Report, evaluate, sheet
from rechroma.networks.encoders.mobilenet_v2 import MobileNetV2
from tests.support.fake_engine import FakeEngine


def test_rows_and_sources(pictures: Shards) -> None:
    seen: list[None] = []
    report = evaluate(FakeEngine(), pictures, on_picture=lambda: seen.append(None))
    assert len(seen) == Plan().rounds(pictures) == 5
    assert report.pictures == {"all": 5, "one": 3, "two": 2}
    assert list(report.figures) == ["all", "one", "two"]
    for rows in report.figures.values():
        assert list(rows) == ["gray", "model", "truth"]
        assert rows["gray"]["hue_hit"] == 0
        assert rows["truth"]["hue_hit"] == 100
        assert rows["truth"]["ciede2000"] == 0
        assert rows["truth"]["ssim"] == pytest.approx(1)
        assert rows["model"]["cf_abs"] > rows["gray"]["cf_abs"] + 5
        assert rows["model"]["lightness_shift_max"] < 0.5
    assert report.model == "fake 1"


def test_json_holds_everything(pictures: Shards) -> None:
    report = evaluate(FakeEngine(), pictures, Plan(limit=2))
    read = json.loads(report.to_json())
    assert read["figures"]["all"]["model"] == report.figures["all"]["model"]
    assert set(read) == set(Report.__dataclass_fields__)
    assert [one["number"] for one in read["each"]] == [0, 2]
    assert read["each"][1]["key"] == "00002"


def test_all_is_the_mean_over_the_pictures(pictures: Shards) -> None:
    report = evaluate(FakeEngine(), pictures)
    for row in ("gray", "model"):
        mean = np.mean([getattr(one, row) for one in report.each])
        assert report.figures["all"][row]["ciede2000"] == pytest.approx(mean)
    assert [one.source for one in report.each] == ["one"] * 3 + ["two"] * 2


def test_the_network_is_measured(pictures: Shards) -> None:
    network = evaluate(FakeEngine((150, 0)), pictures, Plan(limit=1)).network
    assert network["milliseconds"] > 0
    assert 110 < network["chroma_max"] <= 150
    assert 0 < network["chroma_beyond"] < 1


def test_old_prints_are_a_row_of_their_own(pictures: Shards) -> None:
    report = evaluate(FakeEngine(), pictures, Plan(aged=True))
    rows = report.figures["all"]
    assert list(rows) == ["gray", "model", "aged", "truth"]
    assert rows["aged"]["ciede2000"] != rows["model"]["ciede2000"]
    assert rows["aged"]["lightness_shift_max"] < 0.5
    lost = (rows["model"]["hue_hit"] - rows["aged"]["hue_hit"]) / rows["model"]["hue_hit"]
    assert report.lost["all"]["hue_hit"] == pytest.approx(100 * lost)
    again = evaluate(FakeEngine(), pictures, Plan(aged=True))
    assert again.figures == report.figures


def test_where_nothing_was_gained_nothing_is_lost(pictures: Shards) -> None:
    assert evaluate(FakeEngine((0, 0)), pictures, Plan(aged=True)).lost["all"] == {}


def test_hints_by_their_number(pictures: Shards) -> None:
    report = evaluate(FakeEngine(), pictures, Plan(hints=True))
    assert list(report.hints) == ["0", "1", "5", "10", "50"]
    differences = [figures["ciede2000"] for figures in report.hints.values()]
    assert differences == sorted(differences, reverse=True)
    plain = report.figures["all"]["model"]
    at_hints = [report.hints[count]["at_hints"] for count in ("1", "5", "10", "50")]
    assert max(at_hints) < 5
    assert report.hints["0"] == {name: plain[name] for name in ("ciede2000", "psnr", "hue_hit")}


def test_hints_are_refused_before_the_work_begins(pictures: Shards) -> None:
    def fail() -> None:
        raise AssertionError("a picture was done")

    with pytest.raises(ModelFeatureError, match="does not support hints"):
        evaluate(FakeEngine(hints=False), pictures, Plan(hints=True), on_picture=fail)


def test_sizes_are_told_apart_only_where_colors_change(pictures: Shards) -> None:
    class Fickle(FakeEngine):
        """Paints red what it sees large."""

        def chroma(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> np.ndarray:
            chroma = super().chroma(lightness, hints)
            return chroma if max(lightness.shape) > 512 else np.zeros_like(chroma)

    sizes = evaluate(Fickle(), pictures, Plan(limit=2, sizes=True)).sizes
    seen = sizes["network"]
    assert list(seen) == ["256-512", "256-1024", "512-1024"]
    assert seen["256-512"] == 0
    assert seen["256-1024"] == pytest.approx(seen["512-1024"])
    assert seen["512-1024"] > 5
    assert max(sizes["picture"].values()) < 0.01  # the network sees each at its own size


def test_photographs_without_truth(pictures: Shards) -> None:
    plan = Plan(limit=2, old=pictures)
    seen: list[None] = []
    report = evaluate(FakeEngine(), pictures, plan, on_picture=lambda: seen.append(None))
    assert len(seen) == plan.rounds(pictures) == 4
    assert report.old["pictures"] == 2
    plain = report.figures["all"]["model"]
    assert {name: plain[name] for name in report.old if name != "pictures"} == {
        name: value for name, value in report.old.items() if name != "pictures"
    }


def test_sets_are_compared_by_features(pictures: Shards, tmp_path: Path) -> None:
    weights = {key: value.half() for key, value in MobileNetV2().state_dict().items()}
    weights |= {"head.weight": zeros(3, 320), "head.bias": ones(3)}
    path = tmp_path / "w.safetensors"
    save_file(weights, path)
    plan = Plan(features=FeatureNetwork(path))
    figures = evaluate(FakeEngine(), pictures, plan).figures
    for rows in figures.values():
        assert rows["truth"]["fd_mobilenet_v2"] == pytest.approx(0, abs=1e-5)
        assert rows["truth"]["kid_mobilenet_v2"] == pytest.approx(0, abs=1e-9)
        assert rows["gray"]["fd_mobilenet_v2"] > 0
        assert rows["gray"]["semantic_agreement"] == 100
        assert "semantic_recovered" not in rows["model"]  # gray lost nothing
    json.dumps(figures, allow_nan=False)


def test_a_sheet_shows_three_pictures_for_each(pictures: Shards) -> None:
    made = sheet(Colorizer(engine=FakeEngine()), pictures)
    assert made.width > made.height
    assert len(np.unique(np.asarray(made).reshape(-1, 3), axis=0)) > 1000
