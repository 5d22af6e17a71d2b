"""Pretrained recognition networks as feature pyramids, registered by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rechroma.errors import RecipeError
from rechroma.networks.encoders.efficientnet_lite import EfficientNetLite2
from rechroma.networks.encoders.mobilenet_edgetpu import MobileNetEdgeTPU
from rechroma.networks.encoders.mobilenet_v2 import MobileNetV2
from rechroma.networks.encoders.resnet import ResNet50
from rechroma.networks.encoders.vgg import VGG19

if TYPE_CHECKING:
    from rechroma.networks.encoders.base import Encoder

ENCODERS: dict[str, type[Encoder]] = {
    "mobilenet-v2": MobileNetV2,
    "mobilenet-edgetpu": MobileNetEdgeTPU,
    "efficientnet-lite2": EfficientNetLite2,
    "resnet-50": ResNet50,
    "vgg-19": VGG19,
}


def make_encoder(name: str) -> Encoder:
    """Create an encoder by name.

    Raises:
        RecipeError: There is none.
    """
    if name not in ENCODERS:
        known = ", ".join(ENCODERS)
        raise RecipeError(f"no encoder is called {name!r}", hint=f"Available: {known}.")
    return ENCODERS[name]()
