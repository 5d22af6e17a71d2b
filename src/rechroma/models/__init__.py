"""Color model files: their cards, their contract, their lookup, and the shelf."""

from __future__ import annotations

from rechroma.models.card import PROPERTY, DataSource, ModelCard
from rechroma.models.contract import lacks_card, load_model, read_card
from rechroma.models.index import PublishedModel, published_models
from rechroma.models.store import (
    add_to_shelf,
    check_sha256,
    find_model,
    get_card,
    list_models,
    model_names,
    remove_from_shelf,
    shelf_folder,
    shelf_models,
    shelf_path,
)

__all__ = [
    "PROPERTY",
    "DataSource",
    "ModelCard",
    "PublishedModel",
    "add_to_shelf",
    "check_sha256",
    "find_model",
    "get_card",
    "lacks_card",
    "list_models",
    "load_model",
    "model_names",
    "published_models",
    "read_card",
    "remove_from_shelf",
    "shelf_folder",
    "shelf_models",
    "shelf_path",
]
