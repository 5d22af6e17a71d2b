"""Models in processes of their own, and results of other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rechroma.color import srgb_to_lab
from rechroma.colorizer import Colorizer
from rechroma.datasets import Shards
from rechroma.errors import DataError, EngineError, SourceError
from rechroma.evaluation import PhotoFolder, ResultFolder, compare, to_gray
from rechroma.evaluation.comparison import color_in_turn
from rechroma.evaluation.model_process import ModelProcess
from rechroma.evaluation.predictor import peak_memory_mb
from tests.support.models import write_constant_model, write_model
from tests.support.shards import synthetic_image


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny.onnx")


def test_process_colors_as_the_library_does(model: Path) -> None:
    gray = to_gray(synthetic_image(1))
    process = ModelProcess(model, gray)
    try:
        np.testing.assert_array_equal(process.colorize(gray), Colorizer(model).colorize(gray))
        assert len(process.seconds) == 1  # without the warm-up
    finally:
        process.close()


def test_peak_memory_excludes_that_of_the_caller(model: Path) -> None:
    ballast = np.ones(100_000_000)
    del ballast
    process = ModelProcess(model, to_gray(synthetic_image(1)))
    try:
        assert 20 < process.peak_memory_mb() < peak_memory_mb() - 600
    finally:
        process.close()


def test_death_of_a_process_is_an_engine_error(model: Path) -> None:
    gray = to_gray(synthetic_image(1))
    process = ModelProcess(model, gray)
    try:
        (worker,) = process._pool._processes.values()
        worker.kill()
        with pytest.raises(EngineError, match=r"tiny\.onnx: the process of this model ended"):
            process.colorize(gray)
    finally:
        process.close()


def test_groups_are_the_best_and_the_worst_by_gain(images: Shards, tmp_path: Path) -> None:
    models = {name: tmp_path / f"{name}.onnx" for name in ("red", "blue")}
    write_constant_model(models["red"], (40.0, 20.0))
    write_constant_model(models["blue"], (0.0, -40.0))
    progress: list[None] = []
    found = compare(models, images, range(5), on_image=lambda: progress.append(None))
    assert len(progress) == found.photographs == len(found.samples) == 5
    for name in models:
        gains = {each.key: each.errors["gray"] - each.errors[name] for each in found.samples}
        ranked = sorted(gains, key=gains.__getitem__)
        for words, expected in (("worst", ranked[:3]), ("best", ranked[-3:])):
            group = f"{words}: {name}"
            assert {s.key for s in found.samples if group in s.groups} == set(expected)
    assert list(found.samples[0].images) == ["gray", "red", "blue", "truth"]


def test_another_model_comes_first_at_each_photograph() -> None:
    order = []

    class Recorder(ModelProcess):
        def __init__(self, name: str) -> None:
            self.name = name

        def colorize(self, gray: np.ndarray) -> np.ndarray:
            order.append(self.name)
            return gray

    contestants = {name: Recorder(name) for name in "abc"}
    for turn in range(3):
        color_in_turn(contestants, np.zeros((2, 2), np.uint8), turn)
    assert "".join(order) == "abcbcacab"


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(image).save(path)


def test_photo_folder_lists_photographs_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for name in ("b.png", "a.JPG", "a.color.jpg"):
        write_image(folder / name, synthetic_image(1))
    photographs = PhotoFolder(folder)
    assert [photographs.key(number) for number in range(len(photographs))] == ["a", "b"]
    np.testing.assert_array_equal(photographs[1], synthetic_image(1))
    write_image(folder / "b.tif", synthetic_image(1))
    with pytest.raises(DataError, match="several files are named b"):
        PhotoFolder(folder)
    with pytest.raises(SourceError, match="absent: cannot be read"):
        PhotoFolder(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no photographs found"):
        PhotoFolder(tmp_path / "empty")


@pytest.mark.parametrize("name", ["p.png", "p.color.png"])
def test_result_keeps_its_chroma_and_takes_the_true_lightness(tmp_path: Path, name: str) -> None:
    truth = (96 + synthetic_image(3) // 4).astype(np.uint8)  # of low chroma: within the gamut
    gray = to_gray(truth)
    write_image(tmp_path / "results" / name, truth)
    results = ResultFolder(tmp_path / "results")
    lab, true_lab = srgb_to_lab(results.colorize(gray, "p")), srgb_to_lab(truth)
    assert np.abs(lab - true_lab).max() < 1.5
    assert results.lightness_shifts["p"] < 0.2
    write_image(tmp_path / "results" / name, truth // 2)
    darker = srgb_to_lab(results.colorize(gray, "p"))
    assert np.abs(darker[..., 0] - true_lab[..., 0]).max() < 1
    assert results.lightness_shifts["p"] > 10
