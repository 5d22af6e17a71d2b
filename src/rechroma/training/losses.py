"""What a prediction costs: a sum of named parts, each with its weight in the recipe.

============ =======================================================================================
bins         rebalanced cross-entropy of the color bins against soft targets (Zhang et al. 2016)
ab           Huber on the a*b* of the regression head
classes      cross-entropy of what the picture shows, over the examples that have a label
teacher      the encoder, which sees gray, against the same encoder as published, which sees the
             colors (cross-modal distillation, Gupta et al. 2016): 1 - cosine, place by place
difference   CIE94 difference of the decoded chroma to the true one
hue          share of the truly colorful places that miss the hue, octant by octant
features     the picture with the decoded chroma against the true one, in the features of the
             published encoder (perceptual loss, Johnson et al. 2016)
colorfulness how far a picture's colorfulness is from the true one, to either side
============ =======================================================================================
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rechroma.color import REACH, nearest_bins, rebalancing_weights
from rechroma.errors import RecipeError
from rechroma.training.torch_color import (
    chroma_difference,
    colorfulness_of,
    hue_misses,
    painted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from rechroma.datasets import Example
    from rechroma.networks import Encoder, Prediction
    from rechroma.training.recipe import Loss

_AB_UNIT = 20.0  # a*b* steps that cost one unit: about the chroma of a muted color
_CF_UNIT = 30.0  # about the colorfulness of a photograph


class Answer:
    """A prediction beside the truth; what it looks like is worked out when first asked for.

    Args:
        prediction: Of a network.
        example: What the network was shown.
        decode: From a prediction to a*b*, as :meth:`rechroma.networks.ColorizationNetwork.chroma`.
    """

    def __init__(
        self, prediction: Prediction, example: Example, decode: Callable[[Prediction], Tensor]
    ) -> None:
        self.prediction, self.example, self._decode = prediction, example, decode

    @cached_property
    def chroma(self) -> Tensor:
        """The a*b* (N, 2, h, w) that it decodes to, in full precision."""
        with torch.autocast(self.prediction.logits.device.type, enabled=False):
            return self._decode(self.prediction)

    @cached_property
    def picture(self) -> Tensor:
        """The photographs (N, 3, H, W), sRGB in 0..1, in its colors."""
        return painted(self.chroma, self.photograph)

    @cached_property
    def photograph(self) -> Tensor:
        """The photographs as they were."""
        return self.example.rgb.float() / 255


class Cost(NamedTuple):
    """The loss to descend, and its parts by name, each before its weight."""

    total: Tensor
    parts: dict[str, Tensor]


class ColorizationLoss(nn.Module):
    """The weighted sum of the parts above; a part of weight 0 is not computed.

    Args:
        centers: (Q, 2) a*b* of the bins; needed by the part of that name.
        prior: (Q,) how often each bin occurs in the training pictures.
        settings: Weights and widths.
        decode: From a prediction to a*b*, as :meth:`rechroma.networks.ColorizationNetwork.chroma`.
        teacher: The encoder as published; needed by the parts that speak of it.

    Raises:
        RecipeError: The settings ask for bins, and there are none.
    """

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
        if settings.bins:
            self._learn_bins(centers, prior, settings)
        self.settings = settings
        self.decode = decode
        self.teacher = teacher

    def _learn_bins(
        self, centers: NDArray[np.float32], prior: NDArray[np.float32], settings: Loss
    ) -> None:
        if not len(centers):
            raise RecipeError("loss.bins: the network has no color bins; set it to 0")
        bins, shares = nearest_bins(centers, settings.soft_label_neighbors)
        weights = rebalancing_weights(prior, settings.rebalance_lambda)
        self.register_buffer("bins", torch.from_numpy(bins))
        self.register_buffer("shares", torch.from_numpy(shares))
        self.register_buffer("class_weights", torch.from_numpy(weights))

    def forward(self, prediction: Prediction, example: Example) -> Cost:
        """Compare a prediction with the truth.

        Raises:
            RecipeError: The settings ask for classes, and the network tells none.
        """
        return self.of(self.answer(prediction, example))

    def answer(self, prediction: Prediction, example: Example) -> Answer:
        """What :meth:`of` judges, for those who want to look at it, too."""
        return Answer(prediction, example, self.decode)

    def of(self, answer: Answer) -> Cost:
        """As calling it with a prediction and an example."""
        parts = dict(self._parts(answer))
        total = torch.as_tensor(sum(getattr(self.settings, name) * x for name, x in parts.items()))
        return Cost(total, {name: part.detach() for name, part in parts.items()})

    def _parts(self, answer: Answer) -> Iterator[tuple[str, Tensor]]:
        yield from self._of_heads(answer.prediction, answer.example)
        settings = self.settings
        if settings.delta_e or settings.hue:
            yield from self._of_chroma(answer.chroma, answer.example.chroma)
        if settings.perceptual or settings.colorfulness:
            yield from self._of_picture(answer.picture, answer.photograph)

    def _of_heads(self, prediction: Prediction, example: Example) -> Iterator[tuple[str, Tensor]]:
        if self.settings.bins:
            yield "bins", self._classification(prediction.logits, example.chroma)
        if self.settings.ab:
            true = _pooled(example.chroma, prediction.ab) / _AB_UNIT
            yield "ab", F.huber_loss(prediction.ab.float() / _AB_UNIT, true)
        if self.settings.classes:
            yield "classes", _labeled(prediction.classes, example.label)
        if self.settings.distillation and self.teacher is not None:
            with torch.no_grad():
                seen = self.teacher(example.rgb.float() / 255)[-1]
            yield "distillation", 1 - F.cosine_similarity(prediction.bottom, seen).mean()

    def _of_chroma(self, chroma: Tensor, true: Tensor) -> Iterator[tuple[str, Tensor]]:
        if self.settings.delta_e:
            yield "delta_e", chroma_difference(chroma, true).mean() / _AB_UNIT
        if self.settings.hue:
            yield "hue", hue_misses(chroma, true)

    def _of_picture(self, picture: Tensor, true: Tensor) -> Iterator[tuple[str, Tensor]]:
        if self.settings.colorfulness:
            off = colorfulness_of(picture) - colorfulness_of(true)
            yield "colorfulness", off.abs().mean() / _CF_UNIT
        if self.settings.perceptual and self.teacher is not None:
            yield "perceptual", _unlikeness(self.teacher(picture), self.teacher(true))

    def _classification(self, logits: Tensor, chroma: Tensor) -> Tensor:
        rows = _table_rows(_pooled(chroma, logits))
        bins, shares = self.bins[rows], self.shares[rows]
        log_shares = F.log_softmax(logits.float(), dim=1).gather(1, bins.movedim(-1, 1))
        entropy = -(shares.movedim(-1, 1) * log_shares).sum(dim=1)
        return (self.class_weights[bins[..., 0]] * entropy).mean()


def _pooled(chroma: Tensor, like: Tensor) -> Tensor:
    """Average a*b* (N, 2, h, w) to the size of another tensor, a whole factor smaller."""
    return F.avg_pool2d(chroma, chroma.shape[2] // like.shape[2])


def _unlikeness(features: list[Tensor], true: list[Tensor]) -> Tensor:
    """Mean absolute difference over all levels, in units of each level's own spread."""
    levels = [
        F.l1_loss(mine.float(), theirs.float()) / (theirs.float().std() + 1e-6)
        for mine, theirs in zip(features, true, strict=True)
    ]
    return torch.stack(levels).mean()


def _labeled(logits: Tensor | None, labels: Tensor) -> Tensor:
    if logits is None:
        raise RecipeError("loss.classes: the network has no classifier; set it to 0")
    known = labels >= 0
    if not known.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[known].float(), labels[known])


def _table_rows(chroma: Tensor) -> Tensor:
    """:func:`rechroma.color.table_index` of a*b* (N, 2, h, w), on the device where they are."""
    unit = chroma.round().clamp(-REACH, REACH).long() + REACH
    return unit[:, 0] * (2 * REACH + 1) + unit[:, 1]
