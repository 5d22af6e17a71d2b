"""The picture formats that are read and written, by Pillow's names, and their file suffixes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rechroma.errors import MissingExtraError, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMATS: Mapping[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "HEIF": (".heic", ".heif"),
}
"""The suffixes of each format, the usual one first."""

SUFFIXES: Mapping[str, str] = {
    suffix: name for name, suffixes in FORMATS.items() for suffix in suffixes
}
"""The format of each suffix, which is in lower case."""


def result_format(photo_format: str) -> str:
    """The format in which a photograph that came in `photo_format` is written.

    It is the same, but for GIF: a palette of 256 colours would show bands where the colours that
    were added run smoothly, so a GIF becomes a PNG.

    Args:
        photo_format: Pillow's name of a format, in any case.

    Raises:
        OptionError: The format is none of `FORMATS`.
    """
    name = photo_format.upper()
    if name == "GIF":
        return "PNG"
    if name not in FORMATS:
        known = ", ".join(name for name in FORMATS if name != "GIF")
        raise OptionError(f"there is no format {photo_format}", hint=f"choose one of {known}")
    return name


def enable_heif() -> None:
    """Teach Pillow to read and write HEIC and HEIF.

    Raises:
        MissingExtraError: pillow-heif is not installed.
    """
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise MissingExtraError(
            "HEIC and HEIF pictures need pillow-heif, which is not installed",
            hint='pip install "rechroma[heif]"',
        ) from error
    register_heif_opener()
