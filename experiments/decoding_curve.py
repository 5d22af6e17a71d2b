"""Metrics of a network by how its bins are decoded: temperature, regression share, saturation.

python experiments/decoding_curve.py NETWORK SHARDS... [--set 0.5,0.4,1.05]... [--limit N] \
  [--features FILE]

NETWORK is a checkpoint or a color model file. With --features, the weights of a classifier
(safetensors), the last column is the share of the gap between gray and truth that the classifier
recovers (`semantic_recovered`). The network runs once per image, whatever the number of settings.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rechroma.datasets import Shards, evenly_spaced
from rechroma.evaluation.aggregate import GRAY, TRUTH, Aggregator
from rechroma.evaluation.feature_extractor import FeatureNetwork
from rechroma.evaluation.predictor import EvalPredictor, gray_to_rgb, to_gray
from rechroma.training.state import starting_network
from rechroma.training.torch_engine import TorchEngine

if TYPE_CHECKING:
    from rechroma.color.lab import Float
    from rechroma.networks import ColorizationNetwork, Prediction

HEADER = (
    "| temperature | share | saturation | hue hit | gain | CIEDE2000 / gray's | delta CF "
    "| entropy - truth's | spread / truth's | neutral chroma | recovered |\n" + "|---" * 11 + "|"
)
Setting = tuple[float, float, float]
DEFAULT = tuple(product((0.4, 0.5), (0.2, 0.4, 0.6), (1.05, 1.2)))


class DecodingEngine(TorchEngine):
    """Keeps the prediction for the last input, so that it can be decoded in several ways."""

    def __init__(self, network: ColorizationNetwork, size: int) -> None:
        super().__init__(network, size)
        self._kept: tuple[Float, Prediction] | None = None

    def decode_with(self, setting: Setting) -> None:
        """Decode from now on with this temperature, regression share and saturation."""
        names = ("temperature", "regression_share", "saturation")
        options = dict(zip(names, setting, strict=True))
        self._network.config = replace(self._network.config, **options)

    def _predict(self, lightness: Float, hints: Float | None) -> Prediction:
        if self._kept is None or not np.array_equal(self._kept[0], lightness):
            self._kept = lightness, super()._predict(lightness, hints)
        return self._kept[1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("network", type=Path)
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--set", dest="settings", action="append", type=_setting)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--features", type=Path)
    arguments = parser.parse_args()
    settings = arguments.settings or list(DEFAULT)
    engine = DecodingEngine(starting_network(arguments.network), arguments.size)
    classifier = FeatureNetwork(arguments.features) if arguments.features else None
    predictor, aggregator = EvalPredictor(engine), Aggregator(classifier)
    images = Shards(arguments.shards)
    for index in evenly_spaced(len(images), arguments.limit):
        truth = images[index]
        gray = to_gray(truth)
        rows = {GRAY: gray_to_rgb(gray), TRUTH: truth}
        for setting in settings:
            engine.decode_with(setting)
            rows[str(setting)] = predictor.colorize(gray)
        aggregator.add("all", rows)
    metrics = aggregator.compute()["all"]
    print(HEADER)
    for setting in settings:
        model, gray_row, true = metrics[str(setting)], metrics[GRAY], metrics[TRUTH]
        cells = (
            *(f"{value:g}" for value in setting),
            f"{model['hue_hit']:.1f}",
            f"{model['balanced_auc'] - gray_row['balanced_auc']:+.1f}",
            f"{model['ciede2000'] / gray_row['ciede2000']:.3f}",
            f"{model['delta_cf']:.1f}",
            f"{model['hue_entropy'] - true['hue_entropy']:+.2f}",
            f"{model['chroma_spread'] / true['chroma_spread']:.2f}",
            f"{model['neutral_chroma']:.1f}",
            f"{model.get('semantic_recovered', float('nan')):.1f}",
        )
        print(f"| {' | '.join(cells)} |")


def _setting(text: str) -> Setting:
    temperature, share, saturation = map(float, text.split(","))
    return temperature, share, saturation


if __name__ == "__main__":
    main()
