"""Weights and images that are not part of the repository; tests use them where they are."""

from __future__ import annotations

from pathlib import Path

import pytest


def shared(name: str) -> Path:
    """A file of the folder `shared` beside the checkout; without it the test is skipped."""
    path = Path(__file__).parents[3] / "shared" / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout")
    return path
