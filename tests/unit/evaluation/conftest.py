from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rechroma.datasets import Shards
from tests.support.shards import write_shard

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def images(tmp_path: Path) -> Shards:
    """Five images of two sources."""
    write_shard(tmp_path / "s-0.tar", 3, source="one")
    write_shard(tmp_path / "s-1.tar", 2, first=3, source="two")
    return Shards([tmp_path])
