"""ICC profiles as cameras and scanners embed them."""

from __future__ import annotations

import struct

# D50-adapted colorants of sRGB, and those of Adobe RGB (1998)
SRGB_COLORANTS = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
ADOBE_COLORANTS = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))


def a_profile(space: bytes, gamma: float, colorants: tuple[tuple[float, ...], ...] = ()) -> bytes:
    """Create a display profile (ICC.1:2001), as a camera or scanner embeds it."""

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(gamma * 256))
    curves = (b"kTRC",) if space == b"GRAY" else (b"rTRC", b"gTRC", b"bTRC")
    tags = {b"wtpt": xyz((0.9642, 1, 0.8249)), **dict.fromkeys(curves, curve)}
    tags |= {
        name: xyz(values)
        for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=False)
    }
    start = 132 + 12 * len(tags)
    directory, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        directory += struct.pack(">4sII", name, start + len(data), len(content))
        data += content
    white = struct.pack(">3i", 63190, 65536, 54061)
    fields = (start + len(data), 0x02100000, b"mntr", space, b"XYZ ", b"acsp", white)
    return struct.pack(">I4xI4s4s4s12x4s28x12s48x", *fields) + directory + data


GRAY_18 = a_profile(b"GRAY", 1.8)
ADOBE = a_profile(b"RGB ", 2.19921875, ADOBE_COLORANTS)
