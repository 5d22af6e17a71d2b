"""How the command line ends when something goes wrong: one line, a hint, an exit code.

A traceback is for whoever mends the program, so it is shown only with `--debug`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from rechroma.errors import RechromaError

INTERRUPTED = 130  # 128 + SIGINT, as the shell counts
UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
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
    click.echo(f"rechroma: error: {error.message}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)


def print_traceback(error: BaseException) -> None:
    """Write the traceback to stderr if `--debug` was given."""
    if is_debugging():
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)


def is_debugging() -> bool:
    """Whether `--debug` was given to the command that is running."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(_DEBUG))


@contextmanager
def reported_failures(ctx: click.Context) -> Iterator[None]:
    """Turn what is raised inside into lines on stderr and an exit code.

    click's own exceptions pass: it words them itself. So does a broken pipe, which is no failure
    of ours: the reader has read enough.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        click.echo("rechroma: interrupted", err=True)
        ctx.exit(INTERRUPTED)
    except RechromaError as error:
        print_traceback(error)
        print_failure(error)
        ctx.exit(error.exit_code)
    except Exception as error:
        print_traceback(error)
        print_failure(_as_unexpected(error))
        ctx.exit(UNEXPECTED)


def _as_unexpected(error: Exception) -> RechromaError:
    first_line = (str(error).splitlines() or [""])[0]
    return RechromaError(
        f"unexpected {type(error).__name__}: {first_line}",
        hint=None if is_debugging() else "This is a fault in Rechroma: --debug shows where it is.",
    )


def _remember_debug(ctx: click.Context, _option: click.Parameter, given: bool) -> None:
    if given:
        ctx.meta[_DEBUG] = True
