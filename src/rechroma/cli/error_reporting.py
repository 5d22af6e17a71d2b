"""Error reporting: one line, a hint and an exit code; a traceback only with `--debug`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from errno import ENAMETOOLONG
from itertools import takewhile
from typing import Any, TypeVar

import click

from rechroma.cli.signals import exit_code_of, received_stop
from rechroma.cli.terminal import drop_output, echo_err
from rechroma.errors import (
    ImageTooLargeError,
    InternalError,
    RechromaError,
    SourceError,
    TargetError,
    TargetExistsError,
)

_DEBUG, _OVERWRITE = "rechroma.debug", "rechroma.overwrite"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def debug_option(command: _Command) -> _Command:
    """Add `--debug` to a command; it can be anywhere on the command line."""
    return click.option(
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember_debug,
        help="Show the full traceback of an error.",
    )(command)


def overwrite_option(
    help: str = "Replace existing files.",  # noqa: A002 - click's name for it
    advice: str = "Choose another name, or replace it with --overwrite.",
) -> Callable[[_Command], _Command]:
    """Add `--overwrite` to a command.

    Args:
        help: Its help text.
        advice: Hint of the error if a target exists and the option is missing.
    """

    def remember(ctx: click.Context, _option: click.Parameter, given: bool) -> bool:
        ctx.meta[_OVERWRITE] = advice
        return given

    return click.option("--overwrite", is_flag=True, help=help, callback=remember)


def print_error(error: RechromaError) -> None:
    """Write an error and its hint to stderr."""
    echo_err(f"rechroma: error: {error.message}")
    if hint := hint_of(error):
        echo_err(f"hint: {hint}")


def hint_of(error: RechromaError) -> str | None:
    """Return an error's hint, naming a command-line option where one helps."""
    match error:
        case TargetExistsError():
            ctx = click.get_current_context(silent=True)
            return ctx.meta.get(_OVERWRITE, error.hint) if ctx else error.hint
        case ImageTooLargeError() if not isinstance(error.__cause__, MemoryError):
            return "Raise --max-pixels if you trust the file and have the memory."
        case InternalError() if not is_debugging():
            return "This is a bug in Rechroma: run again with --debug to see where."
    return error.hint


def print_traceback(error: BaseException) -> None:
    """Write a traceback to stderr if `--debug` was given."""
    if is_debugging():
        import traceback

        for line in "".join(traceback.format_exception(error)).splitlines():
            echo_err(line)


def is_debugging() -> bool:
    """Return whether `--debug` was given to the running command."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(_DEBUG))


@contextmanager
def report_errors(words: Sequence[str] = ()) -> Iterator[None]:
    """Report exceptions as lines on stderr and an exit code.

    click reports its own exceptions, and a broken pipe passes, too: it is not an error that the
    reader has read enough.

    Args:
        words: The command line, to give advice on file names that look like options.
    """
    try:
        yield
    except click.UsageError as error:
        if name := _dashed_file(words):
            advice = f"If {name!r} is a file, write ./{name} or -- {name}."
            raise click.UsageError(f"{error.format_message()} {advice}", error.ctx) from error
        raise
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt as stop:
        echo_err("rechroma: interrupted")
        raise click.exceptions.Exit(exit_code_of(stop)) from stop
    except Exception as error:
        if received := received_stop():
            print_traceback(error)
            echo_err("rechroma: interrupted")
            raise click.exceptions.Exit(exit_code_of(received)) from error
        known = _to_rechroma_error(error)
        print_traceback(error)
        print_error(known)
        raise click.exceptions.Exit(known.exit_code) from error


def _dashed_file(words: Sequence[str]) -> str | None:
    """Return the first word that click takes for options, but that names an image file."""
    from rechroma.cli.batch_plan import has_image_suffix

    options = takewhile(lambda word: word != "--", words)
    dashed = (word for word in options if word.startswith("-") and word != "-")
    return next((word for word in dashed if os.path.lexists(word) or has_image_suffix(word)), None)


def _to_rechroma_error(error: Exception) -> RechromaError:
    if isinstance(error, RechromaError):
        return error
    if isinstance(error, OSError) and error.errno and error.filename is None:
        # Errors about files name them; this one came from writing help, JSON or an image to stdout.
        drop_output(sys.stdout)
        return TargetError(f"stdout: {error.strerror}")
    if isinstance(error, OSError) and error.errno == ENAMETOOLONG:
        return SourceError(f"{error.filename}: {error.strerror}", hint="Check the command line.")
    return InternalError.from_exception(error)


def _remember_debug(ctx: click.Context, _option: click.Parameter, given: bool) -> None:
    if given:
        ctx.meta[_DEBUG] = True
