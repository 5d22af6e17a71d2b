"""A torch network behind the engine protocol.

A network in training is so seen and measured through the very pipeline that will serve it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from rechroma.errors import InvalidChromaError
from rechroma.models import ModelCard

if TYPE_CHECKING:
    from rechroma.color.lab import Float
    from rechroma.networks import ColourNetwork


class TorchEngine:
    """Runs a network in evaluation mode; see :class:`rechroma.engines.Engine`.

    Args:
        network: Kept by reference and put into evaluation mode: give the averaged one of a run,
            not the one that learns.
        size: Long side of the input, in pixels.
    """

    def __init__(self, network: ColourNetwork, size: int = 256) -> None:
        self._network = network.eval()
        self._card = ModelCard(
            name="in-training",
            version="0",
            stride=network.stride,
            scale=network.scale,
            size=size,
            licence="",
            authors=(),
            data=(),
        )

    @property
    def card(self) -> ModelCard:
        """What the network says about itself."""
        return self._card

    @torch.inference_mode()
    def chroma(self, lightness: Float) -> Float:
        """See :meth:`rechroma.engines.Engine.chroma`."""
        device = next(self._network.parameters()).device
        prediction = self._network(torch.from_numpy(lightness).to(device))
        chroma = self._network.chroma(prediction).float().cpu().numpy()
        if not np.isfinite(chroma).all():
            raise InvalidChromaError("the network gave a chroma that is not finite")
        return np.asarray(chroma, np.float32)
