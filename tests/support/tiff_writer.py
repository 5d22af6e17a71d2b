"""A TIFF writer for the kinds that no library here writes: any bit depth, packed or padded."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAY_FROM_WHITE, GRAY_FROM_BLACK, RGB = 0, 1, 2


def a_tiff(  # noqa: C901 - one branch for each option
    levels: NDArray[Any],
    bits: int | Sequence[int],
    *,
    photometric: int = GRAY_FROM_BLACK,
    extra: tuple[int, ...] = (),
    order: str = "<",
    padded: bool = False,
    separate: bool = False,
    tile: int = 0,
    rows: int = 7,
    deflate: bool = False,
    differences: bool = False,
    reverse_bits: bool = False,
    tags: Mapping[int, tuple[int, ...]] | None = None,
) -> bytes:
    """Write a TIFF of unsigned integers.

    Args:
        levels: (H, W, C) from 0 to 2 ** bits - 1.
        bits: Bit depth, of all channels or of each.
        photometric: Tag 262.
        extra: Kind of each channel after the colors: 0 unspecified, 1 premultiplied alpha, 2 alpha.
        order: Byte order.
        padded: Whether each sample has bytes of its own.
        separate: Whether the planes are separate.
        tile: Side of square tiles; 0 for strips of `rows` rows.
        rows: Rows of a strip.
        deflate: Whether to compress.
        differences: Whether to use predictor 2.
        reverse_bits: Whether to write fill order 2.
        tags: More tags of type SHORT, or LONG for large numbers.
    """
    height, width, channels = levels.shape
    depths = [bits] * channels if isinstance(bits, int) else list(bits)
    size = 1 if max(depths) <= 8 else 2

    def encode(block: NDArray[Any], depths: list[int]) -> bytes:
        values = block.astype(np.int64)
        if differences:
            values = np.diff(values, axis=1, prepend=0) % (1 << np.array(depths))
        if padded or set(depths) == {8 * size}:
            data = values.astype(f"{order}u{size}").tobytes()
        else:
            every = np.unpackbits(values.astype(">u2")[..., None].view(np.uint8), axis=-1)
            kept = [every[:, :, k, 16 - depth :] for k, depth in enumerate(depths)]
            data = np.packbits(np.concatenate(kept, 2).reshape(len(block), -1), axis=1).tobytes()
        data = zlib.compress(data) if deflate else data
        if not reverse_bits:
            return data
        flipped = np.unpackbits(np.frombuffer(data, np.uint8))
        return np.packbits(flipped, bitorder="little").tobytes()

    planes = np.split(levels, channels, axis=2) if separate else [levels]
    side = (tile, tile) if tile else (rows, width)
    segments = []
    for index, plane in enumerate(planes):
        for top in range(0, height, side[0]):
            for left in range(0, width, side[1]):
                block = plane[top : top + side[0], left : left + side[1]]
                if tile:
                    missing = [(0, tile - length) for length in block.shape[:2]]
                    block = np.pad(block, [*missing, (0, 0)])
                segments.append(encode(block, [depths[index]] if separate else depths))

    offsets = 8 + np.cumsum([0, *map(len, segments)])
    places = tuple(offsets[:-1].tolist()), tuple(map(len, segments))
    directory: dict[int, tuple[int, ...]] = {
        256: (width,),
        257: (height,),
        258: tuple(depths),
        259: (8 if deflate else 1,),
        262: (photometric,),
        266: (2 if reverse_bits else 1,),
        277: (channels,),
        284: (2 if separate else 1,),
        317: (2 if differences else 1,),
        **({322: (tile,), 323: (tile,), 324: places[0], 325: places[1]} if tile else {}),
        **({} if tile else {273: places[0], 278: (rows,), 279: places[1]}),
        **({338: extra} if extra else {}),
        **(tags or {}),
    }
    start = int(offsets[-1])
    values_at = start + 2 + 12 * len(directory) + 4
    entries, values = b"", b""
    for tag, content in sorted(directory.items()):
        long = tag in (273, 279, 324, 325) or max(content) >= 1 << 16
        kind, code = (4, "I") if long else (3, "H")
        packed = struct.pack(f"{order}{len(content)}{code}", *content)
        if len(packed) > 4:
            values, packed = values + packed, struct.pack(f"{order}I", values_at + len(values))
        entries += struct.pack(f"{order}HHI", tag, kind, len(content)) + packed.ljust(4, b"\0")
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    count = struct.pack(f"{order}H", len(directory))
    return header + b"".join(segments) + count + entries + bytes(4) + values
