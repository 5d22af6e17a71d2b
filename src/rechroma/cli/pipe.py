"""Images from stdin and to stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rechroma.cli.batch_plan import is_folder
from rechroma.errors import OptionError, SourceError, TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence


def the_image(paths: Sequence[str]) -> str:
    """Return the only path of a command line with a pipe.

    Raises:
        OptionError: There are several.
    """
    if len(paths) > 1:
        raise OptionError(
            "a pipe takes one image at a time", hint="Give several files without '-'."
        )
    return paths[0]


def check_stdout() -> None:
    """Check that an image can be written to stdout.

    Raises:
        TargetError: It is closed.
        OptionError: It is the terminal.
    """
    if sys.stdout is None:
        raise TargetError("stdout is closed", hint="Give a file with -o.")
    if sys.stdout.isatty():
        raise OptionError(
            "will not write an image to the terminal",
            hint="Give a file with -o, or redirect: > FILE",
        )


def check_names_file(out: str | None) -> None:
    """Check that the target of an image from stdin is no folder.

    Raises:
        OptionError: It is.
    """
    if is_folder(out or ""):
        raise OptionError(
            f"{out} is a folder, but an image from stdin has no name", hint="Give a file with -o."
        )


def read_stdin() -> bytes:
    """Read an image from stdin.

    Raises:
        SourceError: It is closed, or cannot be read.
    """
    if sys.stdin is None:
        raise SourceError("stdin is closed")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise SourceError(f"stdin: {error.strerror}") from error


def write_stdout(content: bytes) -> None:
    """Write an image to stdout; an `OSError` if that fails."""
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
