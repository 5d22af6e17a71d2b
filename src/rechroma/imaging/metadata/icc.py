"""ICC color management: conversion of the source to sRGB, and the profile of the result.

Pillow includes Little CMS but has no 16-bit RGB. A small gray profile with the sRGB curve, built
here, extracts the tone curve of any profile at 16 bits, which is all that a gray image needs.
"""

from __future__ import annotations

import struct
from functools import cache, cached_property
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

from rechroma.color.lab import to_encoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.imaging.photo import UIntImage

_UNUSABLE = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_MODES = {"GRAY": "L", "RGB": "RGB"}  # Pillow's modes of color spaces with a neutral ramp
_TONE_TOLERANCE = 128  # of 65535: below it no 8-bit level changes
_SRGB_GAMMA, _GAMMA_TOLERANCE = 0.45455, 0.05
_COLOR_TOLERANCE = 2  # 8-bit levels by which vendors' sRGB profiles differ


class Profile:
    """A source's ICC profile.

    A profile that is missing, broken or for another kind of image counts as sRGB: a wrong profile
    is no reason to reject a photograph.

    Args:
        icc: The profile's bytes, or None.
    """

    def __init__(self, icc: bytes | None) -> None:
        self._icc = icc
        try:
            self._profile = ImageCms.ImageCmsProfile(BytesIO(icc)) if icc else None
        except _UNUSABLE:
            self._profile = None

    def tone(self, levels: UIntImage) -> UIntImage:
        """Convert gray levels, or the equal channels of a neutral color, to the sRGB curve.

        Args:
            levels: uint8 or uint16 of any shape; returned unchanged if nothing differs.
        """
        if self._tone is None:
            return levels
        if levels.dtype == np.uint8:
            return np.rint(self._tone / 257).astype(np.uint8)[levels]
        table = np.interp(np.arange(65536), np.arange(256) * 257, self._tone)
        return np.rint(table).astype(np.uint16)[levels]

    def colors(self, rgb: UIntImage) -> UIntImage:
        """Convert colors to sRGB.

        16-bit colors only get the sRGB curve on each channel: Pillow has no 16-bit transform, and
        the primaries hardly affect the gray made from them.

        Args:
            rgb: (H, W, 3) uint8 or uint16.
        """
        if rgb.dtype == np.uint8 and self._from_rgb and not self._is_srgb:
            return np.asarray(self._from_rgb.apply(Image.fromarray(rgb)))
        return self.tone(rgb)

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """Convert an image with 8-bit channels to RGB in sRGB.

        Args:
            image: RGB, CMYK, LAB, P, YCbCr or another mode without alpha.
        """
        if image.mode == "P":
            image = image.convert("RGB")
        source = self._profile
        if image.mode == "LAB" and source is None:
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        transform = _transform(source, _srgb(), image.mode, "RGB")
        return transform.apply(image) if transform else image.convert("RGB")

    @property
    def output_profile(self) -> bytes | None:
        """The profile to embed in the sRGB result; None if the source had none.

        The source's own bytes if they describe sRGB. Otherwise a standard sRGB profile: a gray or
        CMYK profile cannot describe an RGB image, and another RGB profile would distort the colors.
        """
        if self._icc is None:
            return None
        return self._icc if self._is_srgb else _srgb_bytes()

    @cached_property
    def _tone(self) -> NDArray[np.uint16] | None:
        """The 16-bit sRGB gray of each 8-bit level; None if they are the same."""
        mode = _MODES.get(self._profile.profile.xcolor_space.strip() if self._profile else "")
        transform = _transform(self._profile, _srgb_gray(), mode, "I;16") if mode else None
        if transform is None:
            return None
        levels = np.arange(256)
        ramp = Image.fromarray(levels[None].astype(np.uint8)).convert(mode)
        gray = np.asarray(transform.apply(ramp), np.uint16)[0]
        return None if np.abs(gray - levels * 257).max() < _TONE_TOLERANCE else gray

    @cached_property
    def _from_rgb(self) -> ImageCms.ImageCmsTransform | None:
        return _transform(self._profile, _srgb(), "RGB", "RGB")

    @cached_property
    def _is_srgb(self) -> bool:
        if self._from_rgb is None or self._tone is not None:
            return False
        steps = np.arange(0, 256, 51, dtype=np.uint8)
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        seen = np.asarray(self._from_rgb.apply(Image.fromarray(cube)), np.int16)
        return bool(np.abs(seen - cube).max() <= _COLOR_TOLERANCE)


class GammaProfile(Profile):
    """The color space of a PNG that states its gamma (gAMA) only, with sRGB's primaries.

    Args:
        gamma: The exponent of the encoding, such as 1 for linear light. Within 5 % of sRGB's
            0.45455 nothing is corrected, as in libpng.
    """

    def __init__(self, gamma: float) -> None:
        super().__init__(None)
        self._gamma = gamma

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """Convert an image with 8-bit channels to RGB in sRGB."""
        return Image.fromarray(self.tone(np.asarray(image.convert("RGB"))))

    @cached_property
    def _tone(self) -> NDArray[np.uint16] | None:
        if not 0.01 <= self._gamma <= 100 or abs(self._gamma / _SRGB_GAMMA - 1) < _GAMMA_TOLERANCE:
            return None
        light = ((np.arange(256) / 255) ** (1 / self._gamma)).astype(np.float32)
        return np.rint(to_encoded(light) * 65535).astype(np.uint16)


def _transform(
    source: ImageCms.ImageCmsProfile | None,
    target: ImageCms.ImageCmsProfile,
    mode: str,
    target_mode: str,
) -> ImageCms.ImageCmsTransform | None:
    """Build a transform; None if the source profile is missing or not for images of this mode."""
    if source is None:
        return None
    try:
        return ImageCms.buildTransform(
            source,
            target,
            mode,
            target_mode,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except _UNUSABLE:
        return None


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _srgb_bytes() -> bytes:
    """Return a standard sRGB profile, dated 2000-01-01 so that equal images give equal files."""
    profile = bytearray(_srgb().tobytes())
    struct.pack_into(">6H", profile, 24, 2000, 1, 1, 0, 0, 0)
    return bytes(profile)


@cache
def _srgb_gray() -> ImageCms.ImageCmsProfile:
    """A gray profile (ICC.1:2022) with the transfer curve of IEC 61966-2-1."""
    white = struct.pack(">3i", *(round(value * 65536) for value in (0.9642, 1, 0.8249)))  # D50
    curve = [round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)]
    tags = {
        b"wtpt": b"XYZ \0\0\0\0" + white,
        b"kTRC": b"para\0\0\0\0" + struct.pack(">HH5i", 3, 0, *curve),
    }
    start = 128 + 4 + 12 * len(tags)
    directory, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        directory += struct.pack(">4sII", name, start + len(data), len(content))
        data += content
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x12s48x",
        start + len(data), 0x04400000, b"mntr", b"GRAY", b"XYZ ", b"acsp", white,
    )  # fmt: skip
    return ImageCms.ImageCmsProfile(BytesIO(header + directory + data))
