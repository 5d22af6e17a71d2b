"""Color model files: their cards, their contract, their lookup, and the shelf."""

from __future__ import annotations

from rechroma.models.card import PROPERTY, DataSource, ModelCard
from rechroma.models.contract import (
    check_lacks_card,
    lacks_card,
    load_model,
    no_onnx_error,
    read_card,
)
from rechroma.models.index import PublishedModel, published_models
from rechroma.models.store import (
    add_to_shelf,
    check_readable,
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
    "check_lacks_card",
    "check_readable",
    "check_sha256",
    "find_model",
    "get_card",
    "lacks_card",
    "list_models",
    "load_model",
    "model_names",
    "no_onnx_error",
    "published_models",
    "read_card",
    "remove_from_shelf",
    "shelf_folder",
    "shelf_models",
    "shelf_path",
]
