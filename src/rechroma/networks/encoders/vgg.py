"""VGG-19 (Simonyan and Zisserman 2014, arXiv 1409.1556) as an encoder.

The parameter names are those of torchvision's `features.*`, so that its published ImageNet weights
load strictly. It has no normalization; from scratch it learns because its weights begin at the
scale that keeps the size of what goes through (He et al. 2015, arXiv 1502.01852).
"""

from __future__ import annotations

from torch import Tensor, nn

from rechroma.errors import RecipeError
from rechroma.networks.encoders.base import Encoder

_STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels, layers: column E, table 1


class VGG19(Encoder):
    """Features of VGG-19 at 1/2, 1/4, 1/8 and 1/16 of the size, the last of each.

    Args:
        width: Factor on the channels; 1 is published.

    Raises:
        RecipeError: The width leaves a layer without channels.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        stages = tuple((int(width * channels), layers) for channels, layers in _STAGES)
        if stages[0][0] < 1:
            raise RecipeError(f"network.options.width: {width} leaves no channels")
        self.channels = tuple(channels for channels, _ in stages[1:])
        layers: list[nn.Module] = []
        inputs = 3
        for channels, count in stages:
            if layers:
                layers.append(nn.MaxPool2d(2))
            for _ in range(count):
                layer = nn.Conv2d(inputs, channels, 3, padding=1)
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.get_parameter("bias"))
                layers += [layer, nn.ReLU(inplace=True)]
                inputs = channels
        self.features = nn.Sequential(*layers)

    def features_of(self, normalized: Tensor) -> list[Tensor]:
        """Compute the features of images (N, 3, H, W), normalized as in training."""
        taps, x = [], normalized
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                taps.append(x)
            x = layer(x)
        return [*taps[1:], x]
