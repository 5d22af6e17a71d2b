"""What a fixed, published network sees in pictures: features and, maybe, what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch

from rechroma.errors import CheckpointError
from rechroma.networks import load_encoder, state_without_counters
from rechroma.networks.encoders.registry import ENCODERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from rechroma.color.lab import Float
    from rechroma.networks import Encoder

_SIDE = 224  # pixels, as the networks were trained
_KNOWN = f"A safetensors file of one of these is needed: {', '.join(ENCODERS)}."


class Seen(NamedTuple):
    """What was seen in N pictures.

    Attributes:
        features: (N, D) float32.
        classes: (N,) what each shows most likely; None where the network has no classifier.
    """

    features: Float
    classes: NDArray[np.int64] | None


class FeatureNetwork:
    """The encoder of a weights file, which is known by the file's keys.

    Pictures are squeezed to a square of 224 pixels, so that all of each is seen; the features are
    the means over all places of the encoder's coarsest level.

    Args:
        path: A safetensors file of a MobileNetEdgeTPU, MobileNetV2, ResNet-50 or VGG-19, as
            :func:`rechroma.networks.load_encoder` takes it. A classifier in it, `head.weight` and
            `head.bias` upon the features, is used, too.

    Attributes:
        name: Of the features: "mobilenet_edgetpu", "mobilenet_v2", "resnet_50" or "vgg_19".

    Raises:
        CheckpointError: The file is missing, holds none of these encoders, or a head that does not
            fit.
    """

    def __init__(self, path: Path) -> None:
        self.name, self._encoder = _fitting_encoder(path)
        self._head = _head(path, self._encoder.channels[-1])

    @torch.inference_mode()
    def __call__(self, pictures: Sequence[NDArray[np.uint8]]) -> Seen:
        """Look at pictures (H, W, 3) of any sizes."""
        squares = np.stack([_squeezed(picture) for picture in pictures])
        shown = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 255
        features = self._encoder(shown)[-1].mean(dim=(2, 3))
        return Seen(features.numpy(), self._classes(features))

    def _classes(self, features: Tensor) -> NDArray[np.int64] | None:
        if self._head is None:
            return None
        weight, bias = self._head
        return (features @ weight.T + bias).argmax(dim=1).numpy()


def _squeezed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shrinks = min(picture.shape[:2]) >= _SIDE
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (_SIDE, _SIDE), interpolation=method), np.uint8)


def _fitting_encoder(path: Path) -> tuple[str, Encoder]:
    keys = _keys(path)
    for name, kind in ENCODERS.items():
        if _keys_of(kind) <= keys:
            encoder = kind().eval()
            load_encoder(encoder, path)
            return name.replace("-", "_"), encoder
    raise CheckpointError(f"{path}: holds none of the known encoders", hint=_KNOWN)


def _keys_of(kind: type[Encoder]) -> set[str]:
    with torch.device("meta"):  # names alone: no memory, no dice
        return set(state_without_counters(kind()))


def _keys(path: Path) -> set[str]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError(f"{path}: cannot be read: there is no such file", hint=_KNOWN)
    try:
        with safe_open(path, "pt") as file:
            return set(file.keys())
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: cannot be read as safetensors: {error}", hint=_KNOWN
        ) from error


def _head(path: Path, features: int) -> tuple[Tensor, Tensor] | None:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        if not {"head.weight", "head.bias"} <= set(file.keys()):
            return None
        weight, bias = (file.get_tensor(f"head.{part}").float() for part in ("weight", "bias"))
    if weight.shape != (len(bias), features):
        raise CheckpointError(f"{path}: head.weight is {tuple(weight.shape)}, not (K, {features})")
    return weight, bias
