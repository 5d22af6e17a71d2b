"""The bundled model: integrity, card and colors."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from rechroma import Colorizer, list_models
from rechroma.color import colorfulness_abs, lightness
from rechroma.evaluation import to_gray
from rechroma.models import find_model, read_card

SAMPLES = [data.astronaut, data.chelsea, data.coffee]


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer()


def test_default_model_is_small_and_unchanged() -> None:
    path = find_model("default")  # verifies its SHA-256
    assert path.stat().st_size <= 20_000_000
    assert read_card(path).name in [card.name for card in list_models()]


def test_card_names_license_data_and_metrics() -> None:
    card = read_card(find_model())
    assert card.license == "Apache-2.0"
    assert len(card.data) > 10
    assert all(source.license for source in card.data)
    assert {"hue_hit", "balanced_auc", "ciede2000", "cf_abs"} <= set(card.metrics)
    assert len(card.bins) > 200


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.__name__)
def test_default_model_colors_a_photograph_and_keeps_its_lightness(
    colorizer: Colorizer, sample: type
) -> None:
    truth = np.asarray(sample())
    gray = to_gray(truth)
    colored = colorizer.colorize(gray)
    assert colored.shape == truth.shape
    assert colorfulness_abs(colored) > 0.3 * colorfulness_abs(truth)
    assert np.abs(lightness(colored) - lightness(gray)).mean() < 0.5


def test_sky_is_blue_and_lawn_is_green(colorizer: Colorizer) -> None:
    from rechroma.color import srgb_to_lab

    lab = srgb_to_lab(np.asarray(colorizer.colorize(data.camera())))
    sky, lawn = lab[20:120, 320:], lab[400:470, 400:500]
    assert sky[..., 2].mean() < -5
    assert lawn[..., 1].mean() < 0 < lawn[..., 2].mean()
