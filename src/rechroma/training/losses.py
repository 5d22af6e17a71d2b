"""Loss terms: a sum of named terms, each with its weight in the recipe.

============ =======================================================================================
bins         rebalanced cross-entropy of the color bins against soft labels (Zhang et al. 2016)
ab           Huber loss on the a*b* of the regression head
classes      cross-entropy of the image's class, over the examples that have a label
distillation the encoder, which sees gray, against the same encoder as published, which sees the
             colors (cross-modal distillation, Gupta et al. 2016): 1 - cosine at every location
delta_e      CIE94 difference of the decoded chroma to the true one
hue          share of the truly colorful locations that miss the hue, octant by octant
perceptual   the image with the decoded chroma against the true one, in the features of the
             published encoder (perceptual loss, Johnson et al. 2016)
colorfulness difference of the image's colorfulness to the true one, in both directions
distance     smoothed Euclidean distance of the blended a*b* to the true one (Charbonnier loss)
moments      mean and spread of the blended a*b* over each image against the true ones
gradient     differences between nearby locations of the blended a*b* against the true ones
upsampling   Charbonnier loss on the decoded chroma at the network's full output size
============ =======================================================================================

The blended a*b* is half the annealed mean of the bins at T = 0.5 and half the regression head,
whatever the network is configured to decode with. Together with a lighter rebalancing, `distance`
and `moments` remove most of a color cast over the whole image (experiments/LOG.md). `gradient` is
against patches of several colors inside one object: where the network is in doubt, it is cheapest
to decide the same everywhere.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.color import REACH, nearest_bins, rebalancing_weights
from rechroma.errors import RecipeError
from rechroma.networks.layers.bin_decoding import annealed_mean
from rechroma.training.torch_color import (
    chroma_difference,
    colorfulness,
    colorize_luminance,
    soft_hue_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from rechroma.datasets import FeatureBatch, Sample
    from rechroma.networks import Encoder, Prediction
    from rechroma.training.recipe import Loss

_AB_LOSS_SCALE = 20.0  # a*b* steps that cost one unit: about the chroma of a muted color
_DISTANCE_UNIT = 10.0  # the same for `distance`, `moments` and `upsampling`
_COLORFULNESS_UNIT = 30.0  # about the colorfulness of a photograph
_BLEND_TEMPERATURE = 0.5
_GRADIENT_STEPS = (1, 2, 4)  # locations between those whose difference `gradient` compares


class DecodedPrediction:
    """A prediction and its target; chroma and image are decoded when first asked for.

    Args:
        prediction: Of a network.
        target: The batch that the network was given.
        decode: From a prediction to a*b*, as :meth:`rechroma.networks.ColorizationNetwork.chroma`.
    """

    def __init__(
        self,
        prediction: Prediction,
        target: Sample | FeatureBatch,
        decode: Callable[[Prediction], Tensor],
    ) -> None:
        self.prediction, self.target, self._decode = prediction, target, decode

    @cached_property
    def chroma(self) -> Tensor:
        """Decoded a*b* (N, 2, h, w) in full precision."""
        with torch.autocast(self.prediction.logits.device.type, enabled=False):
            return self._decode(self.prediction)

    @cached_property
    def image(self) -> Tensor:
        """The photographs (N, 3, H, W), sRGB in 0..1, with the decoded chroma."""
        return colorize_luminance(self.chroma, self.photograph)

    @cached_property
    def photograph(self) -> Tensor:
        """The photographs (N, 3, H, W), sRGB in 0..1, in true color."""
        return _photographs(self.target)


class LossOutput(NamedTuple):
    """The loss of a batch.

    Attributes:
        total: The weighted sum, to backpropagate.
        terms: Each term before its weight, detached.
        decoded: The prediction that it was computed from.
    """

    total: Tensor
    terms: dict[str, Tensor]
    decoded: DecodedPrediction | None = None


class ColorizationLoss(nn.Module):
    """The weighted sum of the terms above; a term of weight 0 is not computed.

    Args:
        centers: (Q, 2) a*b* of the bins; needed by the term of that name.
        prior: (Q,) frequency of each bin in the training images.
        settings: Weights and widths.
        decode: From a prediction to a*b*, as :meth:`rechroma.networks.ColorizationNetwork.chroma`.
        teacher: The encoder as published; needed by `distillation` and `perceptual`.

    Raises:
        RecipeError: The settings ask for bins, and there are none.
    """

    centers: Tensor
    bins: Tensor
    shares: Tensor
    class_weights: Tensor

    def __init__(
        self,
        centers: NDArray[np.float32],
        prior: NDArray[np.float32],
        settings: Loss,
        decode: Callable[[Prediction], Tensor],
        teacher: Encoder | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("centers", torch.tensor(centers))
        if settings.bins:
            if not len(centers):
                raise RecipeError("loss.bins: the network has no color bins; set it to 0")
            bins, shares = nearest_bins(centers, settings.soft_label_neighbors)
            weights = rebalancing_weights(prior, settings.rebalance_lambda)
            self.register_buffer("bins", torch.from_numpy(bins))
            self.register_buffer("shares", torch.from_numpy(shares))
            self.register_buffer("class_weights", torch.from_numpy(weights))
        self.settings = settings
        self.decode = decode
        self.teacher = teacher

    def forward(self, prediction: Prediction, target: Sample | FeatureBatch) -> LossOutput:
        """Compare a prediction with its target.

        Raises:
            RecipeError: The settings ask for classes, and the network has no classifier.
        """
        decoded = DecodedPrediction(prediction, target, self.decode)
        terms = {
            **dict(self._head_terms(prediction, target)),
            **dict(self._blended_terms(prediction, target.chroma)),
            **dict(self._decoded_terms(decoded)),
        }
        total = torch.as_tensor(sum(getattr(self.settings, name) * x for name, x in terms.items()))
        return LossOutput(total, {name: term.detach() for name, term in terms.items()}, decoded)

    def _head_terms(
        self, prediction: Prediction, target: Sample | FeatureBatch
    ) -> Iterator[tuple[str, Tensor]]:
        settings = self.settings
        if settings.bins:
            yield "bins", self._cross_entropy(prediction.logits, target.chroma)
        if settings.ab:
            true = _pool_to(prediction.ab, target.chroma) / _AB_LOSS_SCALE
            yield "ab", F.huber_loss(prediction.ab.float() / _AB_LOSS_SCALE, true)
        if settings.classes:
            yield "classes", _labeled_cross_entropy(prediction.classes, target.label)
        if settings.distillation and self.teacher is not None:
            with torch.no_grad():
                seen = self.teacher(_photographs(target))[-1]
            yield "distillation", 1 - F.cosine_similarity(prediction.bottleneck, seen).mean()

    def _blended_terms(self, prediction: Prediction, true: Tensor) -> Iterator[tuple[str, Tensor]]:
        settings = self.settings
        if not (settings.distance or settings.moments or settings.gradient):
            return
        blended = prediction.ab.float()
        if len(self.centers):
            # Outside autocast: rounded to bfloat16, the sum over all bins would lose the color.
            with torch.autocast(blended.device.type, enabled=False):
                mean = annealed_mean(prediction.logits, self.centers, _BLEND_TEMPERATURE)
            blended = 0.5 * mean + 0.5 * _pool_to(mean, blended)
        true = _pool_to(blended, true)
        if settings.distance:
            yield "distance", _charbonnier(blended - true)
        if settings.moments:
            means = blended.mean(dim=(2, 3)) - true.mean(dim=(2, 3))
            spreads = _spread(blended) - _spread(true)
            yield "moments", (means.abs().mean() + spreads.abs().mean()) / _DISTANCE_UNIT
        if settings.gradient:
            yield "gradient", _gradient_error(blended - true)

    def _decoded_terms(self, decoded: DecodedPrediction) -> Iterator[tuple[str, Tensor]]:
        settings, true = self.settings, decoded.target.chroma
        if settings.delta_e:
            yield "delta_e", chroma_difference(decoded.chroma, true).mean() / _AB_LOSS_SCALE
        if settings.hue:
            yield "hue", soft_hue_error(decoded.chroma, true)
        if settings.upsampling:
            yield "upsampling", _charbonnier(decoded.chroma - true)
        if settings.colorfulness:
            off = colorfulness(decoded.image) - colorfulness(decoded.photograph)
            yield "colorfulness", off.abs().mean() / _COLORFULNESS_UNIT
        if settings.perceptual and self.teacher is not None:
            features, targets = self.teacher(decoded.image), self.teacher(decoded.photograph)
            yield "perceptual", perceptual_distance(features, targets)

    def _cross_entropy(self, logits: Tensor, chroma: Tensor) -> Tensor:
        """Rebalanced cross-entropy of (N, Q, h, w) logits, in training at a sample of locations."""
        ab = _pool_to(logits, chroma).movedim(1, -1).flatten(0, 2)
        scores = logits.movedim(1, -1).flatten(0, 2)
        if self.training and self.settings.bins_fraction < 1:
            count = max(1, round(self.settings.bins_fraction * len(ab)))
            sample = torch.randperm(len(ab), device=ab.device)[:count]
            ab, scores = ab[sample], scores[sample]
        # The rows of color.table_index, computed on the device.
        whole = ab.round().clamp(-REACH, REACH).long() + REACH
        rows = whole[:, 0] * (2 * REACH + 1) + whole[:, 1]
        bins, shares = self.bins[rows], self.shares[rows]
        log_probabilities = F.log_softmax(scores.float(), dim=1).gather(1, bins)
        entropy = -(shares * log_probabilities).sum(dim=1)
        return (self.class_weights[bins[:, 0]] * entropy).mean()


def _photographs(target: Sample | FeatureBatch) -> Tensor:
    """Convert the true colors of a batch of images to sRGB (N, 3, H, W) in 0..1."""
    rgb: Tensor = target.rgb  # type: ignore[union-attr]  # recipes allow such terms for images only
    return rgb.float() / 255


def perceptual_distance(features: list[Tensor], targets: list[Tensor]) -> Tensor:
    """Mean absolute difference over all levels, each divided by the target's standard deviation."""
    levels = [
        F.l1_loss(feature.float(), target.float()) / (target.float().std() + 1e-6)
        for feature, target in zip(features, targets, strict=True)
    ]
    return torch.stack(levels).mean()


def _charbonnier(difference: Tensor) -> Tensor:
    """sqrt(d^2 + 1) of a*b* differences (N, 2, h, w): quadratic near 0, linear beyond."""
    return (difference.square().sum(dim=1) + 1).sqrt().mean() / _DISTANCE_UNIT


def _gradient_error(difference: Tensor) -> Tensor:
    """Mean change of a*b* differences (N, 2, h, w) between locations up to 4 steps apart."""
    changes: list[Tensor] = []
    for step in _GRADIENT_STEPS:
        if step < min(difference.shape[2:]):
            changes.append((difference[:, :, step:] - difference[:, :, :-step]).abs().mean())
            changes.append((difference[..., step:] - difference[..., :-step]).abs().mean())
    return torch.stack(changes).mean() / _DISTANCE_UNIT


def _spread(ab: Tensor) -> Tensor:
    # The epsilon keeps the slope of the root finite for an image without color.
    return (ab.var(dim=(2, 3), correction=0) + 1e-2).sqrt()


def _labeled_cross_entropy(logits: Tensor | None, labels: Tensor) -> Tensor:
    if logits is None:
        raise RecipeError("loss.classes: the network has no classifier; set it to 0")
    known = labels >= 0
    if not known.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[known].float(), labels[known])


def _pool_to(like: Tensor, chroma: Tensor) -> Tensor:
    """Average a*b* (N, 2, h, w) to the size of another tensor, smaller by a whole factor."""
    return F.avg_pool2d(chroma, chroma.shape[2] // like.shape[2])
