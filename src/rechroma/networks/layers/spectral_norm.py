"""Folding of spectral normalization (Miyato et al. 2018, arXiv 1802.05957) into weights.

During training it divides a layer's weights by their largest singular value at every step. A
trained network is exported with the quotient as its weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

_WEIGHT = "weight"


def fold_spectral_norm(network: nn.Module) -> list[nn.Module]:
    """Replace the division by the divided weights, under their plain names.

    Returns:
        The layers that were normalized.
    """
    layers = [each for each in network.modules() if is_parametrized(each, _WEIGHT)]
    for layer in layers:
        # Not by remove_parametrizations: a copy shares its class with the original, which would
        # lose its weights too.
        weights = nn.Parameter(getattr(layer, _WEIGHT).detach().clone())
        layer.__class__ = type_before_parametrizations(layer)
        del layer.parametrizations
        layer.register_parameter(_WEIGHT, weights)
    return layers


def restore_spectral_norm(layers: Iterable[nn.Module]) -> None:
    """Undo :func:`fold_spectral_norm`: divide from now on."""
    for layer in layers:
        spectral_norm(layer, _WEIGHT)


def is_folded(weights: Mapping[str, Tensor]) -> bool:
    """Tell by their names if weights are folded."""
    return not any(f"parametrizations.{_WEIGHT}." in name for name in weights)
