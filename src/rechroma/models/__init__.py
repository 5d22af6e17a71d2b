"""Colour model files: what one says about itself, what it must keep, where it is found."""

from __future__ import annotations

from rechroma.models.card import PROPERTY, DataSource, ModelCard
from rechroma.models.contract import Tensor, check_contract
from rechroma.models.session import load_model, read_card
from rechroma.models.store import find_model, list_models, model_names, named_card

__all__ = [
    "PROPERTY",
    "DataSource",
    "ModelCard",
    "Tensor",
    "check_contract",
    "find_model",
    "list_models",
    "load_model",
    "model_names",
    "named_card",
    "read_card",
]
