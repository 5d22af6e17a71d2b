"""Opening untrusted image files: detection by content, size limits and decoder errors.

Every format is recognized by its first bytes, never by its name, and nothing is decoded before
the size limit has been checked.
"""

from __future__ import annotations

import logging
import threading
import warnings
from contextlib import contextmanager, suppress
from io import SEEK_CUR, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from PIL import (  # the plugins register themselves in Image.OPEN
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from rechroma.errors import (
    COPY_AGAIN,
    BrokenImageError,
    EmptyImageError,
    ImageTooLargeError,
    ImageTooSmallError,
    MissingExtraError,
    OptionError,
    RechromaError,
    SourceError,
    UnsupportedImageError,
)
from rechroma.imaging.codecs.formats import FORMATS, enable_heif
from rechroma.imaging.codecs.other_kinds import HEAD_BYTES, kind_error
from rechroma.imaging.codecs.tiff import TiffFile, open_tiff

if TYPE_CHECKING:
    from collections.abc import Iterator

logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its errors go to stderr

_MIN_SIDE = 2
_MAX_BRANDS = 256  # bytes
_MAX_CHUNKS, _FRAME_HEADER = 100, 16  # of a WebP
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def display_name(source: object) -> str:
    """Return the name that errors use for an image given as a path, a stream or anything else."""
    name = source if isinstance(source, Path) else getattr(source, "name", None)
    return str(name) if isinstance(name, str | Path) and str(name) else "the image"


@contextmanager
def open_source(source: Path | bytes | BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Open a path, a stream or a file's content as a seekable stream.

    Raises:
        SourceError: The file is missing, a folder, or not readable.
    """
    file: BinaryIO
    try:
        if isinstance(source, bytes):
            file = BytesIO(source)
        elif not isinstance(source, Path):
            file = BytesIO(source.read())
        else:
            file = source.open("rb")
            if not file.seekable():  # a pipe
                with file as pipe:
                    file = BytesIO(pipe.read())
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the name, a stream that is closed
        raise SourceError(f"{name!r}: {error}") from error
    with file:
        yield file


def read_content(source: Path | bytes, name: str) -> bytes:
    """Read the content of a file, or pass on what is content already.

    Raises:
        SourceError: The file is missing, a folder, or not readable.
    """
    if isinstance(source, bytes):
        return source
    with open_source(source, name) as file:
        try:
            return file.read()
        except OSError as error:
            raise SourceError(f"{name}: {error.strerror or error}") from error


def identify(file: BinaryIO, page: int = 1) -> Image.Image:
    """Open an image by its first bytes, without decoding it.

    Pillow's own `open` would warn of images above its limit, or reject them, before ours applies.

    Args:
        file: The file, at its start.
        page: The number of the page of a TIFF, from 1.

    Raises:
        OptionError: There is no such page.
        InputError: The file is empty, damaged, or in no known format.
        MissingExtraError: A HEIC image, and pillow-heif is not installed.
    """
    prefix = file.read(16)
    if not prefix:
        raise EmptyImageError("the file is empty", hint="Copy or download it again.")
    heif = prefix[4:8] == b"ftyp" and prefix[8:12] in _HEIF_BRANDS and not _is_avif(file, prefix)
    if heif:
        enable_heif()
    for name in FORMATS:
        if name == "HEIF" and not heif:  # its codec, once registered, takes AVIFs as well
            continue
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory and accept and accept(prefix) is True:
            file.seek(0)
            with decode_errors(), quiet_pillow():  # some formats check it as they open
                if name == "TIFF":
                    return open_tiff(file, page)
                if page > 1:
                    raise OptionError(f"there is no page {page}: only a TIFF has several")
                return factory(file, "")
    file.seek(0)
    raise kind_error(file.read(HEAD_BYTES))


def is_image_file(path: Path) -> bool:
    """Return whether a file is an image by its content; a damaged one is not recognized."""
    try:
        with open_source(path, str(path)) as file:
            identify(file)
    except MissingExtraError:  # a HEIC image
        return True
    except RechromaError:
        return False
    return True


def _is_avif(file: BinaryIO, prefix: bytes) -> bool:
    """Return whether a file of a brand that several formats share is an AVIF."""
    size = int.from_bytes(prefix[:4])
    return b"avif" in file.read(min(max(size - len(prefix), 0), _MAX_BRANDS))


def source_format(image: Image.Image) -> str:
    """Return Pillow's name of an image's format; PNG for one that never was a file."""
    name = "JPEG" if image.format == "MPO" else image.format  # a JPEG with more images behind it
    return name if name and name in FORMATS else "PNG"


def count_pages(image: Image.Image, file: BinaryIO) -> int:
    """Count the pages or frames of the file that an image was opened from; neither is changed.

    Reduced-resolution copies in a TIFF, and images that cameras append to a JPEG, do not count. If
    a later page is damaged, the count is 1.
    """
    position = file.tell()
    try:
        if image.format == "MPO":
            return 1
        if isinstance(image, TiffFile):
            return image.pages
        if image.format != "GIF":
            return cast("int", getattr(image, "n_frames", 1))
        # Counting these reads every frame, and a damaged one would spoil the opened image.
        file.seek(0)
        return cast("int", getattr(identify(file), "n_frames", 1))
    except Exception:  # decoders raise nearly anything, and the first page may be sound
        return 1
    finally:
        file.seek(position)


def is_lossless_webp(file: BinaryIO) -> bool:
    """Return whether the first pixels in a WebP are compressed without loss."""
    file.seek(len(b"RIFF....WEBP"))
    for _ in range(_MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8 or header[:4] in (b"VP8 ", b"VP8L"):
            return header[:4] == b"VP8L"
        size = int.from_bytes(header[4:], "little")
        file.seek(_FRAME_HEADER if header[:4] == b"ANMF" else size + size % 2, SEEK_CUR)
    return False


@contextmanager
def decode_errors() -> Iterator[None]:
    """Translate decoder exceptions, which can be nearly anything, into an `InputError`."""
    try:
        yield
    except (RechromaError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError("the image does not fit into memory") from error
    except Exception as error:
        if "unknown pixel mode" in str(error):
            raise UnsupportedImageError(
                "this kind of TIFF is not supported",
                hint="Save it as RGB or grayscale with 8 or 16 bits per channel.",
                kind="tiff",
            ) from error
        raise BrokenImageError(
            "the image is damaged or truncated",
            hint=COPY_AGAIN,
        ) from error


def check_size(size: tuple[int, int], max_pixels: int | None) -> None:
    """Check an image's size against the limits.

    Args:
        size: Width and height in pixels.
        max_pixels: The pixel limit; None for no limit.

    Raises:
        EmptyImageError: There are no pixels.
        ImageTooSmallError: A side is shorter than 2 pixels.
        ImageTooLargeError: There are more than `max_pixels` pixels.
    """
    width, height = size
    if width * height == 0:
        raise EmptyImageError("the image has no pixels")
    if min(size) < _MIN_SIDE:
        raise ImageTooSmallError(
            f"{width} x {height} pixels are too few to color",
            hint=f"Each side needs at least {_MIN_SIDE}.",
        )
    if max_pixels is not None and width * height > max_pixels:
        raise ImageTooLargeError(
            f"{width} x {height} pixels exceed the limit of {max_pixels}",
            hint="Raise the limit if you trust the file and have the memory.",
        )


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Lift Pillow's pixel limit, and silence its warnings, temporarily.

    :func:`check_size` applies our limit instead. Both are global to the process, so they are
    restored as soon as no thread needs them any more.
    """
    with _QUIET_LOCK:
        if not _LIMITS:
            warnings.filterwarnings("ignore", module=_PILLOW)
            _FILTERS.append(warnings.filters[0])
        _LIMITS.append(Image.MAX_IMAGE_PIXELS)  # the first is the limit, all others are None
        Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        with _QUIET_LOCK:
            limit = _LIMITS.pop()
            if not _LIMITS:
                Image.MAX_IMAGE_PIXELS = limit
                with suppress(ValueError):  # whoever resets all filters has removed it
                    cast("list[object]", warnings.filters).remove(_FILTERS.pop())


_PILLOW = r"PIL\.\w"
_QUIET_LOCK = threading.Lock()
_LIMITS: list[int | None] = []
_FILTERS: list[object] = []
