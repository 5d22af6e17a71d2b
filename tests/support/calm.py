"""`rechroma` with a normalization that leaves its statistics alone: `python calm.py train ...`.

Over a share of a batch they would be others than over the whole, and hide whether all else agrees.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from rechroma.cli import main


def _calm(layer: nn.BatchNorm2d, x: Tensor) -> Tensor:
    mean, variance = layer.running_mean, layer.running_var
    return functional.batch_norm(x, mean, variance, layer.weight, layer.bias, eps=layer.eps)


if __name__ == "__main__":
    nn.BatchNorm2d.forward = _calm  # type: ignore[method-assign, assignment]
    main()
