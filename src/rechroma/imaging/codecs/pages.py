"""Counts the pictures of a file that holds several: pages of a scan, frames of an animation."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, cast

from PIL import TiffImagePlugin

from rechroma.imaging.codecs.open import recognized

if TYPE_CHECKING:
    from PIL.Image import Image

_KIND_TAG = 254  # of a TIFF's page
_SMALL_COPY = 1  # a bit of it


def page_count(image: Image, file: BinaryIO) -> int:
    """How many pictures the file holds from which one was opened; neither is left changed.

    What goes with the first picture is not counted: the small copies in a TIFF, and what cameras
    put behind a JPEG. Nor is anything where one of the others is damaged.
    """
    place = file.tell()
    try:
        return _counted(image, file)
    except Exception:  # the decoders raise nearly anything, and the first page may be sound
        return 1
    finally:
        file.seek(place)


def _counted(image: Image, file: BinaryIO) -> int:
    match image.format:
        case "MPO":
            return 1
        case "GIF" | "TIFF":  # for these it means to look at each, and damage would spoil the image
            file.seek(0)
            other = recognized(file)
            frames = _frames(other)
            return frames - sum(_is_small_copy(other, number) for number in range(1, frames))
    return _frames(image)


def _frames(image: Image) -> int:
    return cast("int", getattr(image, "n_frames", 1))


def _is_small_copy(image: Image, number: int) -> bool:
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    image.seek(number)
    return bool(image.tag_v2.get(_KIND_TAG, 0) & _SMALL_COPY)
