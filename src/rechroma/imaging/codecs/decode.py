"""Decoding of files, bytes, streams, Pillow images and arrays to a `Photo`, or to a thumbnail.

Pillow decodes everything except JPEGs, which libjpeg-turbo decodes straight into an array, TIFFs of
less common kinds, which :mod:`rechroma.imaging.codecs.tiff` decodes, and the 16-bit colors of
JPEG 2000, which OpenCV decodes. One page of a file is read, by default the first, or the first
frame; the others are counted.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar, cast

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from rechroma.errors import COPY_AGAIN, BrokenImageError, UnsupportedImageError, error_context
from rechroma.imaging import grayscale
from rechroma.imaging.codecs import jpeg
from rechroma.imaging.codecs.open_image import (
    check_size,
    count_pages,
    decode_errors,
    display_name,
    identify,
    is_lossless_webp,
    open_source,
    quiet_pillow,
    source_format,
)
from rechroma.imaging.codecs.strip_metadata import Stripped, strip_metadata
from rechroma.imaging.codecs.tiff import TiffFile, decode_layout
from rechroma.imaging.metadata.extract import read_before, read_metadata, read_orientation
from rechroma.imaging.metadata.icc import Profile
from rechroma.imaging.metadata.orientation import TO_UPRIGHT
from rechroma.imaging.photo import Damage, Photo, UIntImage
from rechroma.options import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # errors are raised here

_Plane = TypeVar("_Plane", bound=np.ndarray[Any, Any])

_BITS_TAG, _PHOTOMETRIC_TAG, _WHITE_IS_ZERO = 258, 262, 0  # of a TIFF
_ORIENTATION_TAG = 0x0112
_INVERSE = {6: 8, 8: 6}  # orientations that are not their own inverse
_DEEP_PNG = {"LA;16B": "RGBA", "RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}  # Pillow's raw modes
_JPEG_FORMATS = ("JPEG", "MPO")
_JPEG_SPACES = {"L": "GRAY", "RGB": "RGB"}  # simplejpeg's names of Pillow's modes
_JP2_SIZE = b"\xff\x4f\xff\x51"  # the first two markers of a codestream
_JP2_HEAD = 1 << 20  # bytes before them, with a profile
_OPAQUE = 65535
_WHITE = (255, 255, 255, 255)


def read_photo(
    source: Path | bytes | BinaryIO | Image.Image,
    *,
    max_pixels: int = MAX_PIXELS,
    strict: bool = False,
    page: int = 1,
    name: str | None = None,
    threads: int = 1,
) -> Photo:
    """Read a photograph and convert it to gray.

    A PNG or JPEG that does not decode is tried once more without its metadata. The pixels that are
    missing from a truncated JPEG are gray.

    Args:
        source: A path (also of a named pipe), a file's content, a binary stream, or a Pillow
            image, which is not changed.
        max_pixels: The pixel limit, checked before anything is decoded.
        strict: Whether to reject a truncated JPEG.
        page: The number of the page of a TIFF, from 1.
        name: The image's name in errors; the file's name by default.
        threads: Number of threads that can decode large files.

    Raises:
        SourceError: The file is missing, a folder, or not readable.
        EmptyImageError: There are no bytes or no pixels.
        NotAnImageError: The bytes are in no known format.
        UnsupportedImageError: The kind of image is not supported.
        BrokenImageError: The image does not decode.
        ImageTooSmallError: A side is shorter than 2 pixels.
        ImageTooLargeError: There are more than `max_pixels` pixels.
        OptionError: There is no such page.
        MissingExtraError: A HEIC image, and pillow-heif is not installed.
    """
    name = display_name(source) if name is None else name
    with error_context(name), quiet_pillow():
        if isinstance(source, Image.Image):
            return _photo_of_image(source, max_pixels, threads=threads)
        with open_source(source, name) as file:
            try:
                photo = _photo_of_image(identify(file, page), max_pixels, file, threads)
            except BrokenImageError as error:
                file.seek(0)
                return _read_damaged(file.read(), max_pixels, error, strict=strict)
            file.seek(0)
            if photo.format != "JPEG" or jpeg.is_complete(file.read()):
                return photo
            if strict:
                raise BrokenImageError(
                    "the JPEG is truncated: its end is missing",
                    hint=COPY_AGAIN,
                )
            return replace(photo, damage=Damage.END_MISSING)


def photo_of_array(array: np.ndarray[Any, Any]) -> Photo:
    """Convert an sRGB array to a photograph.

    Args:
        array: (H, W), or (H, W, C) with gray (C = 1), gray and alpha (2), RGB (3) or RGBA (4);
            uint8, uint16, or float in 0..1, which is processed at 16 bits.

    Raises:
        UnsupportedImageError: Another shape or dtype, or a float outside 0..1 or NaN.
        EmptyImageError: There are no pixels.
        ImageTooSmallError: A side is shorter than 2 pixels.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4)):
        raise UnsupportedImageError(
            f"an array of shape {array.shape} is not an image",
            hint="Supported shapes are (H, W), and (H, W, C) with C = 1, 2, 3 or 4.",
        )
    with error_context("the array"):
        check_size((array.shape[1], array.shape[0]), max_pixels=None)
    pixels = _to_uint(array).reshape(*array.shape[:2], -1)
    channels = pixels.shape[2]
    alpha = cast("UIntImage", np.ascontiguousarray(pixels[..., -1])) if channels in (2, 4) else None
    if channels < 3:
        return Photo(gray=pixels[..., 0], alpha=alpha)
    gray, was_color = grayscale.gray_from_rgb(pixels[..., :3])
    return Photo(gray=gray, alpha=alpha, was_color=was_color)


def read_rgb_thumbnail(
    source: Path | bytes | BinaryIO,
    side: int,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> NDArray[np.uint8]:
    """Read an image as a color thumbnail in sRGB, upright; only the first frame or page.

    A large JPEG is decoded at a fraction of its size. Transparency becomes white.

    Args:
        source: A path, a file's content, or a binary stream.
        side: The short side of the result in pixels; a smaller image keeps its size.
        max_pixels: The pixel limit, checked before decoding.
        name: The image's name in errors; the file's name by default.

    Returns:
        (H, W, 3) uint8, with the source's aspect ratio.

    Raises:
        SourceError: The file is missing, a folder, or not readable.
        InputError: It is not an image, or is damaged, too small or too large.
        MissingExtraError: A HEIC image, and pillow-heif is not installed.
    """
    name = display_name(source) if name is None else name
    with error_context(name), quiet_pillow(), open_source(source, name) as file:
        image = identify(file)
        check_size(image.size, max_pixels)
        before = read_before(image)
        with decode_errors():
            if isinstance(image, TiffFile) and image.layout:
                image = _image_of_samples(*decode_layout(image.layout, image.fp), image)
            image.draft(None, (2 * side, 2 * side))
            image.load()
        orientation = read_orientation(image, before)
        with decode_errors():
            rgb = _to_rgb(image, Profile(before.icc))
            height, width = rgb.shape[:2]
            factor = side / min(height, width)
            if factor < 1:
                size = (max(side, round(width * factor)), max(side, round(height * factor)))
                rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
            return apply_orientation(rgb, orientation)


def sniff(data: bytes) -> str:
    """Detect the format of a file's content; returns Pillow's name.

    Raises:
        InputError: It is not an image, or its header is damaged.
        MissingExtraError: A HEIC image, and pillow-heif is not installed.
    """
    return source_format(identify(BytesIO(data)))


def _read_damaged(data: bytes, max_pixels: int, error: BrokenImageError, *, strict: bool) -> Photo:
    """Read a file without its metadata, or what is there of a JPEG; raise `error` if both fail."""
    is_jpeg = jpeg.is_jpeg(data)
    if is_jpeg:
        jpeg.reject_unsupported(data)
    whole, stripped = Stripped(data, ()), strip_metadata(data)
    attempts: list[tuple[Callable[[bytes, int], Photo], Stripped | None]]
    attempts = [(_photo_of_file, stripped)]
    if is_jpeg and not strict:
        attempts += [(_complete_jpeg, whole), (_complete_jpeg, stripped)]
    for read, source in attempts:
        if source is not None:
            with suppress(BrokenImageError):
                return _without(read(source.content, max_pixels), source.removed)
    raise error


def _without(photo: Photo, kinds: tuple[str, ...]) -> Photo:
    """Note that some kinds of metadata were removed from the file of a photograph."""
    unreadable = tuple(dict.fromkeys((*kinds, *photo.metadata.unreadable)))
    return replace(photo, metadata=replace(photo.metadata, unreadable=unreadable))


def _complete_jpeg(data: bytes, max_pixels: int) -> Photo:
    with decode_errors():
        completed, damage = jpeg.complete(data, max_pixels)
    return replace(_photo_of_file(completed, max_pixels), damage=damage)


def _photo_of_file(content: bytes, max_pixels: int) -> Photo:
    file = BytesIO(content)
    return _photo_of_image(identify(file), max_pixels, file)


def _photo_of_image(
    image: Image.Image, max_pixels: int, file: BinaryIO | None = None, threads: int = 1
) -> Photo:
    check_size(image.size, max_pixels)
    pages = 1 if file is None else count_pages(image, file)
    before = read_before(image)
    profile = Profile(before.icc)
    with decode_errors():
        if isinstance(image, TiffFile) and image.layout:
            samples = decode_layout(image.layout, image.fp, threads)
            pixels = _convert_samples(*samples, profile, threads)
        elif file is not None and image.format == "JPEG2000" and (depth := _jp2_depth(file)) > 8:
            pixels = _decode_deep_jp2(file, image, profile, white=(1 << depth) - 1)
        elif file is not None and _has_16_bit_colors(image):
            pixels = _decode_deep_png(file, image, profile)
        else:
            pixels = _decode_plain(file, image, profile, threads)
    orientation = read_orientation(image, before)
    gray = apply_orientation(pixels.gray, orientation)
    height, width = gray.shape
    metadata = read_metadata(image, (width, height), before)
    if image.format == "WEBP" and file is not None:
        metadata = replace(metadata, lossless=is_lossless_webp(file))
    return Photo(
        gray=gray,
        alpha=None if pixels.alpha is None else apply_orientation(pixels.alpha, orientation),
        format=source_format(image),
        was_color=pixels.was_color,
        metadata=metadata,
        pages=pages,
    )


class _Pixels(NamedTuple):
    gray: UIntImage
    alpha: UIntImage | None
    was_color: bool


def _convert_samples(
    color: UIntImage, alpha: UIntImage | None, profile: Profile, threads: int = 1
) -> _Pixels:
    if color.shape[2] == 1:
        gray = cast("UIntImage", np.ascontiguousarray(color[..., 0]))
        return _Pixels(profile.tone(gray), alpha, was_color=False)
    gray, was_color = grayscale.gray_from_rgb(color, profile, threads=threads)
    return _Pixels(gray, alpha, was_color)


def _decode_plain(
    file: BinaryIO | None, image: Image.Image, profile: Profile, threads: int
) -> _Pixels:
    if file is not None and image.format in _JPEG_FORMATS and image.mode in _JPEG_SPACES:
        file.seek(0)
        # Straight into an array: Pillow's image would be copied twice to get there.
        with suppress(ValueError):  # also of files that Pillow reads
            samples = simplejpeg.decode_jpeg(file.read(), _JPEG_SPACES[image.mode])
            return _convert_samples(samples, None, profile, threads)
    image.load()
    return _convert(image, profile)


def _convert(image: Image.Image, profile: Profile) -> _Pixels:
    alpha = None
    if image.mode == "I;16":
        alpha = _alpha_from_key(np.asarray(image), image.info.get("transparency"))
    elif image.has_transparency_data and not image.mode.startswith("I"):
        image = image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert(image.mode.removesuffix("A"))
    tags = getattr(image, "tag_v2", {})  # of an image that the caller opened with Pillow
    if image.mode == "I;16" and tags.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO:
        image = Image.fromarray(65535 - np.asarray(image))  # Pillow inverts 8 bits only
    if image.mode == "I;16" and tags.get(_BITS_TAG) == (12,):  # nor does it scale 12 bits
        image = Image.fromarray(
            (np.asarray(image) * np.float32(65535 / 4095)).round().astype(np.uint16)
        )
    gray, was_color = grayscale.gray_from_image(image, profile)
    return _Pixels(gray, alpha, was_color)


def _has_16_bit_colors(image: Image.Image) -> bool:
    """Return whether an image, not decoded yet, has 16-bit colors, which Pillow reduces to 8."""
    tiles = getattr(image, "tile", ())
    return (
        image.format == "PNG"
        and any(";16" in str(tile[3]) for tile in tiles)
        and image.mode in ("RGB", "RGBA")
    )


def _jp2_depth(file: BinaryIO) -> int:
    """Read the bit depth of a JPEG 2000 image.

    Raises:
        UnsupportedImageError: It is below 8, or there are no unsigned samples.
    """
    file.seek(0)
    head = file.read(_JP2_HEAD)
    at = head.find(_JP2_SIZE)
    depth = head[at + 42] + 1 if 0 <= at < len(head) - 42 else 0
    if not 8 <= depth <= 16:
        raise UnsupportedImageError(
            "JPEG 2000 of this bit depth is not supported",
            hint="Use 8 to 16 bits, unsigned.",
            kind="jpeg-2000",
        )
    return depth


def _decode_deep_png(file: BinaryIO, image: Image.Image, profile: Profile) -> _Pixels:
    """Decode 16-bit colors, or gray with alpha, through Pillow's modes of 8 bits.

    Colors are decoded twice: Pillow keeps the high byte of each sample, or the low byte, told that
    it is the high one. The two samples of gray and alpha pass as four of 8 bits.
    """
    file.seek(0)
    with identify(file) as other:
        (tile, *_) = tiles = cast("Any", other).tile
        tiles[:] = [tile._replace(args=_DEEP_PNG[tile.args])]
        pixels = np.ascontiguousarray(other)
    image.load()  # reads the metadata after the pixels, too
    if tile.args == "LA;16B":
        gray, alpha = np.moveaxis(pixels.view(">u2").astype(np.uint16), 2, 0)
        return _Pixels(profile.tone(gray), alpha, was_color=False)
    samples = np.asarray(image).astype(np.uint16) << 8 | pixels
    if image.mode == "RGBA":
        alpha = np.ascontiguousarray(samples[..., 3])
    else:
        alpha = _alpha_from_key(samples, image.info.get("transparency"))
    return _convert_samples(samples[..., :3], alpha, profile)


def _decode_deep_jp2(file: BinaryIO, image: Image.Image, profile: Profile, white: int) -> _Pixels:
    file.seek(0)
    bgr = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if bgr is None or bgr.dtype != np.uint16 or bgr.shape[:2] != image.size[::-1]:
        raise ValueError("the 16-bit colors do not decode")
    if white != _OPAQUE:
        table = np.rint(np.arange(white + 1) * (_OPAQUE / white)).astype(np.uint16)
        bgr = table.take(bgr, mode="clip")
    if bgr.ndim == 2:
        return _Pixels(profile.tone(cast("UIntImage", bgr)), None, was_color=False)
    alpha = np.ascontiguousarray(bgr[..., 3]) if bgr.shape[2] == 4 else None
    return _convert_samples(cast("UIntImage", bgr[..., 2::-1]), alpha, profile)


def _alpha_from_key(samples: UIntImage, key: object) -> UIntImage | None:
    """Make a 16-bit alpha channel from a PNG's transparent gray level or color key."""
    if key is None:
        return None
    differs = samples != np.array(key, np.uint16)
    if samples.ndim == 3:
        differs = differs.any(axis=2)
    return np.where(differs, np.uint16(_OPAQUE), np.uint16(0))


def apply_orientation(pixels: _Plane, orientation: int) -> _Plane:
    """Turn pixels (H, W) or (H, W, C) upright, given EXIF's orientation, 1 to 8."""
    if orientation == 1:
        return pixels
    is_swapped, across, down = TO_UPRIGHT[orientation]
    turned = pixels.swapaxes(0, 1) if is_swapped else pixels
    steps = (slice(None, None, -1 if is_mirrored else 1) for is_mirrored in (down, across))
    return cast("_Plane", np.ascontiguousarray(turned[tuple(steps)]))


def turn_stored(pixels: _Plane, orientation: int) -> _Plane:
    """Turn upright pixels (H, W) or (H, W, C) to how they are stored, given EXIF's orientation."""
    return apply_orientation(pixels, _INVERSE.get(orientation, orientation))


def _to_uint(array: np.ndarray[Any, Any]) -> UIntImage:
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return cast("UIntImage", array.astype(array.dtype.newbyteorder("="), copy=False))
    if array.dtype.kind == "f":
        return grayscale.to_uint16(array)
    raise UnsupportedImageError(
        f"an array of {array.dtype} is not an image", hint="Use uint8, uint16 or floats in 0..1."
    )


def _image_of_samples(
    color: UIntImage, alpha: UIntImage | None, source: Image.Image
) -> Image.Image:
    """Make an image with 8-bit channels and the metadata of its source."""
    channels: NDArray[Any] = color if alpha is None else np.dstack([color, alpha])
    if channels.dtype == np.uint16:
        channels = (channels >> 8).astype(np.uint8)
    image = Image.fromarray(channels[..., 0] if channels.shape[2] == 1 else channels)
    image.info = source.info
    image.getexif()[_ORIENTATION_TAG] = read_orientation(source)
    return image


def _to_rgb(image: Image.Image, profile: Profile) -> NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):
        gray = (grayscale.to_uint16(np.asarray(image)) >> 8).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba).convert("RGB")
    return np.asarray(profile.to_srgb(image), np.uint8)
