"""Output paths: the default name of a result, and the format that a name implies."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rechroma.errors import OptionError, RechromaError, error_context
from rechroma.imaging.codecs.formats import FORMATS, SUFFIXES, output_format, parse_format
from rechroma.options import RESULT_SUFFIX

if TYPE_CHECKING:
    from pathlib import Path


def default_target(source: Path, format: str | None = None) -> Path:  # noqa: A002
    """Return the default path of a result: `photo.color.jpg` next to `photo.jpg`.

    Args:
        source: The photograph; if its name has no suffix, the file is opened to find its format.
        format: The requested format, as :func:`parse_format` takes it; None for the source's
            (a GIF becomes a PNG).

    Raises:
        OptionError: The format is unknown or read-only.
    """
    own = SUFFIXES.get(source.suffix.lower())
    found = own
    if not own and not format and not source.suffix and source.is_file():  # a pipe reads only once
        from rechroma.imaging.codecs.open_image import identify, open_source, source_format

        # If the file cannot be read, decoding it later gives the better error.
        with suppress(OSError, RechromaError), open_source(source, str(source)) as file:
            found = source_format(identify(file))
    wanted = parse_format(format) if format else found and output_format(found)
    suffix = source.suffix if wanted in (None, own) else FORMATS[wanted][0]
    return source.parent / f"{source.stem}{RESULT_SUFFIX}{suffix}"


def resolve_format(
    target: Path,
    format: str | None = None,  # noqa: A002
    *,
    source: Path | None = None,
) -> str | None:
    """Choose the format to write from the target's name and the requested format.

    Args:
        target: The file to write. A name without a suffix can hold any format; so can one with an
            unknown suffix that the source has, too, and `scan.color` of a `scan`.
        format: The requested format, as :func:`parse_format` takes it.
        source: The photograph, if it is a file.

    Returns:
        Pillow's name, or None for the photograph's own format.

    Raises:
        OptionError: The name and the requested format disagree, or the name's suffix is not one
            of a format that can be written.
    """
    suffix = target.suffix.lower()
    wanted = parse_format(format) if format else None
    kept = source is not None and suffix == (source.suffix.lower() or RESULT_SUFFIX)
    if not suffix or (kept and suffix not in SUFFIXES):
        return wanted
    with error_context(target):
        implied = parse_format(suffix)
    if wanted not in (None, implied):
        raise OptionError(
            f"{target}: the name implies {implied}, but {wanted} was requested",
            hint=f"Name it {target.with_suffix(FORMATS[wanted][0]).name}, or choose {implied}.",
        )
    return implied
