"""Coloring of a single image through stdin or stdout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rechroma.cli.inputs import STDIO, is_folder
from rechroma.cli.summary import warn_about_pages
from rechroma.errors import OptionError, SourceError, TargetError

if TYPE_CHECKING:
    from rechroma.cli.options import CliRequest


def colorize_stream(request: CliRequest) -> None:
    """Color one image from stdin or to stdout."""
    if len(request.paths) > 1:
        raise OptionError(
            "a pipe takes one image at a time", hint="Give several files without '-'."
        )
    if request.as_json:
        raise OptionError("--json cannot be used with a pipe")
    if request.target is None and sys.stdout is None:
        raise TargetError("stdout is closed", hint="Give a file with -o.")
    if request.target is None and sys.stdout.isatty():
        raise OptionError(
            "will not write an image to the terminal",
            hint="Give a file with -o, or redirect: > FILE",
        )
    wanted = _check_target(request)
    from rechroma.colorizer import Colorizer
    from rechroma.fs import write_atomically

    (path,) = request.paths
    name = "stdin" if path == STDIO else path
    source = _read_stdin() if path == STDIO else Path(path)
    options = request.encode_options() | {"format": wanted}
    colorizer = Colorizer(request.model, provider=request.provider)
    result = colorizer.colorize_bytes(source, name=name, **options)
    if request.target is None:
        sys.stdout.buffer.write(result.content)
        sys.stdout.buffer.flush()
    else:
        write_atomically(request.target, result.content, overwrite=request.overwrite)
    if result.pages > 1 and not request.quiet:
        warn_about_pages(name, result.pages)


def _check_target(request: CliRequest) -> str | None:
    """Check the target before the image is read; returns the format to write."""
    if request.target is None:
        return request.file_format
    from rechroma.fs import check_target
    from rechroma.imaging import resolve_format

    if is_folder(request.out or ""):
        raise OptionError(
            f"{request.out} is a folder, but an image from stdin has no name",
            hint="Give a file with -o.",
        )
    check_target(request.target, overwrite=request.overwrite)
    return resolve_format(request.target, request.file_format)


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise SourceError("stdin is closed")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise SourceError(f"stdin: {error.strerror}") from error
