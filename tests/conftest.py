"""Settings for the whole suite, and the browser, of which there can be one in a process."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# Many small matrices: threads cost more than they bring, and the machine may be busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Hypothesis would take a busy machine for a fault.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_CALM = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


_SLOW = ("unit/training", "parity", "unit/networks", "load", "api", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the slowest folders, so that the workers finish at about the same time."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = item.path.relative_to(Path(__file__).parent)
    return next((rank for rank, slow in enumerate(_SLOW) if path.is_relative_to(slow)), len(_SLOW))


@pytest.fixture(scope="module")  # its loop would be in the way of tests with loops of their own
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=list(_CALM))
        yield found
        found.close()
