"""Color model files: what one says about itself, what it must keep, where it is found."""

from __future__ import annotations

from rechroma.models.card import PROPERTY, DataSource, ModelCard
from rechroma.models.session import load_model, read_card
from rechroma.models.signature import Tensor, check_contract
from rechroma.models.store import find_model, get_card, list_models, model_names

__all__ = [
    "PROPERTY",
    "DataSource",
    "ModelCard",
    "Tensor",
    "check_contract",
    "find_model",
    "get_card",
    "list_models",
    "load_model",
    "model_names",
    "read_card",
]
