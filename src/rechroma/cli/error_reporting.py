"""How the command line ends when something goes wrong: one line, a hint, an exit code.

A traceback is for whoever mends the program, so it is shown only with `--debug`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from rechroma.cli.signals import exit_code_of
from rechroma.cli.terminal import drop_output, say
from rechroma.errors import (
    ImageTooLargeError,
    InternalError,
    RechromaError,
    TargetError,
    TargetExistsError,
)

_DEBUG = "rechroma.debug"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def debug_option(command: _Command) -> _Command:
    """Add `--debug` to a command; it counts wherever on the line it stands."""
    return click.option(
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember_debug,
        help="Show the full traceback when something goes wrong.",
    )(command)


def print_failure(error: RechromaError) -> None:
    """Write the error's line, and its hint where it has one, to stderr."""
    say(f"rechroma: error: {error.message}")
    if hint := hint_of(error):
        say(f"hint: {hint}")


def hint_of(error: RechromaError) -> str | None:
    """The error's hint, in words of the command line's options where one of them helps."""
    match error:
        case TargetExistsError():
            return "Choose another name with -o; --overwrite replaces results, never originals."
        case ImageTooLargeError() if not isinstance(error.__cause__, MemoryError):
            return "Raise --max-pixels if you trust the file and have the memory."
        case InternalError() if not is_debugging():
            return "This is a bug in Rechroma: run again with --debug to see where."
    return error.hint


def print_traceback(error: BaseException) -> None:
    """Write the traceback to stderr if `--debug` was given."""
    if is_debugging():
        import traceback

        for line in "".join(traceback.format_exception(error)).splitlines():
            say(line)


def is_debugging() -> bool:
    """Whether `--debug` was given to the command that is running."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(_DEBUG))


@contextmanager
def reported_failures() -> Iterator[None]:
    """Turn what is raised inside into lines on stderr and an exit code.

    click's own exceptions pass: it words them itself. So does a broken pipe, which is no failure
    of ours: the reader has read enough.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt as stop:
        say("rechroma: interrupted")
        raise click.exceptions.Exit(exit_code_of(stop)) from stop
    except Exception as error:
        known = _explained(error)
        print_traceback(error)
        print_failure(known)
        raise click.exceptions.Exit(known.exit_code) from error


def _explained(error: Exception) -> RechromaError:
    """The error that is told to the user."""
    if isinstance(error, RechromaError):
        return error
    if isinstance(error, OSError) and error.errno and error.filename is None:
        # Files are named in their errors; this came from writing help, JSON or a picture to stdout.
        drop_output(sys.stdout)
        return TargetError(f"stdout: {error.strerror}")
    return InternalError.from_exception(error)


def _remember_debug(ctx: click.Context, _option: click.Parameter, given: bool) -> None:
    if given:
        ctx.meta[_DEBUG] = True
