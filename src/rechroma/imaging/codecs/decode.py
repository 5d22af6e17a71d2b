"""Reads photographs: files, bytes, streams, Pillow's pictures and arrays become a `Photo`.

Pillow decodes everything but colors of 16 bit, which it would cut to 8: those go through OpenCV.
Of animations and files with several pages the first picture is read, and the others are counted.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar, cast

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

from rechroma.error_context import error_context
from rechroma.errors import BrokenImageError, UnsupportedImageError
from rechroma.imaging import grayscale
from rechroma.imaging.codecs.formats import FORMATS
from rechroma.imaging.codecs.open import any_size, check_size, decoding, name_of, opened, recognized
from rechroma.imaging.codecs.pages import page_count
from rechroma.imaging.metadata.container import metadata_of, orientation_of
from rechroma.imaging.metadata.icc import Profile
from rechroma.imaging.metadata.strip import without_metadata
from rechroma.imaging.photo import Photo, UIntImage
from rechroma.options import MAX_PIXELS

if TYPE_CHECKING:
    from pathlib import Path

_Plane = TypeVar("_Plane", bound=np.ndarray[Any, Any])

_BITS_TAG, _PLANAR_TAG, _EXTRA_TAG = 258, 284, 338  # of a TIFF
_PHOTOMETRIC_TAG, _WHITE_IS_ZERO = 262, 0
_STEPS = {  # down and across, after swapping the axes for orientations above 4
    2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1),
}  # fmt: skip
_OPAQUE = 65535


def read_photo(
    source: Path | bytes | BinaryIO | Image.Image,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> Photo:
    """Read a photograph and turn it to gray.

    A PNG or JPEG that does not decode is tried once more without its metadata.

    Args:
        source: A path (a pipe's, too) or a file's content, a stream opened for bytes, or a
            picture of Pillow's, which is not changed.
        max_pixels: The most pixels to accept. They are counted before anything is decoded.
        name: What errors call the picture; by default the file's name.

    Raises:
        SourceError: The file is missing, a folder, or may not be read.
        EmptyImageError: No bytes, or no pixels.
        NotAnImageError: The bytes are of no known format.
        UnsupportedImageError: A kind of picture that is not handled.
        BrokenImageError: The picture does not decode.
        ImageTooSmallError: A side of less than 2 pixels.
        ImageTooLargeError: More pixels than `max_pixels`.
        MissingExtraError: A HEIC picture, and pillow-heif is not installed.
    """
    name = name or name_of(source)
    with error_context(name):
        if isinstance(source, Image.Image):
            return _photo_of_image(source, max_pixels)
        with opened(source, name) as file:
            return _photo_of_file(file, max_pixels)


def photo_of_array(array: np.ndarray[Any, Any]) -> Photo:
    """Make a photograph of pixels in sRGB.

    Args:
        array: (H, W), or (H, W, C) with gray (C = 1), gray and alpha (2), RGB (3) or RGBA (4);
            uint8, uint16, or float in 0..1, which is processed in 16 bit.

    Raises:
        UnsupportedImageError: Another shape or type, a float outside 0..1 or not a number.
        EmptyImageError: No pixels.
        ImageTooSmallError: A side of less than 2 pixels.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4)):
        raise UnsupportedImageError(
            f"an array of shape {array.shape} is no picture",
            hint="Shapes are (H, W), or (H, W, C) with C = 1, 2, 3 or 4.",
        )
    with error_context("the array"):
        check_size((array.shape[1], array.shape[0]), max_pixels=None)
    pixels = _levels(array).reshape(*array.shape[:2], -1)
    channels = pixels.shape[2]
    alpha = cast("UIntImage", np.ascontiguousarray(pixels[..., -1])) if channels in (2, 4) else None
    if channels < 3:
        return Photo(gray=pixels[..., 0], alpha=alpha)
    neutral, had_color = grayscale.of_rgb(pixels[..., :3])
    return Photo(gray=neutral, alpha=alpha, had_color=had_color)


def _photo_of_file(file: BinaryIO, max_pixels: int) -> Photo:
    try:
        return _photo_of_image(recognized(file), max_pixels, file)
    except BrokenImageError:
        file.seek(0)
        bare = without_metadata(file.read())
        if bare is None:
            raise
        again = BytesIO(bare)
        return _photo_of_image(recognized(again), max_pixels, again)


def _photo_of_image(image: Image.Image, max_pixels: int, file: BinaryIO | None = None) -> Photo:
    check_size(image.size, max_pixels)
    pages = 1 if file is None else page_count(image, file)
    deep = file if file is not None and _has_deep_colors(image) else None
    with decoding(), any_size():
        image.load()
    orientation = orientation_of(image)
    swapped = orientation > 4
    size = image.size[::-1] if swapped else image.size
    metadata = metadata_of(image, size, swapped=swapped)
    profile = Profile(metadata.icc)
    with decoding():
        pixels = _deep_pixels(deep, image, profile) if deep else _pixels(image, profile)
    return Photo(
        gray=upright(pixels.gray, orientation),
        alpha=None if pixels.alpha is None else upright(pixels.alpha, orientation),
        format=format_of(image),
        had_color=pixels.had_color,
        metadata=metadata,
        pages=pages,
    )


def format_of(image: Image.Image) -> str:
    """Pillow's name of a picture's format; PNG for a picture that never was a file."""
    name = "JPEG" if image.format == "MPO" else image.format  # a JPEG with more pictures behind it
    return name if name and name in FORMATS else "PNG"


class _Pixels(NamedTuple):
    gray: UIntImage
    alpha: UIntImage | None
    had_color: bool


def _pixels(image: Image.Image, profile: Profile) -> _Pixels:
    alpha = None
    if image.mode == "I;16":
        alpha = _opacity(np.asarray(image), image.info.get("transparency"))
    elif image.has_transparency_data and not image.mode.startswith("I"):
        image = image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert(image.mode.removesuffix("A"))
    if (
        image.mode == "I;16"
        and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO
    ):
        image = Image.fromarray(65535 - np.asarray(image))  # Pillow only does it for 8 bit
    levels, had_color = grayscale.of_image(image, profile)
    return _Pixels(levels, alpha, had_color)


def _has_deep_colors(image: Image.Image) -> bool:
    """Whether a picture that is not decoded yet has colors of 16 bit, which Pillow cuts to 8."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
    deep = bool(max(image.tag_v2.get(_BITS_TAG, (8,))) > 8)
    if deep and (image.tag_v2.get(_PLANAR_TAG) == 2 or image.tag_v2.get(_EXTRA_TAG) == (1,)):
        raise UnsupportedImageError(
            "16-bit colors in separate planes or multiplied by their opacity are not handled",
            hint="Save it with interleaved channels and without transparency.",
        )
    return deep


def _deep_pixels(file: BinaryIO, image: Image.Image, profile: Profile) -> _Pixels:
    file.seek(0)
    bgr = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if bgr is None or bgr.dtype != np.uint16:
        raise BrokenImageError("the picture's 16-bit colors do not decode")
    rgb = cast("UIntImage", bgr[..., 2::-1])
    if image.mode == "RGBA":
        alpha = cast("UIntImage | None", np.ascontiguousarray(bgr[..., 3]))
    else:
        alpha = _opacity(rgb, image.info.get("transparency"))
    levels, had_color = grayscale.of_rgb(rgb, profile)
    return _Pixels(levels, alpha, had_color)


def _opacity(samples: UIntImage, clear: object) -> UIntImage | None:
    """Opacity of 16 bit where one level, or one color, was said to be clear."""
    if clear is None:
        return None
    differs = samples != np.array(clear, np.uint16)
    if samples.ndim == 3:
        differs = differs.any(axis=2)
    return np.where(differs, np.uint16(_OPAQUE), np.uint16(0))


def upright(pixels: _Plane, orientation: int) -> _Plane:
    """Turn pixels (H, W) or (H, W, C) as EXIF's orientation, 1 to 8, says."""
    if orientation == 1:
        return pixels
    turned = pixels.swapaxes(0, 1) if orientation > 4 else pixels
    down, across = _STEPS[orientation]
    return cast("_Plane", np.ascontiguousarray(turned[::down, ::across]))


def _levels(array: np.ndarray[Any, Any]) -> UIntImage:
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return cast("UIntImage", array.astype(array.dtype.newbyteorder("="), copy=False))
    if array.dtype.kind == "f":
        return grayscale.of_numbers(array)
    raise UnsupportedImageError(
        f"an array of {array.dtype} is no picture", hint="Use uint8, uint16 or floats in 0..1."
    )
