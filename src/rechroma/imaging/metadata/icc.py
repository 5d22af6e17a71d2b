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

from rechroma.color.lab import RGB_TO_XYZ, luminance, to_float, to_linear, weighted_light
from rechroma.imaging.metadata.color_space import (
    SRGB_CURVE,
    build_profile,
    srgb_with_curve,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rechroma.color.lab import Float
    from rechroma.imaging.photo import UIntImage

_UNUSABLE = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_MODES = {"GRAY": "L", "RGB": "RGB"}  # Pillow's modes of color spaces with a neutral ramp
_EXACT = ImageCms.Flags.NOOPTIMIZE  # curves are not sampled, which would cost the shadows
_TONE_TOLERANCE = 128  # of 65535: below it no 8-bit level changes
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

    @property
    def is_broken(self) -> bool:
        """Whether there is a profile that cannot be read."""
        return bool(self._icc) and self._profile is None

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

    def luminance(self, rgb: UIntImage) -> Float:
        """Compute the relative luminance of colors, also of those outside sRGB's gamut.

        Args:
            rgb: (H, W, 3) uint8 or uint16.

        Returns:
            (H, W) in 0..1.
        """
        if self._from_rgb is None or self._is_srgb:
            return luminance(self.tone(rgb))
        if self._weights is not None:
            table = self._linear if rgb.dtype == np.uint16 else self._linear[::257]
            return np.clip(weighted_light(rgb, table, self._weights), 0, 1)
        if rgb.dtype == np.uint8:
            return luminance(np.asarray(self._from_rgb.apply(Image.fromarray(rgb))))
        return luminance(self.tone(rgb))  # Pillow has no transform for 16 bits

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
        return self._icc if self._is_srgb else srgb_profile()

    @property
    def luma_profile(self) -> bytes | None:
        """The profile for a result whose luma is the source's gray, not converted to sRGB's curve.

        That of the result otherwise, or sRGB with the source's tone curve.
        """
        if self._tone is None:
            return self.output_profile
        return srgb_with_curve(to_linear(to_float(self._tone)))

    @cached_property
    def _tone(self) -> NDArray[np.uint16] | None:
        """The 16-bit sRGB gray of each 8-bit level; None if they are the same."""
        mode = _MODES.get(self._profile.profile.xcolor_space.strip() if self._profile else "")
        transform = _transform(self._profile, _srgb_gray(), mode, "I;16", _EXACT) if mode else None
        if transform is None:
            return None
        levels = np.arange(256)
        ramp = Image.fromarray(levels[None].astype(np.uint8)).convert(mode)
        gray = np.asarray(transform.apply(ramp), np.uint16)[0]
        return None if np.abs(gray - levels * 257).max() < _TONE_TOLERANCE else gray

    @cached_property
    def _linear(self) -> Float:
        """The linear light of each 16-bit level of a neutral color."""
        return to_linear(to_float(self.tone(np.arange(65536, dtype=np.uint16))))

    @cached_property
    def _from_rgb(self) -> ImageCms.ImageCmsTransform | None:
        return _transform(self._profile, _srgb(), "RGB", "RGB")

    @cached_property
    def _weights(self) -> NDArray[np.float32] | None:
        """The luminance of linear red, green and blue; None without a matrix and equal curves."""
        source, target = _colorants(self._profile), _colorants(_srgb())
        if source is None or target is None or self._from_rgb is None:
            return None
        ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
        seen = np.asarray(self._from_rgb.apply(Image.fromarray(ramp)), np.int16)
        if np.ptp(seen, axis=2).max() > _COLOR_TOLERANCE:
            return None
        return np.asarray(RGB_TO_XYZ[1] @ np.linalg.solve(target, source), np.float32)

    @cached_property
    def _is_srgb(self) -> bool:
        if self._from_rgb is None or self._tone is not None:
            return False
        steps = np.arange(0, 256, 51, dtype=np.uint8)
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        seen = np.asarray(self._from_rgb.apply(Image.fromarray(cube)), np.int16)
        return bool(np.abs(seen - cube).max() <= _COLOR_TOLERANCE)


def _colorants(profile: ImageCms.ImageCmsProfile | None) -> NDArray[np.float64] | None:
    """Return XYZ of red, green and blue, in columns; None without a matrix in the profile."""
    core = profile.profile if profile else None
    names = ("red_colorant", "green_colorant", "blue_colorant")
    colorants = [colorant[0] for name in names if (colorant := getattr(core, name, None))]
    return np.array(colorants, np.float64).T if len(colorants) == len(names) else None


def _transform(
    source: ImageCms.ImageCmsProfile | None,
    target: ImageCms.ImageCmsProfile,
    mode: str,
    target_mode: str,
    flags: ImageCms.Flags = ImageCms.Flags.NONE,
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
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION | flags,
        )
    except _UNUSABLE:
        return None


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def srgb_profile() -> bytes:
    """Return a standard sRGB profile, dated 2000-01-01 so that equal images give equal files."""
    profile = bytearray(_srgb().tobytes())
    struct.pack_into(">6H", profile, 24, 2000, 1, 1, 0, 0, 0)
    return bytes(profile)


@cache
def _srgb_gray() -> ImageCms.ImageCmsProfile:
    """A gray profile with sRGB's transfer curve."""
    return ImageCms.ImageCmsProfile(BytesIO(build_profile(b"GRAY", {b"kTRC": SRGB_CURVE})))
