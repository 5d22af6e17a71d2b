"""The interface of networks to training and export."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from rechroma.networks.layers.bin_decoding import probabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from rechroma.models import DataSource
    from rechroma.networks.encoders.base import Encoder

REGRESSION_UNIT = 50.0  # regression heads work in units of this many a*b* steps


class Prediction(NamedTuple):
    """The raw outputs of a network for a batch; it decodes them to chroma itself.

    Attributes:
        logits: (N, Q, h, w) of the color bins; Q is 0 where the network has none.
        ab: (N, 2, h', w') a*b* of the regression head. Like `logits` it can be smaller than the
            decoded chroma by an integer factor.
        bottleneck: (N, C, ...) the encoder's coarsest features.
        classes: (N, K) logits of the image's class, where the network has such a head.
        hint_weight: (N, 1, h, w) how much of the color comes from hints, 0..1; None if unknown.
        upsampling: (N, 9, F * F, h, w) weights of a convex upsampling of the decoded a*b* by the
            factor F; None without one.
    """

    logits: Tensor
    ab: Tensor
    bottleneck: Tensor
    classes: Tensor | None = None
    hint_weight: Tensor | None = None
    upsampling: Tensor | None = None


class ColorizationNetwork(nn.Module, ABC):
    """Maps lightness (N, 1, H, W) in 0..100 and hints (N, 3, H, W) to a :class:`Prediction`.

    Hints are a*, b* and a mask that is 1 where the user fixed them and 0 elsewhere.

    Attributes:
        config: The dataclass that it was created with.
        supports_hints: Whether hints have an effect.
        stride: Height and width of the lightness must be multiples of this.
        scale: The chroma is smaller than the lightness by this factor.
        distribution_scale: The logits of the bins are smaller than the lightness by this factor;
            0 stands for `scale`.
        centers: (Q, 2) a*b* of the color bins; Q is 0 where the network has none.
        encoder: The part that can start from pretrained weights; None if there is none.
    """

    config: Any
    supports_hints: bool = False
    stride: int
    scale: int
    distribution_scale: int = 0
    centers: Tensor
    encoder: Encoder | None

    @abstractmethod
    def forward(self, lightness: Tensor, hints: Tensor) -> Prediction:
        """Predict from lightness (N, 1, H, W) in 0..100 and hints (N, 3, H, W)."""

    @abstractmethod
    def chroma(self, prediction: Prediction) -> Tensor:
        """Decode a prediction to a*b* (N, 2, H / scale, W / scale)."""

    def distribution(self, prediction: Prediction) -> Tensor:
        """Probabilities (N, Q, h, w) of the color bins, of the size of the logits."""
        return probabilities(prediction.logits, self.centers)

    @property
    def classes(self) -> int:
        """The number of image classes that it predicts; 0 without a classifier."""
        return int(getattr(self.config, "classes", 0))

    def output_bins(self) -> tuple[tuple[float, float], ...]:
        """The a*b* of the bins of the distribution, as a card lists them."""
        return tuple((a, b) for a, b in self.centers.tolist())


class RegressionNetwork(ColorizationNetwork):
    """Base of networks that regress a*b* from lightness, without bins and without hints."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centers", torch.zeros(0, 2), persistent=False)

    def prediction(
        self, ab: Tensor, bottleneck: Tensor, classes: Tensor | None = None
    ) -> Prediction:
        """Complete the prediction for a*b* (N, 2, h, w) in units of `REGRESSION_UNIT`."""
        ab = ab * REGRESSION_UNIT
        return Prediction(ab[:, :0], ab, bottleneck, classes)

    def chroma(self, prediction: Prediction) -> Tensor:
        """Return the regressed a*b* (N, 2, h, w)."""
        return prediction.ab.float()


@dataclass(frozen=True)
class Finetuning:
    """Defaults of `rechroma finetune`.

    Attributes:
        lr: Peak learning rate of everything but the encoder, which is frozen.
        batch_size: Crops in a batch.
        side: Of the crops, in pixels.
    """

    lr: float = 5e-4
    batch_size: int = 32
    side: int = 128


# A network with large published weights: such a batch fits into memory, and a few hundred steps at
# this rate keep what the weights know. The side is a multiple of the network's stride.
LARGE_FINETUNING = Finetuning(lr=1e-4, batch_size=8, side=256)


@dataclass(frozen=True)
class Architecture:
    """A network that can be named in recipes, with the facts that its page and cards state.

    Attributes:
        name: Its name in recipes and model files.
        module: Creates one from its configuration.
        config: Class of the configuration.
        paper: The publications that it follows.
        character: Its strengths and weaknesses, in one line.
        license: SPDX identifier of the weights that its authors published, if they did.
        authors: The authors of those weights.
        data: The training data of those weights.
        size: Long side of the input, in pixels, that those weights are used with.
        finetuning: Defaults for continuing from its weights.
        rename: Maps a key of the published checkpoints to a name in the module's state, or to None
            if the module has no use for it.
    """

    name: str
    module: Callable[[Any], ColorizationNetwork]
    config: type[Any]
    paper: str
    character: str
    license: str = ""
    authors: tuple[str, ...] = ()
    data: tuple[DataSource, ...] = ()
    size: int = 256
    finetuning: Finetuning = Finetuning()
    rename: Callable[[str], str | None] = str


def no_hints(lightness: Tensor) -> Tensor:
    """Make an empty hint map (N, 3, H, W) for lightness (N, 1, H, W)."""
    count, _, height, width = lightness.shape
    return torch.zeros(count, 3, height, width, dtype=lightness.dtype, device=lightness.device)
