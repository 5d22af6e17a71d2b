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
    return "PNG" if photo_format.upper() == "GIF" else asked_format(photo_format)


def asked_format(name: str) -> str:
    """Pillow's name of a format that a user asks for.

    Args:
        name: A format's name or suffix, in any case, such as ``JPEG``, ``jpg`` or ``.jpg``.

    Raises:
        OptionError: No such format is known, or it is one that is only read.
    """
    word = str(name).lower().removeprefix(".")
    written = [known for known in FORMATS if known != "GIF"]
    for known in written:
        if word == known.lower() or f".{word}" in FORMATS[known]:
            return known
    suffixes = ", ".join(suffix[1:] for known in written for suffix in FORMATS[known])
    raise OptionError(f"results are not written as '{name}'", hint=f"Choose one of {suffixes}.")


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
            hint='Install it: pip install "rechroma[heif]"',
        ) from error
    register_heif_opener()
