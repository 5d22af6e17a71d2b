"""Opening pictures from outside: by their first bytes, within limits, whatever a decoder raises."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from PIL import (  # the plugins register themselves in Image.OPEN
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from rechroma.errors import (
    BrokenImageError,
    EmptyImageError,
    ImageTooLargeError,
    ImageTooSmallError,
    NotAnImageError,
    RechromaError,
    SourceError,
    UnsupportedImageError,
)
from rechroma.imaging.codecs.formats import FORMATS, enable_heif

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIN_SIDE = 2
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def name_of(source: object) -> str:
    """What errors call a picture that is given as a path, a stream or anything else."""
    name = source if isinstance(source, Path) else getattr(source, "name", None)
    return str(name) if isinstance(name, str | Path) and str(name) else "the picture"


@contextmanager
def opened(source: Path | bytes | BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Open a path or a file's content as a stream that can be gone through twice.

    Raises:
        SourceError: The file is missing, a folder, or may not be read.
    """
    try:
        file = _seekable(source)
    except FileNotFoundError as error:
        raise SourceError(f"{name}: there is no such file") from error
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the name, a stream that is closed
        raise SourceError(f"{name!r}: {error}") from error
    with file:
        yield file


def _seekable(source: Path | bytes | BinaryIO) -> BinaryIO:
    if isinstance(source, bytes):
        return BytesIO(source)
    if not isinstance(source, Path):
        return BytesIO(source.read())
    file = source.open("rb")
    if file.seekable():
        return file
    with file:  # a pipe
        return BytesIO(file.read())


def recognized(file: BinaryIO) -> Image.Image:
    """Open a picture by its first bytes, whatever its name says; nothing is decoded yet.

    Pillow's own `open` would warn of pictures above its limit, or refuse them, before ours counts.
    """
    prefix = file.read(16)
    if not prefix:
        raise EmptyImageError("the file is empty", hint="Copy or download it again.")
    if prefix[4:8] == b"ftyp" and prefix[8:12] in _HEIF_BRANDS:
        enable_heif()
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory and accept and accept(prefix) is True:
            file.seek(0)
            with decoding(), any_size():  # some formats check it as they open
                return factory(file, "")
    raise NotAnImageError(
        "this is not a picture in a known format",
        hint="Known are JPEG, PNG, TIFF, WebP, BMP, GIF and HEIC, whatever the name ends with.",
    )


@contextmanager
def decoding() -> Iterator[None]:
    """Turn whatever a decoder raises, which is nearly anything, into one of our errors."""
    try:
        yield
    except (RechromaError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError("the picture does not fit into memory") from error
    except Exception as error:
        if "unknown pixel mode" in str(error):
            raise UnsupportedImageError(
                "this kind of TIFF is not handled", hint="Save it as RGB or gray, of 8 or 16 bit."
            ) from error
        raise BrokenImageError(
            "the picture is damaged or ends early",
            hint="Copy or download the file again.",
        ) from error


def check_size(size: tuple[int, int], max_pixels: int | None) -> None:
    """Refuse a width and height that are nothing, next to nothing, or more than `max_pixels`.

    Raises:
        InputError: They are refused.
    """
    width, height = size
    if width * height == 0:
        raise EmptyImageError("the picture has no pixels")
    if min(size) < _MIN_SIDE:
        raise ImageTooSmallError(
            f"{width} x {height} pixels are too few to color",
            hint=f"Each side needs {_MIN_SIDE} at least.",
        )
    if max_pixels is not None and width * height > max_pixels:
        raise ImageTooLargeError(
            f"{width} x {height} pixels are more than the limit of {max_pixels}",
            hint="Raise the limit if you trust the file and have the memory.",
        )


class _PillowLimit:
    """Pillow's own limit to the size of pictures, which ours replaces while we decode.

    It is one for the whole process, so it is put back as soon as no thread needs it lifted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lifted = 0
        self._usual: int | None = None

    @contextmanager
    def lifted(self) -> Iterator[None]:
        with self._lock:
            if not self._lifted:
                self._usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._lifted += 1
        try:
            yield
        finally:
            with self._lock:
                self._lifted -= 1
                if not self._lifted:
                    Image.MAX_IMAGE_PIXELS = self._usual


_PILLOW_LIMIT = _PillowLimit()


def any_size() -> AbstractContextManager[None]:
    """Lift Pillow's own limit to the size of pictures while ours counts."""
    return _PILLOW_LIMIT.lifted()
