"""Where results go that were given no name."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rechroma.errors import RechromaError
from rechroma.imaging.codecs.decode import format_of
from rechroma.imaging.codecs.formats import FORMATS, SUFFIXES, output_format, parse_format
from rechroma.imaging.codecs.open import opened, recognized
from rechroma.options import RESULT_SUFFIX

if TYPE_CHECKING:
    from pathlib import Path


def default_target(source: Path, format: str | None = None) -> Path:  # noqa: A002
    """Where the result goes by default: `photo.color.jpg` beside `photo.jpg`.

    Args:
        source: The photograph; into one whose name has no suffix it is looked for its format.
        format: The format asked for, as :func:`parse_format` takes it; without,
            the source's (a GIF becomes PNG).

    Raises:
        OptionError: There is no such format.
    """
    own = SUFFIXES.get(source.suffix.lower())
    found = own or (None if format else _format_within(source))
    wanted = parse_format(format) if format else found and output_format(found)
    suffix = source.suffix if wanted in (None, own) else FORMATS[wanted][0]
    return source.parent / f"{source.stem}{RESULT_SUFFIX}{suffix}"


def _format_within(source: Path) -> str | None:
    """The format of a file without a suffix; None where reading it will say what is wrong."""
    with suppress(OSError, RechromaError):
        if not source.suffix and source.is_file():  # from a pipe nothing could be read twice
            with opened(source, str(source)) as file:
                return format_of(recognized(file))
    return None
