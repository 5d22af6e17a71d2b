"""The picture formats that are read and written, by Pillow's names, and how results are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rechroma.error_context import error_context
from rechroma.errors import MissingExtraError, OptionError, install_hint
from rechroma.options import RESULT_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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


def output_format(photo_format: str) -> str:
    """The format in which a photograph that came in `photo_format` is written.

    It is the same, but for GIF: a palette of 256 colors would show bands where the colors that
    were added run smoothly, so a GIF becomes a PNG.

    Args:
        photo_format: Pillow's name of a format, in any case.

    Raises:
        OptionError: The format is none of `FORMATS`.
    """
    return "PNG" if photo_format.upper() == "GIF" else parse_format(photo_format)


def parse_format(name: str) -> str:
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


def resolve_format(
    target: Path,
    format: str | None = None,  # noqa: A002
    *,
    source: Path | None = None,
) -> str | None:
    """The format in which a result is written: what its name says and what was asked for agree.

    Args:
        target: The file to write. One without a suffix may hold any format; so may one with an
            unknown suffix that is the source's, too, and `scan.color` of a `scan`.
        format: The format asked for, as :func:`parse_format` takes it.
        source: The photograph, where it is a file.

    Returns:
        Pillow's name, or None for that of the photograph.

    Raises:
        OptionError: Another format was asked for than the name says, or the name ends as nothing
            that is written.
    """
    suffix = target.suffix.lower()
    wanted = parse_format(format) if format else None
    kept = source is not None and suffix == (source.suffix.lower() or RESULT_SUFFIX)
    if not suffix or (kept and suffix not in SUFFIXES):
        return wanted
    with error_context(target):
        says = parse_format(suffix)
    if wanted not in (None, says):
        raise OptionError(
            f"{target}: the name says {says}, but the format asked for is {wanted}",
            hint=f"Name it {target.with_suffix(FORMATS[wanted][0]).name}, or ask for {says}.",
        )
    return says


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
            hint=install_hint("heif"),
        ) from error
    register_heif_opener()
