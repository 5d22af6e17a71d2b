"""Helpers of the command-line tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from click.testing import Result
from PIL import Image

from rechroma.cli.ledger import LEDGER_NAME

if TYPE_CHECKING:
    import subprocess

Run = Callable[..., Result]
Shell = Callable[..., "subprocess.CompletedProcess[bytes]"]
MakePhoto = Callable[..., Path]


def images_in(folder: Path) -> list[Path]:
    """List the files in a folder without the ledger of results; temporary files count."""
    return sorted(path for path in folder.iterdir() if path.name != LEDGER_NAME)


def is_colored(path: Path) -> bool:
    """Check whether the channels of an image differ."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    return bool(np.abs(pixels[..., 0] - pixels[..., 2]).mean() > 5)


def running_as_root() -> bool:
    """Check whether file permissions are not enforced."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
