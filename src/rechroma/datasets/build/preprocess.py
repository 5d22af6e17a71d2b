"""Preprocessing of an image file for a data set, with the reason for a rejection."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from rechroma.datasets.build.filters import color_fault, difference_hash
from rechroma.errors import ImageTooLargeError, ImageTooSmallError, InternalError, RechromaError
from rechroma.fs import file_sha256
from rechroma.imaging import read_rgb_thumbnail
from rechroma.options import check_range

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

UNREADABLE, TOO_SMALL, TOO_LARGE, TOO_LONG = "unreadable", "too small", "too large", "too long"
DUPLICATE, NEAR_DUPLICATE, ABSENT = "duplicate", "near-duplicate", "absent"

SUFFIXES = {"webp": ".webp", "jpg": ".jpg"}
_ENCODERS = {"webp": "WEBP", "jpg": "JPEG"}
_KEY_LENGTH = 20  # hexadecimal digits: no two by chance among a million images
_MAX_PIXELS = 100_000_000  # after a JPEG was decoded at a fraction; several are decoded at a time
_MAX_BYTES = 1 << 30
_MAX_ASPECT = 4  # longer images are strips and banners


@dataclass(frozen=True)
class ImageFormat:
    """Format of the images in a data set.

    Attributes:
        size: Short side in pixels; smaller images keep their size.
        min_side: Shortest side to accept, in pixels.
        format: ``webp`` or ``jpg``.
        quality: 1 to 100.
    """

    size: int = 256
    min_side: int = 128
    format: str = "webp"
    quality: int = 90

    def __post_init__(self) -> None:
        check_range("size", self.size, 16, 4096)
        check_range("min_side", self.min_side, 2, 4096)
        check_range("quality", self.quality, 1, 100)


@dataclass(frozen=True)
class PackedImage:
    """An encoded image.

    Attributes:
        key: Beginning of the SHA-256 of the source file.
        hash: Its :func:`~rechroma.datasets.build.filters.difference_hash`.
        data: The encoded bytes.
        width: In pixels.
        height: In pixels.
    """

    key: str
    hash: int
    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Rejected:
    """A file that was rejected.

    Attributes:
        file: Its path within the folder.
        reason: One of the reasons of this module.
        detail: Details of this file.
    """

    file: str
    reason: str
    detail: str = ""


def preprocess_image(path: Path, file: str, form: ImageFormat) -> PackedImage | Rejected:
    """Read, check, resize and encode an image; never raises, whatever the file holds.

    Args:
        path: The file.
        file: Its name in the data set.
        form: Format of the result.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            return Rejected(file, TOO_LARGE, "the file is larger than 1 GiB")
        rgb = read_rgb_thumbnail(path, form.size, max_pixels=_MAX_PIXELS, name=file)
        fault = _fault(rgb, form)
        if fault:
            return Rejected(file, *fault)
        key = file_sha256(path)[:_KEY_LENGTH]
        buffer = BytesIO()
        Image.fromarray(rgb).save(buffer, _ENCODERS[form.format], quality=form.quality)
        height, width = rgb.shape[:2]
        return PackedImage(key, difference_hash(rgb), buffer.getvalue(), width, height)
    except ImageTooSmallError as error:
        return Rejected(file, TOO_SMALL, error.message)
    except ImageTooLargeError as error:
        return Rejected(file, TOO_LARGE, error.message)
    except RechromaError as error:
        return Rejected(file, UNREADABLE, error.message)
    except Exception as error:  # one odd image must not end hours of work
        return Rejected(file, UNREADABLE, InternalError.from_exception(error).message)


def _fault(rgb: NDArray[np.uint8], form: ImageFormat) -> tuple[str, str] | None:
    short, long = sorted(rgb.shape[:2])
    if short < form.min_side:
        return TOO_SMALL, f"the short side has {short} pixels"
    if long > _MAX_ASPECT * short:
        return TOO_LONG, f"{long} x {short} pixels"
    why = color_fault(rgb)
    return (str(why), "") if why else None
