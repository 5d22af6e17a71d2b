"""`fusion-autoencoder`: an autoencoder with the features of a classifier fused into its bottleneck.

The idea of Iizuka et al. 2016 ("Let there be color!", ACM TOG 35(4)) in the plain form of
deep-koalarization (Baldassarre et al. 2017, arXiv 1712.03400), whose layers these are: an encoder
down to an eighth of the size, the pooled features of a pretrained network fused into every place of
it, and a decoder without skip connections. The second network is one of ours in place of
Inception-ResNet, all layers are normalized, and the end is linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from rechroma.networks.base import Architecture, Prediction, RegressionNetwork
from rechroma.networks.config import require
from rechroma.networks.encoders import make_encoder
from rechroma.networks.encoders.base import gray
from rechroma.networks.layers.blocks import Fusion, convolution

if TYPE_CHECKING:
    from rechroma.networks.encoders.base import Encoder

_MIDDLE = 50.0  # lightness


@dataclass(frozen=True)
class FusionAutoencoderConfig:
    """Options of this architecture.

    Attributes:
        encoder: The second network: "mobilenet-v2", "mobilenet-edgetpu", "resnet-50" or "vgg-19".
        width: Channels of the first layer, an even number; the others follow (published: 64).

    Raises:
        RecipeError: A value is outside its range.
    """

    encoder: str = "mobilenet-v2"
    width: int = 32

    def __post_init__(self) -> None:
        require("width", self.width > 0 and self.width % 2 == 0, "an even number above 0")


class FusionAutoencoder(RegressionNetwork):
    """Predicts a*b* at half the size from lightness.

    Raises:
        RecipeError: The second network is unknown.
    """

    config: FusionAutoencoderConfig
    encoder: Encoder
    stride = 32
    scale = 2

    def __init__(self, config: FusionAutoencoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FusionAutoencoderConfig()
        self.encoder = make_encoder(config.encoder)
        width = config.width
        self.down = nn.Sequential(
            convolution(1, width, stride=2),
            convolution(width, 2 * width),
            convolution(2 * width, 2 * width, stride=2),
            convolution(2 * width, 4 * width),
            convolution(4 * width, 4 * width, stride=2),
            convolution(4 * width, 8 * width),
            convolution(8 * width, 8 * width),
            convolution(8 * width, 4 * width),
        )
        self.fusion = Fusion(4 * width, self.encoder.channels[-1], 4 * width)
        self.up = nn.Sequential(
            convolution(4 * width, 2 * width),
            nn.Upsample(scale_factor=2.0),
            convolution(2 * width, width),
            convolution(width, width),
            nn.Upsample(scale_factor=2.0),
            convolution(width, width // 2),
            nn.Conv2d(width // 2, 2, 3, padding=1),
        )

    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:  # noqa: ARG002 - as all networks
        """Predict color; height and width must be multiples of 32."""
        bottleneck = self.encoder(gray(lightness))[-1]
        x = self.down(lightness / _MIDDLE - 1)
        return self.prediction(self.up(self.fusion(x, bottleneck.mean(dim=(2, 3)))), bottleneck)


ARCHITECTURE = Architecture(
    name="fusion-autoencoder",
    module=FusionAutoencoder,
    config=FusionAutoencoderConfig,
    paper="Iizuka et al. 2016 (doi 10.1145/2897824.2925974), deep-koalarization (arXiv 1712.03400)",
    character="strong: global image features at the bottleneck; weak: blurred at edges for lack of "
    "skip connections, and pale",
)
