"""The report: gray and truth next to the model, by source."""

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
from rechroma.evaluation import EvalConfig, FeatureNetwork, Report, draw_sheet, evaluate
from rechroma.networks.encoders.mobilenet_v2 import MobileNetV2
from tests.support.fake_engine import FakeEngine


def test_evaluate_reports_each_row_by_source(images: Shards) -> None:
    seen: list[None] = []
    report = evaluate(FakeEngine(), images, on_image=lambda: seen.append(None))
    assert len(seen) == EvalConfig().total_steps(images) == 5
    assert report.images == {"all": 5, "one": 3, "two": 2}
    assert list(report.metrics) == ["all", "one", "two"]
    for rows in report.metrics.values():
        assert list(rows) == ["gray", "model", "truth"]
        assert rows["gray"]["hue_hit"] == 0
        assert rows["truth"]["hue_hit"] == 100
        assert rows["truth"]["ciede2000"] == 0
        assert rows["truth"]["ssim"] == pytest.approx(1)
        assert rows["model"]["cf_abs"] > rows["gray"]["cf_abs"] + 5
        assert rows["model"]["lightness_shift_max"] < 0.5
    assert report.model == "fake 1"


def test_report_json_is_complete(images: Shards) -> None:
    report = evaluate(FakeEngine(), images, EvalConfig(limit=2))
    read = json.loads(report.to_json())
    assert read["metrics"]["all"]["model"] == report.metrics["all"]["model"]
    assert set(read) == set(Report.__dataclass_fields__)
    assert [score["index"] for score in read["scores"]] == [0, 2]
    assert read["scores"][1]["key"] == "00002"


def test_all_is_the_mean_over_images(images: Shards) -> None:
    report = evaluate(FakeEngine(), images)
    for row in ("gray", "model"):
        mean = np.mean([getattr(score, row) for score in report.scores])
        assert report.metrics["all"][row]["ciede2000"] == pytest.approx(mean)
    assert [score.source for score in report.scores] == ["one"] * 3 + ["two"] * 2


def test_evaluate_reports_the_network(images: Shards) -> None:
    network = evaluate(FakeEngine((150, 0)), images, EvalConfig(limit=1)).network
    assert network["milliseconds"] > 0
    assert 110 < network["chroma_max"] <= 150
    assert 0 < network["chroma_beyond"] < 1


def test_degraded_images_are_a_row_of_their_own(images: Shards) -> None:
    report = evaluate(FakeEngine(), images, EvalConfig(degraded=True))
    rows = report.metrics["all"]
    assert list(rows) == ["gray", "model", "degraded", "truth"]
    assert rows["degraded"]["ciede2000"] != rows["model"]["ciede2000"]
    assert rows["degraded"]["lightness_shift_max"] < 0.5
    lost = (rows["model"]["hue_hit"] - rows["degraded"]["hue_hit"]) / rows["model"]["hue_hit"]
    assert report.degraded_loss["all"]["hue_hit"] == pytest.approx(100 * lost)
    again = evaluate(FakeEngine(), images, EvalConfig(degraded=True))
    assert again.metrics == report.metrics


def test_degraded_loss_is_undefined_without_a_gain(images: Shards) -> None:
    assert (
        evaluate(FakeEngine((0, 0)), images, EvalConfig(degraded=True)).degraded_loss["all"] == {}
    )


def test_hint_curve_falls_with_the_number_of_hints(images: Shards) -> None:
    report = evaluate(FakeEngine(), images, EvalConfig(hints=True))
    assert list(report.hints) == ["0", "1", "5", "10", "50"]
    differences = [metrics["ciede2000"] for metrics in report.hints.values()]
    assert differences == sorted(differences, reverse=True)
    plain = report.metrics["all"]["model"]
    at_hints = [report.hints[count]["at_hints"] for count in ("1", "5", "10", "50")]
    assert max(at_hints) < 5
    assert report.hints["0"] == {name: plain[name] for name in ("ciede2000", "psnr", "hue_hit")}


def test_unsupported_hints_are_rejected_before_work_begins(images: Shards) -> None:
    def fail() -> None:
        raise AssertionError("an image was done")

    with pytest.raises(ModelFeatureError, match="does not support hints"):
        evaluate(FakeEngine(hints=False), images, EvalConfig(hints=True), on_image=fail)


def test_size_agreement_differs_only_where_colors_change(images: Shards) -> None:
    class Fickle(FakeEngine):
        """Predicts red for large inputs."""

        def chroma(self, lightness: np.ndarray, hints: np.ndarray | None = None) -> np.ndarray:
            chroma = super().chroma(lightness, hints)
            return chroma if max(lightness.shape) > 512 else np.zeros_like(chroma)

    sizes = evaluate(Fickle(), images, EvalConfig(limit=2, sizes=True)).sizes
    seen = sizes["network"]
    assert list(seen) == ["256-512", "256-1024", "512-1024"]
    assert seen["256-512"] == 0
    assert seen["256-1024"] == pytest.approx(seen["512-1024"])
    assert seen["512-1024"] > 5
    assert max(sizes["image"].values()) < 0.01  # the network sees each at its own size


def test_historical_photographs_get_no_reference_metrics(images: Shards) -> None:
    config = EvalConfig(limit=2, historical=images)
    seen: list[None] = []
    report = evaluate(FakeEngine(), images, config, on_image=lambda: seen.append(None))
    assert len(seen) == config.total_steps(images) == 4
    assert report.historical["images"] == 2
    plain = report.metrics["all"]["model"]
    assert {name: plain[name] for name in report.historical if name != "images"} == {
        name: value for name, value in report.historical.items() if name != "images"
    }


def test_features_compare_sets(images: Shards, tmp_path: Path) -> None:
    weights = {key: value.half() for key, value in MobileNetV2().state_dict().items()}
    weights |= {"head.weight": zeros(3, 320), "head.bias": ones(3)}
    path = tmp_path / "w.safetensors"
    save_file(weights, path)
    config = EvalConfig(features=FeatureNetwork(path))
    metrics = evaluate(FakeEngine(), images, config).metrics
    for rows in metrics.values():
        assert rows["truth"]["fd_mobilenet_v2"] == pytest.approx(0, abs=1e-5)
        assert rows["truth"]["kid_mobilenet_v2"] == pytest.approx(0, abs=1e-9)
        assert rows["gray"]["fd_mobilenet_v2"] > 0
        assert rows["gray"]["semantic_agreement"] == 100
        assert "semantic_recovered" not in rows["model"]  # gray lost nothing
    json.dumps(metrics, allow_nan=False)


def test_sheet_shows_three_images_for_each(images: Shards) -> None:
    made = draw_sheet(Colorizer(engine=FakeEngine()), images)
    assert made.width > made.height
    assert len(np.unique(np.asarray(made).reshape(-1, 3), axis=0)) > 1000
