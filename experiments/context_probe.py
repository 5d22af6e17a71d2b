"""What a network's context vector is worth: its own against none and against another photograph's.

python experiments/context_probe.py NETWORK SHARDS... [--limit N] [--features FILE]
python experiments/context_probe.py NETWORK TRAIN --labeled VAL

NETWORK is a checkpoint or a color model file of an architecture with `decoder.context`. The first
form colors each photograph with its own context, with the mean of all contexts (which says nothing
about the photograph) and with that of another photograph, and measures all three; --features names
the weights of a classifier for the column `recovered`. The second form fits a linear classifier
(ridge regression) on the contexts of labeled photographs and prints its accuracy on those of VAL:
what a linear layer, as FiLM is one, can read from the context.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from rechroma.datasets import Shards, evenly_spaced
from rechroma.evaluation.aggregate import GRAY, TRUTH, Aggregator
from rechroma.evaluation.feature_extractor import FeatureNetwork
from rechroma.evaluation.predictor import EvalPredictor, gray_to_rgb, to_gray
from rechroma.training.state import starting_network
from rechroma.training.torch_engine import TorchEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

HEADER = (
    "| context | hue hit | gain | CIEDE2000 / gray's | entropy | recovered |\n" + "|---" * 6 + "|"
)
_RIDGE = 1e-2  # of the mean variance of the inputs


class ContextProbe:
    """Records the context vectors of a network, or replaces them.

    Args:
        network: With `decoder.context`, whose output it watches.

    Attributes:
        own: The context of the last image, (1, K).
        replacement: Used in place of the image's own; None to leave that.
    """

    def __init__(self, network: nn.Module) -> None:
        self.own: Tensor | None = None
        self.replacement: Tensor | None = None
        network.get_submodule("decoder.context").register_forward_hook(self._on_context)

    def _on_context(self, _: nn.Module, __: object, context: Tensor) -> Tensor:
        self.own = context
        return context if self.replacement is None else self.replacement


def main() -> None:
    """Print the table, or the accuracy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("network", type=Path)
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--features", type=Path)
    parser.add_argument("--labeled", nargs="+", metavar="VAL")
    arguments = parser.parse_args()
    network = starting_network(arguments.network)
    probe, predictor = ContextProbe(network), EvalPredictor(TorchEngine(network, arguments.size))
    images = Shards(arguments.shards)
    if arguments.labeled:
        train, val = (
            _labeled(predictor, probe, shards) for shards in (images, Shards(arguments.labeled))
        )
        print(f"linear classifier on contexts: {100 * linear_accuracy(*train, *val):.1f} %")
        return
    classifier = FeatureNetwork(arguments.features) if arguments.features else None
    indices = evenly_spaced(len(images), arguments.limit)
    print(as_markdown(measure(predictor, probe, images, indices, classifier)))


def measure(
    predictor: EvalPredictor,
    probe: ContextProbe,
    images: Shards,
    indices: Sequence[int],
    classifier: FeatureNetwork | None = None,
) -> dict[str, dict[str, float]]:
    """Compute the metrics by row: own, mean and another photograph's context, gray and truth."""
    with_own, contexts = [], []
    for index in indices:
        with_own.append(predictor.colorize(to_gray(images[index])))
        contexts.append(_own(probe))
    mean, half = torch.stack(contexts).mean(dim=0), len(indices) // 2
    aggregator = Aggregator(classifier)
    for number, index in enumerate(indices):
        gray = to_gray(images[index])
        rows = {GRAY: gray_to_rgb(gray), TRUTH: images[index], "own": with_own[number]}
        for name, context in (("mean", mean), ("other", contexts[number - half])):
            probe.replacement = context
            rows[name] = predictor.colorize(gray)
        probe.replacement = None
        aggregator.add("all", rows)
    return aggregator.compute()["all"]


def linear_accuracy(
    inputs: NDArray[np.float32],
    labels: NDArray[np.int64],
    val_inputs: NDArray[np.float32],
    val_labels: NDArray[np.int64],
) -> float:
    """Compute the accuracy, 0..1, of ridge regression from inputs (N, K) to one-hot labels (N,)."""
    center, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    x, val_x = ((each - center) / scale for each in (inputs, val_inputs))
    targets = np.eye(labels.max() + 1)[labels]
    targets = targets - targets.mean(axis=0)
    weights = np.linalg.solve(x.T @ x + _RIDGE * len(x) * np.eye(x.shape[1]), x.T @ targets)
    return float(np.mean((val_x @ weights).argmax(axis=1) == val_labels))


def as_markdown(metrics: dict[str, dict[str, float]]) -> str:
    """Format the rows as a Markdown table."""
    gray, rows = metrics[GRAY], [HEADER]
    for name in ("own", "mean", "other"):
        row = metrics[name]
        rows.append(
            f"| {name} | {row['hue_hit']:.1f} | {row['balanced_auc'] - gray['balanced_auc']:+.1f} "
            f"| {row['ciede2000'] / gray['ciede2000']:.3f} | {row['hue_entropy']:.2f} "
            f"| {row.get('semantic_recovered', float('nan')):.1f} |"
        )
    return "\n".join(rows)


def _labeled(
    predictor: EvalPredictor, probe: ContextProbe, images: Shards
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    contexts, labels = [], []
    for index in range(len(images)):
        label = images.label(index)
        if label < 0:
            continue
        predictor.colorize(to_gray(images[index]))
        contexts.append(_own(probe).numpy()[0])
        labels.append(label)
    return np.stack(contexts), np.array(labels)


def _own(probe: ContextProbe) -> Tensor:
    if probe.own is None:
        raise RuntimeError("the network has not run yet")
    return probe.own.clone()


if __name__ == "__main__":
    main()
