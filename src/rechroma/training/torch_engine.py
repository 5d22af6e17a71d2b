"""A torch network behind the engine protocol.

It puts a network in training through the same pipeline that will serve it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from rechroma.engines.base import check_hints_supported
from rechroma.errors import InvalidChromaError, ModelFeatureError
from rechroma.models import ModelCard
from rechroma.networks import no_hints

if TYPE_CHECKING:
    from torch import Tensor

    from rechroma.color.lab import Float
    from rechroma.networks import ColorizationNetwork, Prediction


class TorchEngine:
    """An :class:`rechroma.engines.Engine` that runs a network in evaluation mode.

    Args:
        network: Kept by reference and put into evaluation mode: pass the averaged one of a run, not
            the one in training.
        size: Long side of the input, in pixels.
    """

    def __init__(self, network: ColorizationNetwork, size: int = 256) -> None:
        self._network = network.eval()
        self._card = ModelCard(
            name="in-training",
            version="0",
            stride=network.stride,
            scale=network.scale,
            distribution_scale=network.distribution_scale,
            size=size,
            license="",
            authors=(),
            data=(),
            hints=network.supports_hints,
            bins=network.output_bins(),
        )

    @property
    def card(self) -> ModelCard:
        """Description of the network."""
        return self._card

    @torch.inference_mode()
    def chroma(self, lightness: Float, hints: Float | None = None) -> Float:
        """Predict a*b* (N, 2, h, w) from L* (N, 1, H, W) and hints (N, 3, H, W)."""
        return _finite("chroma", self._network.chroma(self._predict(lightness, hints)))

    @torch.inference_mode()
    def distribution(self, lightness: Float, hints: Float | None = None) -> Float:
        """Predict the probabilities (N, Q, h, w) of the color bins.

        Raises:
            ModelFeatureError: The network predicts none.
        """
        if not self._card.bins:
            raise ModelFeatureError("the network predicts no distribution of colors")
        shares = self._network.distribution(self._predict(lightness, hints))
        return _finite("distribution", shares)

    def _predict(self, lightness: Float, hints: Float | None) -> Prediction:
        check_hints_supported(self._card, hints)
        device = self._network.centers.device
        shown = torch.from_numpy(lightness).to(device)
        fixed = no_hints(shown) if hints is None else torch.from_numpy(hints).to(device)
        prediction: Prediction = self._network(shown, fixed)
        return prediction


def _finite(name: str, output: Tensor) -> Float:
    values = output.float().cpu().numpy()
    if not np.isfinite(values).all():
        raise InvalidChromaError(f"the network gave a {name} that is not finite")
    return np.asarray(values, np.float32)
