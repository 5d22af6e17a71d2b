"""The supported image formats, by Pillow's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rechroma.errors import MissingExtraError, OptionError, install_hint

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMATS: Mapping[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "HEIF": (".heic", ".heif", ".hif"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf", ".j2c"),
}
"""The suffixes of each format, the usual one first."""

_READ_ONLY = ("GIF",)
_KEPT_AS_PNG = ("GIF", "JPEG2000")
_OPTIONAL = {"WEBP": "webp", "AVIF": "avif"}
"""What some builds of Pillow lack, by its name for the feature."""

SUFFIXES: Mapping[str, str] = {
    suffix: name for name, suffixes in FORMATS.items() for suffix in suffixes
}
"""The format of each suffix, in lower case."""


def output_format(photo_format: str) -> str:
    """Choose the format to write for a source in `photo_format`.

    It is the same format, except that two become a PNG: a GIF, since a palette of 256 colors would
    show bands in the smooth colors that were added, and JPEG 2000, which few programs open.

    Args:
        photo_format: Pillow's name of a format, in any case.

    Raises:
        OptionError: The format is not one of `FORMATS`.
    """
    return "PNG" if photo_format.upper() in _KEPT_AS_PNG else parse_format(photo_format)


def parse_format(name: str) -> str:
    """Parse a format name given by a user into Pillow's name.

    Args:
        name: A format's name or suffix, in any case, such as ``JPEG``, ``jpg`` or ``.jpg``.

    Raises:
        OptionError: The format is unknown or read-only, or this build of Pillow does not write it.
    """
    word = str(name).lower().removeprefix(".")
    writable = [known for known in FORMATS if known not in _READ_ONLY and is_built_in(known)]
    for known in FORMATS:
        if word == known.lower() or f".{word}" in FORMATS[known]:
            if known in writable:
                return known
            break
    suffixes = ", ".join(suffix[1:] for known in writable for suffix in FORMATS[known])
    raise OptionError(f"cannot write the format '{name}'", hint=f"Choose one of {suffixes}.")


def is_built_in(name: str) -> bool:
    """Return whether this build of Pillow has the codec of a format."""
    if name not in _OPTIONAL:
        return True
    from PIL import features

    return bool(features.check(_OPTIONAL[name]))


def enable_heif() -> None:
    """Register the HEIC and HEIF codecs with Pillow.

    Raises:
        MissingExtraError: pillow-heif is not installed.
    """
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise MissingExtraError(
            "HEIC and HEIF images need pillow-heif, which is not installed",
            hint=install_hint("heif"),
        ) from error
    register_heif_opener()
