"""Color model files: their cards, their contract, and their lookup."""

from __future__ import annotations

from rechroma.models.card import PROPERTY, DataSource, ModelCard
from rechroma.models.contract import load_model, read_card
from rechroma.models.store import find_model, get_card, list_models, model_names

__all__ = [
    "PROPERTY",
    "DataSource",
    "ModelCard",
    "find_model",
    "get_card",
    "list_models",
    "load_model",
    "model_names",
    "read_card",
]
