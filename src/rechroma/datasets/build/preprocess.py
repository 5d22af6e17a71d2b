"""Makes one sample of a data set from one file of any kind, or says why it makes none."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from rechroma.datasets.build.color_filter import colorless
from rechroma.datasets.build.near_duplicates import difference_hash
from rechroma.errors import ImageTooLargeError, ImageTooSmallError, InternalError, RechromaError
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
_KEY_LENGTH = 20  # hexadecimal digits: among a million pictures, no two by chance
_MAX_PIXELS = 100_000_000  # after a JPEG was decoded at a fraction; several are decoded at a time
_MAX_BYTES = 1 << 30
_LONGEST = 4  # times the short side; longer ones are strips and banners


@dataclass(frozen=True)
class Form:
    """How pictures are kept in a data set.

    Attributes:
        size: Short side in pixels; smaller pictures stay as they are.
        least_side: Pictures with a shorter side are dropped.
        format: ``webp`` or ``jpg``.
        quality: 1 to 100.
    """

    size: int = 256
    least_side: int = 128
    format: str = "webp"
    quality: int = 90

    def __post_init__(self) -> None:
        check_range("size", self.size, 16, 4096)
        check_range("least_side", self.least_side, 2, 4096)
        check_range("quality", self.quality, 1, 100)


@dataclass(frozen=True)
class Sample:
    """A picture that may be kept.

    Attributes:
        key: The beginning of the SHA-256 of the file that it was made from.
        likeness: Its :func:`~rechroma.datasets.build.near_duplicates.difference_hash`.
        data: The encoded picture.
        width: In pixels.
        height: In pixels.
    """

    key: str
    likeness: int
    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Dropped:
    """A file that is not kept.

    Attributes:
        file: Its path within the folder.
        reason: One of a few, to be counted.
        detail: What is peculiar to this one.
    """

    file: str
    reason: str
    detail: str = ""


def make_sample(path: Path, file: str, form: Form) -> Sample | Dropped:
    """Read, judge, shrink and encode a picture; whatever the file holds, nothing is raised.

    Args:
        path: The file.
        file: What it is called in the data set.
        form: How to keep it.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            return Dropped(file, TOO_LARGE, "the file is larger than a gigabyte")
        rgb = read_rgb_thumbnail(path, form.size, max_pixels=_MAX_PIXELS, name=file)
        fault = _fault(rgb, form)
        return Dropped(file, *fault) if fault else _sample(path, rgb, form)
    except ImageTooSmallError as error:
        return Dropped(file, TOO_SMALL, error.message)
    except ImageTooLargeError as error:
        return Dropped(file, TOO_LARGE, error.message)
    except RechromaError as error:
        return Dropped(file, UNREADABLE, error.message)
    except Exception as error:  # one odd picture must not end hours of work
        return Dropped(file, UNREADABLE, InternalError.from_exception(error).message)


def _fault(rgb: NDArray[np.uint8], form: Form) -> tuple[str, str] | None:
    short, long = sorted(rgb.shape[:2])
    if short < form.least_side:
        return TOO_SMALL, f"the short side has {short} pixels"
    if long > _LONGEST * short:
        return TOO_LONG, f"{long} x {short} pixels"
    why = colorless(rgb)
    return (str(why), "") if why else None


def _sample(path: Path, rgb: NDArray[np.uint8], form: Form) -> Sample:
    with path.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()[:_KEY_LENGTH]
    height, width = rgb.shape[:2]
    return Sample(key, difference_hash(rgb), _encoded(rgb, form), width, height)


def _encoded(rgb: NDArray[np.uint8], form: Form) -> bytes:
    buffer = BytesIO()
    Image.fromarray(rgb).save(buffer, _ENCODERS[form.format], quality=form.quality)
    return buffer.getvalue()
