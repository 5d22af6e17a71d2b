"""The backbone that the published networks of Zhang et al. 2016 and 2017 share.

Seven stages of 3x3 convolutions, each convolution with ReLU, each stage with batch normalization at
its end. The size is halved three times; the fifth and the sixth stage see further by dilation
instead. Shapes, names of the weights and normalizing constants are those of the published
checkpoints, so that these load as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from torch import nn

from rechroma.errors import RecipeError
from rechroma.models import DataSource

if TYPE_CHECKING:
    from torch import Tensor

IMAGENET = DataSource("ImageNet", "ImageNet terms: research", "https://image-net.org")
AB_NORM = 110.0  # the published networks work in units of this many a*b* steps
_L_CENTER, _L_NORM = 50.0, 100.0


class _Plan(NamedTuple):
    """A stage: its channels at width 1, how many convolutions, and their dilation."""

    channels: int
    convolutions: int
    dilation: int = 1


_STAGES = (
    _Plan(64, 2),
    _Plan(128, 2),
    _Plan(256, 3),
    _Plan(512, 3),
    *[_Plan(512, 3, dilation=2)] * 2,
    _Plan(512, 3),
)


def normalize_lightness(lightness: Tensor) -> Tensor:
    """Scale lightness in 0..100 to -0.5..0.5, as the published networks expect it."""
    return (lightness - _L_CENTER) / _L_NORM


def scale_width(channels: int, width: float) -> int:
    """Scale the channels of a layer by a width factor.

    Raises:
        RecipeError: The width leaves none.
    """
    if round(channels * width) < 1:
        raise RecipeError(f"network.options.width: {width} leaves no channels")
    return round(channels * width)


def make_stages(inputs: int, width: float, halved: int) -> list[nn.Sequential]:
    """Build the seven stages.

    Args:
        inputs: Channels of what the first one sees.
        width: Factor on all channels.
        halved: How many stages, from the first on, halve the size with their last convolution.
    """
    made = []
    for number, plan in enumerate(_STAGES):
        outputs = scale_width(plan.channels, width)
        layers: list[nn.Module] = []
        for left in reversed(range(plan.convolutions)):
            step = 1 if left else (2 if number < halved else 1)
            around = plan.dilation
            layers += [nn.Conv2d(inputs, outputs, 3, step, around, around), nn.ReLU(inplace=True)]
            inputs = outputs
        made.append(nn.Sequential(*layers, nn.BatchNorm2d(outputs)))
        inputs = outputs
    return made


def upsample2x(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles the size."""
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)


def convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)
