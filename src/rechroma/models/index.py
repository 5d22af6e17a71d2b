"""The index of published models: addresses, licenses and hashes of the authors' files.

It is part of the package and changes only with it: no list is downloaded, so that the hashes are as
trustworthy as the installation itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

INDEX = Path(__file__).parent / "index.json"


@dataclass(frozen=True)
class PublishedModel:
    """A model that its authors publish as a checkpoint.

    Attributes:
        name: Its name on the shelf.
        architecture: The network that the checkpoint is imported as.
        paper: The publication.
        license: SPDX identifier of the license of the weights.
        page: The authors' page about it.
        url: Address of the checkpoint; `https` or `hf`.
        size: Size of the file in bytes; None if unknown.
        sha256: SHA-256 of the file; None if unknown.
        sha256_from: Source of the hash.
    """

    name: str
    architecture: str
    paper: str
    license: str
    page: str
    url: str
    size: int | None
    sha256: str | None
    sha256_from: str


def published_models() -> dict[str, PublishedModel]:
    """Read the index, by name."""
    entries = json.loads(INDEX.read_text("utf-8"))["models"]
    return {entry["name"]: PublishedModel(**entry) for entry in entries}
