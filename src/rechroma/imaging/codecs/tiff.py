"""TIFF decoding of gray and RGB at any bit depth from 1 to 16.

Pillow opens every TIFF, and decodes the common kinds: plain 8-bit and bilevel images, palettes,
CMYK, YCbCr, Lab and floats. The rest is decoded here. libtiff, through Pillow, decompresses each
strip or tile as an 8-bit gray image that is as wide as a packed row has bytes; the samples are
unpacked from those bytes.
"""

from __future__ import annotations

import ctypes
import struct
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np
from PIL import TiffImagePlugin, _imaging

from rechroma.errors import COPY_AGAIN, BrokenImageError, OptionError, UnsupportedImageError
from rechroma.imaging.codecs.other_kinds import raw_error
from rechroma.imaging.metadata.tiff_directory import TiffReader
from rechroma.parallel import map_in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from rechroma.imaging.photo import UIntImage

with suppress(AttributeError, OSError):  # libtiff would print errors that Pillow raises, too
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)

_NEW_KIND, _OLD_KIND, _SUBDIRECTORIES, _DNG = 254, 255, 330, 50706
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_CHANNELS, _MAX_SAMPLE, _PLANAR, _PREDICTOR, _EXTRA, _FORMAT = 277, 281, 284, 317, 338, 339
_STRIPS, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_OPENED = (_WIDTH, _HEIGHT, _COMPRESSION, 274, 282, 283, 296, 34675)  # orientation, dpi, profile

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_RAW, _SEPARATE = 1, 2
_PREMULTIPLIED, _STRAIGHT = 1, 2
_FAX = (2, 3, 4)
_JPEG = 7
_LOSSLESS = {_RAW, 5, 8, 32773, 32946, 34925, 50000}  # LZW, deflate, PackBits, LZMA, Zstandard
_UNREADABLE = {
    6: "old-style JPEG",
    **dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000"),
    34887: "LERC",
    34892: "lossy DNG",
    34933: "PNG",
    34934: "JPEG XR",
    **dict.fromkeys((34927, 50001), "WebP"),
    **dict.fromkeys((50002, 52546), "JPEG XL"),
}
_REDUCED, _MASK = 1, 4  # bits of the kind of an image
_RAW_PHOTOMETRICS = ((32803,), (34892,))  # color filter array, linear raw
_MAX_DIRECTORIES, _MAX_VALUES = 10_000, 64
_IDENTIFYING = {_NEW_KIND, _OLD_KIND, _WIDTH, _HEIGHT, _PHOTOMETRIC, _SUBDIRECTORIES, _DNG}
_UNSIGNED = {1, 4}  # sample formats: unsigned integers, and undefined ones
_MAX_CHANNELS = 32
_MAX_TILE_BYTES = 1 << 26  # of a tile larger than the image
_BAND_BYTES = 1 << 20  # unpacked at a time
_MAX_TOGETHER = 256  # segments
_MAX_OVERHEAD = 1 << 16  # bytes of a small segment, besides twice its samples


def open_tiff(file: IO[bytes], page: int = 1) -> TiffFile:
    """Open a TIFF at one of its pages: the images that are neither reduced copies nor masks.

    Where all images in the chain are reduced, as in the files of some cameras, the only page is the
    largest among the subdirectories.

    Args:
        file: The file, seekable.
        page: The number of the page, from 1.

    Raises:
        OptionError: There is no such page.
        UnsupportedImageError: It is a camera's raw file, or neither Pillow nor this module decodes
            the main image.
    """
    reader = TiffReader(file)
    chain, children = _read_directories(reader)
    file.seek(0)
    header = file.read(16)
    if header[8:10] == b"CR" or any(each.is_raw for each in chain + children):
        raise raw_error()
    whole = [each for each in chain if not each.is_copy]
    others = [each for each in children if not each.is_copy]
    pages = whole or ([max(others, key=_area)] if others else chain[:1])
    if page > max(1, len(pages)):
        raise OptionError(f"there is no page {page}: the last is {max(1, len(pages))}")
    file.seek(0)
    if pages and pages[page - 1] is not chain[0]:
        size = 8 if reader.is_big else 4
        order: Literal["little", "big"] = "little" if reader.order == "<" else "big"
        start = header[:size] + pages[page - 1].offset.to_bytes(size, order)
        file = cast("IO[bytes]", _WithHeader(file, start))
    tiff = TiffFile(file, "")
    tiff.pages = max(1, len(whole))
    return tiff


class _WithHeader:
    """A file that is read with another header; only :meth:`read` knows it, libtiff does not."""

    def __init__(self, file: IO[bytes], header: bytes) -> None:
        self._file = file
        self._header = header

    def read(self, size: int = -1) -> bytes:
        at = self._file.tell()
        data = self._file.read(size)
        known = self._header[at : at + len(data)]
        return known + data[len(known) :]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._file, name)


@dataclass(frozen=True)
class _Directory:
    """The place of an image directory, and those of its tags that say what it is."""

    offset: int
    tags: Mapping[int, tuple[int, ...]]

    @property
    def is_copy(self) -> bool:
        (kind,) = self.tags.get(_NEW_KIND, (0,))[:1] or (0,)
        return bool(kind & (_REDUCED | _MASK)) or self.tags.get(_OLD_KIND) == (2,)

    @property
    def is_raw(self) -> bool:
        return _DNG in self.tags or self.tags.get(_PHOTOMETRIC) in _RAW_PHOTOMETRICS


def _area(directory: _Directory) -> int:
    return sum(directory.tags.get(_WIDTH, ())) * sum(directory.tags.get(_HEIGHT, ()))


def _read_directories(reader: TiffReader) -> tuple[list[_Directory], list[_Directory]]:
    """Read the chain of directories and their subdirectories, as far as they are sound."""
    chain: list[_Directory] = []
    children: list[_Directory] = []
    seen: set[int] = set()
    offset = reader.first
    with suppress(ValueError):  # damage costs the pages behind it
        while offset and offset not in seen and len(seen) < _MAX_DIRECTORIES:
            seen.add(offset)
            directory, following = _read_directory(reader, offset)
            chain.append(directory)
            for child in directory.tags.get(_SUBDIRECTORIES, ()):
                if child not in seen and len(seen) < _MAX_DIRECTORIES:
                    seen.add(child)
                    with suppress(ValueError):
                        children.append(_read_directory(reader, child)[0])
            offset = following
    return chain, children


def _read_directory(reader: TiffReader, offset: int) -> tuple[_Directory, int]:
    """Read a directory, and the offset of the next one."""
    entries, _, following = reader.directory(offset)
    tags = {
        entry.tag: reader.integers(entry)
        for entry in entries
        if entry.tag in _IDENTIFYING and entry.length <= _MAX_VALUES
    }
    return _Directory(offset, {tag: values for tag, values in tags.items() if values}), following


class TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF opened by Pillow.

    Attributes:
        layout: The storage of the pixels, or None if Pillow decodes them.
        pages: The number of images that are neither reduced copies nor masks.

    Raises:
        UnsupportedImageError: Neither decodes them.
    """

    layout: Layout | None = None
    pages: int = 1

    def _setup(self) -> None:
        stored = self.tag_v2
        self.layout = read_layout(stored)
        if self.layout:  # Pillow reads the size, the resolution and the profile only
            self.tag_v2 = TiffImagePlugin.ImageFileDirectory_v2(prefix=stored.prefix)
            for tag in set(_OPENED) & set(stored):
                self.tag_v2[tag] = stored[tag]
            for tag, value in ((_BITS, 8), (_PHOTOMETRIC, _BLACK_IS_ZERO), (_STRIPS, 0)):
                self.tag_v2[tag] = value
        super()._setup()
        if self.layout:
            self.tag_v2, self.tile = stored, []


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The storage of gray or RGB pixels in a TIFF.

    Attributes:
        height: Height in pixels.
        width: Width in pixels.
        bits: The bit depth of each channel.
        photometric: Gray from white or from black, or RGB.
        alpha: The index of the alpha channel, or None.
        premultiplied: Whether the colors are multiplied with alpha.
        separate: Whether each channel has segments (strips or tiles) of its own.
        rows: Height of a segment.
        columns: Width of a segment.
        tiled: Whether segments at the edges keep their size.
        offsets: Positions of the segments in the file.
        sizes: Their sizes in bytes; empty if the file does not say.
        compression: How they are compressed, without loss.
        fill_order: 2 if the bits of each byte are in reverse order.
        differences: Whether they hold the differences of neighboring pixels (predictor 2).
        order: Byte order of 16-bit samples, as :mod:`struct` writes it.
        maximum: The level of white that the file declares, or None.
    """

    height: int
    width: int
    bits: tuple[int, ...]
    photometric: int
    alpha: int | None
    premultiplied: bool
    separate: bool
    rows: int
    columns: int
    tiled: bool
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    compression: int
    fill_order: int
    differences: bool
    order: str
    maximum: int | None

    @property
    def is_raw(self) -> bool:
        """Whether the segments hold the rows as they are."""
        return self.compression == _RAW and self.fill_order == 1

    @property
    def segments(self) -> int:
        """The number of segments of a plane."""
        return -(-self.height // self.rows) * -(-self.width // self.columns)


def read_layout(tags: TiffImagePlugin.ImageFileDirectory_v2) -> Layout | None:
    """Read the storage of pixels from a TIFF's tags; None for those that Pillow decodes.

    Raises:
        UnsupportedImageError: Nothing here decodes them.
    """
    compression = tags.get(_COMPRESSION, _RAW)
    channels = tags.get(_CHANNELS, 1)
    bits = tags.get(_BITS, (1,))
    bits = bits * channels if len(bits) == 1 and channels <= _MAX_CHANNELS else bits[:channels]
    _reject_unreadable(tags, bits)
    photometric = tags.get(_PHOTOMETRIC, _RGB if channels >= 3 else _BLACK_IS_ZERO)
    colors = 3 if photometric == _RGB else 1
    extra = tags.get(_EXTRA, (_STRAIGHT,) if channels == colors + 1 == 4 else ())
    plain = len(bits) == colors and set(bits) <= ({8} if colors == 3 else {1, 8})
    interleaved = channels == 1 or tags.get(_PLANAR) != _SEPARATE
    unpackable = (
        photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
        and compression in _LOSSLESS
        and set(tags.get(_FORMAT, (1,))) <= _UNSIGNED
        and colors <= len(bits) == channels <= _MAX_CHANNELS
        and min(bits) >= 1
        and max(bits) <= 16
    )
    if not unpackable or (plain and interleaved and _PHOTOMETRIC in tags):
        return None
    height, width = tags[_HEIGHT], tags[_WIDTH]
    tiled = _TILES in tags
    kinds = dict(enumerate(extra[: channels - colors], start=colors))
    alpha = next((index for index, kind in kinds.items() if kind), None)  # 0: such as infrared
    maxima = set(tags.get(_MAX_SAMPLE, ()))
    return Layout(
        height=height,
        width=width,
        bits=bits,
        photometric=photometric,
        alpha=alpha,
        premultiplied=alpha is not None and kinds[alpha] == _PREMULTIPLIED,
        separate=not interleaved,
        rows=tags[_TILE_HEIGHT] if tiled else min(tags.get(_ROWS_PER_STRIP, height), height),
        columns=tags[_TILE_WIDTH] if tiled else width,
        tiled=tiled,
        offsets=tags[_TILES if tiled else _STRIPS],
        sizes=tags.get(_TILE_BYTES if tiled else _STRIP_BYTES, ()),
        compression=compression,
        fill_order=tags.get(_FILL_ORDER, 1),
        differences=tags.get(_PREDICTOR, 1) == 2,
        order="<" if tags.prefix == b"II" else ">",
        maximum=maxima.pop() if len(maxima) == 1 else None,
    )


def _reject_unreadable(tags: Any, bits: tuple[int, ...]) -> None:  # noqa: ANN401
    compression = tags.get(_COMPRESSION, _RAW)
    kind = _UNREADABLE.get(compression)
    if compression == _JPEG and max(bits) > 8:
        kind = f"{max(bits)}-bit JPEG"
    if kind:
        raise UnsupportedImageError(
            f"{kind} compression in a TIFF is not supported",
            hint="Save it as a TIFF with LZW, deflate or no compression.",
            kind="tiff-compression",
        )


def decode_layout(
    layout: Layout, file: IO[bytes] | None, threads: int = 1
) -> tuple[UIntImage, UIntImage | None]:
    """Decode the pixels of a TIFF.

    Args:
        layout: Their storage.
        file: The file, seekable.
        threads: Number of threads to use.

    Returns:
        Gray or RGB, (H, W, 1 or 3) uint8 or uint16 over the full range of the dtype, not turned
        upright; and straight alpha (H, W) of the same dtype, or None.

    Raises:
        BrokenImageError: The file is damaged or truncated.
    """
    if file is None:
        raise BrokenImageError("the TIFF is closed")
    channels = len(layout.bits)
    dtype = np.dtype(np.uint8 if max(layout.bits) <= 8 else np.uint16)
    pixels = np.zeros((layout.height, layout.width, channels), dtype)
    segment_bytes = layout.rows * layout.columns * channels * dtype.itemsize
    if not 0 < segment_bytes <= max(_MAX_TILE_BYTES, pixels.nbytes):
        raise BrokenImageError(
            "the TIFF is damaged: its tiles have an impossible size",
            hint=COPY_AGAIN,
        )
    padded = _is_padded(layout, file)
    planes = [slice(k, k + 1) for k in range(channels)] if layout.separate else [slice(channels)]
    for number, plane in enumerate(planes):
        bits = layout.bits[plane]
        width = _row_bytes(layout, bits, padded=padded)
        target = pixels[..., plane]

        def place(
            block: _Block, bits: tuple[int, ...] = bits, target: NDArray[Any] = target
        ) -> None:
            row = block.row
            for rows in _rows_of(layout, block):
                _place(layout, target, row, _unpack(layout, rows, bits, padded=padded))
                row += len(rows)

        first = number * layout.segments
        for _ in map_in_order(place, _read_blocks(layout, file, first, width), threads):
            pass
    _stretch(layout, pixels, padded=padded)
    colors = 3 if layout.photometric == _RGB else 1
    alpha = None if layout.alpha is None else np.ascontiguousarray(pixels[..., layout.alpha])
    return cast("UIntImage", pixels[..., :colors]), cast("UIntImage | None", alpha)


def _row_bytes(layout: Layout, bits: tuple[int, ...], *, padded: bool) -> int:
    if padded:
        bits = (8 if max(layout.bits) <= 8 else 16,) * len(bits)
    return -(-layout.columns * sum(bits) // 8)


def _is_padded(layout: Layout, file: IO[bytes]) -> bool:
    """Return whether each sample has bytes of its own, from the size of the first segment."""
    bits = layout.bits[:1] if layout.separate else layout.bits
    width = _row_bytes(layout, bits, padded=True)
    if width == _row_bytes(layout, bits, padded=False):
        return True
    if layout.compression == _RAW:
        return bool(layout.sizes) and layout.sizes[0] >= layout.rows * width
    try:
        return any(True for _ in _rows_of(layout, next(_read_blocks(layout, file, 0, width, 1))))
    except Exception:  # it has fewer bytes; Pillow raises nearly anything
        return False


class _Block(NamedTuple):
    """Consecutive segments of a plane, or some rows of a large one, as stored.

    Attributes:
        row: The first row, counted through all segments of the plane.
        shape: Number of rows, and bytes of each.
        parts: The content of each segment.
    """

    row: int
    shape: tuple[int, int]
    parts: list[bytes]


def _read_blocks(
    layout: Layout, file: IO[bytes], first: int, width: int, count: int | None = None
) -> Iterator[_Block]:
    """Read the segments of a plane, many small ones at a time.

    Args:
        layout: The storage of the pixels.
        file: The file.
        first: The number of the plane's first segment.
        width: Bytes of a row.
        count: Number of segments; None for all of the plane.
    """
    count = layout.segments if count is None else count
    end = count * layout.rows if layout.tiled else min(count * layout.rows, layout.height)
    band = max(1, _BAND_BYTES // width)
    step = max(1, min(_MAX_TOGETHER, band // layout.rows))
    if not layout.is_raw and not layout.sizes:
        step = 1
    for index in range(0, count, step):
        top = index * layout.rows
        bottom = min(top + step * layout.rows, end)
        if layout.is_raw and step == 1:
            file.seek(layout.offsets[first + index])
            for row in range(top, bottom, band):
                rows = min(band, bottom - row)
                yield _Block(row, (rows, width), [file.read(rows * width)])
            continue
        parts = []
        for row in range(top, bottom, layout.rows):
            size = min(layout.rows, bottom - row) * width
            parts.append(_read_segment(layout, file, first + row // layout.rows, size, step))
        yield _Block(top, (bottom - top, width), parts)


def _read_segment(
    layout: Layout, file: IO[bytes], segment: int, unpacked: int, together: int
) -> bytes:
    file.seek(layout.offsets[segment])
    if layout.is_raw:
        return file.read(unpacked)
    size = layout.sizes[segment] if layout.sizes else -1
    return file.read(size if together == 1 else min(size, 2 * unpacked + _MAX_OVERHEAD))


def _rows_of(layout: Layout, block: _Block) -> Iterator[NDArray[np.uint8]]:
    """Decompress a block, and yield some of its rows of bytes at a time."""
    height, width = block.shape
    if layout.is_raw:
        # Fails if there are fewer bytes.
        yield np.frombuffer(b"".join(block.parts), np.uint8).reshape(height, width)
        return
    step = max(1, _BAND_BYTES // width)
    with TiffImagePlugin.TiffImageFile(BytesIO(_as_tiff_of_bytes(layout, block))) as image:
        image.load()
        for top in range(0, height, step):
            yield np.asarray(image.crop((0, top, width, min(top + step, height))))


def _as_tiff_of_bytes(layout: Layout, block: _Block) -> bytes:
    """Make a file of 8-bit gray from a block, whose segments lie below each other in it."""
    height, width = block.shape
    count = len(block.parts)
    data = b"".join(block.parts)
    sizes = [len(part) for part in block.parts]
    offsets = list(accumulate(sizes, initial=8))[:-1]
    end = 8 + len(data)  # the arrays of several offsets and sizes follow
    tags = {
        _WIDTH: width,
        _HEIGHT: height,
        _BITS: 8,
        _COMPRESSION: layout.compression,
        _PHOTOMETRIC: _BLACK_IS_ZERO,
        _FILL_ORDER: layout.fill_order,
        _STRIPS: offsets[0] if count == 1 else end,
        _CHANNELS: 1,
        _ROWS_PER_STRIP: layout.rows,
        _STRIP_BYTES: sizes[0] if count == 1 else end + 4 * count,
    }
    entries = b"".join(
        struct.pack("<HHII", tag, 4, count if tag in (_STRIPS, _STRIP_BYTES) else 1, value)
        for tag, value in tags.items()
    )
    arrays = b"" if count == 1 else struct.pack(f"<{2 * count}I", *offsets, *sizes)
    header = struct.pack("<4sI", b"II*\0", end + len(arrays))
    return b"".join((header, data, arrays, struct.pack("<H", len(tags)), entries, bytes(4)))


def _place(layout: Layout, plane: NDArray[Any], row: int, samples: UIntImage) -> None:
    """Copy samples into a plane (H, W, C), from a row on that counts through all segments."""
    across = -(-layout.width // layout.columns)
    while len(samples):
        segment, inside = divmod(row, layout.rows)
        count = len(samples) if across == 1 else min(layout.rows - inside, len(samples))
        top = segment // across * layout.rows + inside
        left = segment % across * layout.columns
        area = plane[top : top + count, left : left + layout.columns]
        area[:] = samples[: area.shape[0], : area.shape[1]]
        row, samples = row + count, samples[count:]


def _unpack(
    layout: Layout, rows: NDArray[np.uint8], bits: tuple[int, ...], *, padded: bool
) -> UIntImage:
    """Unpack samples (rows, columns, channels) from rows of bytes."""
    size = 1 if max(layout.bits) <= 8 else 2
    shape = (len(rows), layout.columns, len(bits))
    if padded:
        samples = rows.view(f"{layout.order}u{size}").astype(f"u{size}").reshape(shape)
    else:
        total = sum(bits)
        packed = np.unpackbits(rows, axis=1, count=layout.columns * total)
        packed = packed.reshape(*shape[:2], total)
        padding = np.zeros((*shape, 8 * size), np.uint8)
        start = 0
        for channel, depth in enumerate(bits):
            padding[:, :, channel, -depth:] = packed[:, :, start : start + depth]
            start += depth
        samples = np.packbits(padding, axis=-1).view(f">u{size}").astype(f"u{size}")[..., 0]
    if layout.differences:
        samples = np.cumsum(samples, axis=1, dtype=samples.dtype)  # wraps around
        if min(bits) < 8 * size:
            samples &= np.array([(1 << depth) - 1 for depth in bits], samples.dtype)
    return cast("UIntImage", samples)


def _stretch(layout: Layout, pixels: NDArray[Any], *, padded: bool) -> None:
    """Scale levels to the full range of the dtype, in place, with straight colors from black."""
    full = int(np.iinfo(pixels.dtype).max)
    levels = [(1 << depth) - 1 for depth in layout.bits]
    declared = layout.maximum
    if (
        declared
        and declared < levels[0]
        and not declared & (declared + 1)
        and pixels.max() <= declared
    ):
        levels = [declared] * len(levels)  # 12 bits, say, that the file declares as 16
    elif padded and min(levels) < full and pixels.max() > max(levels):
        levels = [full] * len(levels)  # the levels fill their container after all
    tables = [np.rint(np.arange(top + 1) * (full / top)).astype(pixels.dtype) for top in levels]
    colors = 3 if layout.photometric == _RGB else 1
    step = max(1, _BAND_BYTES // pixels[0].size)
    for top in range(0, layout.height, step):
        band = pixels[top : top + step]
        for channel, table in enumerate(tables):
            if len(table) <= full:
                band[..., channel] = table.take(band[..., channel], mode="clip")
        color = band[..., :colors]
        if layout.premultiplied and layout.alpha is not None:
            alpha = np.maximum(band[..., layout.alpha, None], 1).astype(np.uint32)
            color[:] = np.minimum((color * np.uint32(full) + alpha // 2) // alpha, full)
        if layout.photometric == _WHITE_IS_ZERO:
            np.subtract(full, color, out=color)
