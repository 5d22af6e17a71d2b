"""Features and classes of images by a fixed, published network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch

from rechroma.errors import CheckpointError
from rechroma.networks import load_weights, state_without_counters
from rechroma.networks.checkpoint_io import read_safetensors
from rechroma.networks.encoders import ENCODERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from rechroma.color.lab import Float

_SIDE = 224  # pixels, as the networks were trained
_KNOWN = f"A safetensors file of one of these is needed: {', '.join(ENCODERS)}."


class ImageFeatures(NamedTuple):
    """Features of N images.

    Attributes:
        features: (N, D) float32.
        classes: (N,) most likely class of each; None when the network has no classifier.
    """

    features: Float
    classes: NDArray[np.int64] | None


class FeatureNetwork:
    """The encoder of a weights file, recognized by the file's keys.

    Images are resized to a square of 224 pixels without cropping; the features are the spatial
    means of the encoder's coarsest level.

    Args:
        path: A safetensors file of a MobileNetEdgeTPU, MobileNetV2, ResNet-50 or VGG-19, as
            :func:`rechroma.networks.load_encoder` takes it. A classifier on the features in it,
            `head.weight` and `head.bias`, is used as well.

    Attributes:
        name: Name of the features: "mobilenet_edgetpu", "mobilenet_v2", "resnet_50" or "vgg_19".

    Raises:
        SourceError: The file is missing or cannot be read.
        CheckpointError: It holds none of these encoders, or a head of another shape.
    """

    def __init__(self, path: Path) -> None:
        weights = {key: value.float() for key, value in read_safetensors(path, _KNOWN).items()}
        for name, kind in ENCODERS.items():
            with torch.device("meta"):  # names alone: no memory, no random numbers
                own = set(state_without_counters(kind()))
            if own <= weights.keys():
                self.name, self._encoder = name.replace("-", "_"), kind().eval()
                load_weights(self._encoder, weights, path)
                break
        else:
            raise CheckpointError(f"{path}: holds none of the known encoders", hint=_KNOWN)
        self._head = None
        if {"head.weight", "head.bias"} <= weights.keys():
            weight, bias = weights["head.weight"], weights["head.bias"]
            shape = (len(bias), self._encoder.channels[-1])
            if weight.shape != shape:
                raise CheckpointError(
                    f"{path}: head.weight is {tuple(weight.shape)}, not (K, {shape[1]})"
                )
            self._head = weight, bias

    @torch.inference_mode()
    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> ImageFeatures:
        """Compute the features of images (H, W, 3) of any size."""
        squares = []
        for image in images:
            method = cv2.INTER_AREA if min(image.shape[:2]) >= _SIDE else cv2.INTER_CUBIC
            squares.append(cv2.resize(image, (_SIDE, _SIDE), interpolation=method))
        shown = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255
        features = self._encoder(shown)[-1].mean(dim=(2, 3))
        classes = None
        if self._head is not None:
            weight, bias = self._head
            classes = (features @ weight.T + bias).argmax(dim=1).numpy()
        return ImageFeatures(features.numpy(), classes)
