"""Weights and images that are not part of the repository; tests that need them are skipped."""

from __future__ import annotations

from pathlib import Path

import pytest


def shared(name: str) -> Path:
    """Find a file of the folder `shared` next to the checkout, or skip the test."""
    path = Path(__file__).parents[3] / "shared" / name
    if not path.exists():
        pytest.skip(f"{name} is not next to this checkout")
    return path
