"""Color spaces that a file states without an ICC profile, as the ICC profiles that say the same."""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from rechroma.imaging.metadata.iso_boxes import read_coded_space

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D65, _DCI, _C = (0.3127, 0.3290), (0.314, 0.351), (0.310, 0.316)
# x and y of white, red, green and blue, by their numbers in ITU-T H.273
_PRIMARIES = {
    1: (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (*_DCI, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_SRGB_PRIMARIES, _UNSPECIFIED = 1, 2
_NO_CICP = (_UNSPECIFIED, _UNSPECIFIED, 0, 1)
_SRGB, _ADOBE = _PRIMARIES[1], (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ADOBE_GAMMA = 563 / 256
_SRGB_GAMMA, _GAMMA_TOLERANCE = 0.45455, 0.05
_MAX_GAMMA = 100
_PRIMARIES_TOLERANCE = 0.005
_REFERENCE_WHITE = 203  # cd/m2 of white in HDR, by ITU-R BT.2408; highlights above it are clipped
_HLG_PEAK, _HLG_GAMMA = 1000, 1.2  # cd/m2 and system gamma, by ITU-R BT.2100
_PQ_PEAK = 10_000
_SAMPLES = 4096
_MAX_CHUNKS = 1000

SRGB_CURVE = b"para\0\0\0\0" + struct.pack(
    ">HH5i", 3, 0, *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
"""The transfer curve of IEC 61966-2-1, as an ICC profile holds it."""


def build_profile(space: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """Build an ICC display profile (ICC.1:2022).

    Args:
        space: Its color space, ``GRAY`` or ``RGB``.
        tags: Content by tag, except the white point.
    """
    tags = {b"wtpt": _xyz(_D50), **tags}
    start = 128 + 4 + 12 * len(tags)
    directory, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        data += bytes(-len(data) % 4)
        directory += struct.pack(">4sII", name, start + len(data), len(content))
        data += content
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x12s48x",
        start + len(data), 0x04400000, b"mntr", space.ljust(4), b"XYZ ", b"acsp", _xyz(_D50)[8:],
    )  # fmt: skip
    return header + directory + data


def adobe_rgb() -> bytes | None:
    """Build a profile of Adobe RGB (1998)."""
    return _rgb_profile(_ADOBE, _gamma_curve(_ADOBE_GAMMA))


def srgb_with_curve(light: NDArray[np.floating]) -> bytes | None:
    """Build a profile with the primaries of sRGB and another transfer curve.

    Args:
        light: Linear light of evenly spaced levels, 0..1.
    """
    return _rgb_profile(_SRGB, _sampled_curve(light))


def png_color_space(info: Mapping[Any, Any], file: IO[bytes] | None) -> bytes | None:
    """Build a profile of the color space that a PNG states with cICP, or with gAMA and cHRM.

    By the PNG specification, cICP goes before a profile, and a profile or sRGB before the others.
    A gamma within 5 % of sRGB's 0.45455 is sRGB's, as in libpng.

    Args:
        info: Pillow's information on the opened PNG.
        file: The PNG, at its pixels; None if it is not at hand.

    Returns:
        None for sRGB, and if an embedded profile holds.
    """
    primaries_number, transfer, matrix, full_range = (file and _find_cicp(file)) or _NO_CICP
    if matrix == 0:  # RGB, the only one that a PNG can have
        profile = _coded_profile(primaries_number, transfer, full_range=bool(full_range))
        if profile is not None:
            return profile
    if "icc_profile" in info or "srgb" in info:
        return None
    gamma, primaries = info.get("gamma", 0), info.get("chromaticity", _SRGB)
    is_valid = 1 / _MAX_GAMMA <= gamma <= _MAX_GAMMA
    is_srgb = np.allclose(primaries, _SRGB, atol=_PRIMARIES_TOLERANCE)
    if is_srgb and (not is_valid or abs(gamma / _SRGB_GAMMA - 1) < _GAMMA_TOLERANCE):
        return None
    return _rgb_profile(primaries, _gamma_curve(1 / gamma) if is_valid else SRGB_CURVE)


def heif_color_space(file: IO[bytes]) -> bytes | None:
    """Build a profile of the color space that an AVIF or HEIF states by numbers (`nclx`).

    What is left unspecified is sRGB's, by the MIAF standard (ISO/IEC 23000-22).

    Args:
        file: The file; its position changes.

    Returns:
        None for sRGB, and if it states none, or one that is not known.

    Raises:
        ValueError: The file is damaged; likewise `struct.error` and `IndexError`.
    """
    stated = read_coded_space(file)
    if stated is None:
        return None
    primaries = _SRGB_PRIMARIES if stated.primaries == _UNSPECIFIED else stated.primaries
    transfer = _SRGB_TRANSFER if stated.transfer == _UNSPECIFIED else stated.transfer
    if (primaries, transfer) == (_SRGB_PRIMARIES, _SRGB_TRANSFER):
        return None
    return _coded_profile(primaries, transfer)  # decoders have stretched the levels


def _find_cicp(file: IO[bytes]) -> bytes | None:
    """Find the chunk cICP before the pixels of a PNG; the file's position stays."""
    position = file.tell()
    try:
        file.seek(8)
        for _ in range(_MAX_CHUNKS):
            header = file.read(8)
            if len(header) < 8 or header[4:] == b"IDAT":
                return None
            length = int.from_bytes(header[:4])
            if header[4:] == b"cICP" and length == 4:
                return file.read(4)
            file.seek(length + 4, 1)
        return None
    finally:
        file.seek(position)


def _coded_profile(primaries: int, transfer: int, *, full_range: bool = True) -> bytes | None:
    """Build a profile of a space by its numbers in ITU-T H.273; None if it is not known."""
    curve = _TRANSFERS.get(transfer)
    if curve is None or primaries not in _PRIMARIES:
        return None
    levels = np.linspace(0, 1, _SAMPLES)
    if not full_range:
        levels = np.clip((levels * 255 - 16) / 219, 0, 1)
    tag = _sampled_curve(curve(levels))
    is_srgb = transfer == _SRGB_TRANSFER and full_range
    return _rgb_profile(_PRIMARIES[primaries], SRGB_CURVE if is_srgb else tag)


def _rgb_profile(primaries: tuple[float, ...], curve: bytes) -> bytes | None:
    """Build a profile from x and y of white and primaries; None if they are impossible."""
    xy = np.array(primaries, np.float64).reshape(4, 2)
    with np.errstate(all="ignore"):
        xyz = np.column_stack([xy[:, 0], xy[:, 1], 1 - xy.sum(axis=1)]) / xy[:, 1:]
    if not np.isfinite(xyz).all() or abs(np.linalg.det(xyz[1:])) < 1e-9:
        return None
    white, colorants = xyz[0], xyz[1:].T
    colorants = colorants * np.linalg.solve(colorants, white)
    cone = np.diag(_BRADFORD @ _D50 / (_BRADFORD @ white))
    adapted = np.linalg.inv(_BRADFORD) @ cone @ _BRADFORD @ colorants
    names = zip((b"rXYZ", b"gXYZ", b"bXYZ"), adapted.T, strict=True)
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return build_profile(b"RGB", {name: _xyz(values) for name, values in names} | curves)


def _xyz(values: Any) -> bytes:  # noqa: ANN401 - three numbers
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(v) * 65536) for v in values))


def _sampled_curve(light: NDArray[np.floating]) -> bytes:
    samples = np.rint(np.clip(light, 0, 1) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", samples.size) + bytes(samples)


def _gamma_curve(gamma: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, round(gamma * 65536))


def _power(gamma: float) -> Curve:
    return lambda levels: levels**gamma


def _srgb(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def _bt709(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(levels < 0.081, levels / 4.5, ((levels + 0.099) / 1.099) ** (1 / 0.45))


def _pq(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transfer function of ITU-R BT.2100, perceptual quantizer."""
    power = levels ** (32 / 2523)
    ratio = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return ratio ** (8192 / 1305) * _PQ_PEAK / _REFERENCE_WHITE


def _hlg(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transfer functions of ITU-R BT.2100, hybrid log-gamma."""
    high = (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(levels <= 0.5, levels**2 / 3, high)
    return scene**_HLG_GAMMA * _HLG_PEAK / _REFERENCE_WHITE


_SRGB_TRANSFER = 13
_TRANSFERS: Mapping[int, Curve] = {
    **dict.fromkeys((1, 6, 14, 15), _bt709),
    4: _power(2.2),
    5: _power(2.8),
    8: _power(1),
    _SRGB_TRANSFER: _srgb,
    16: _pq,
    18: _hlg,
}
