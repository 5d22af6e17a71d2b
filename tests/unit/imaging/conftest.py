"""Fixtures: images in memory, and their encoding as files."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Encode = Callable[..., bytes]


@pytest.fixture
def encode() -> Encode:
    """Encode an array or a Pillow image as file content."""

    def encode(image: Image.Image | NDArray[Any], file_format: str, **options: Any) -> bytes:
        image = image if isinstance(image, Image.Image) else Image.fromarray(image)
        file = BytesIO()
        image.save(file, file_format, **options)
        return file.getvalue()

    return encode


@pytest.fixture
def gray() -> NDArray[np.uint8]:
    """Every 8-bit level, (24, 32), asymmetric, so that rotations and flips show."""
    steps = np.linspace(0, 255, 24 * 32).astype(np.uint8)
    return steps.reshape(24, 32)


@pytest.fixture
def gray_16(gray: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The same at 16 bits, with levels that 8 bits cannot represent."""
    return (gray.astype(np.uint16) * 257) ^ np.uint16(0x55)


@pytest.fixture
def colors() -> NDArray[np.uint8]:
    """A color image (24, 32, 3)."""
    x, y = np.meshgrid(np.linspace(0, 255, 32), np.linspace(0, 255, 24))
    return np.stack([x, y, 255 - x], axis=-1).astype(np.uint8)
