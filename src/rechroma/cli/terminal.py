"""Terminal: lines on stderr with control characters escaped, and signals.

SIGTERM and SIGHUP end a run like Ctrl-C, with cleanup and a summary.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

# Control characters, line ends, bidirectional overrides, and bytes of a name that are not UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
_DEFAULT_HANDLERS = (signal.SIG_DFL, signal.default_int_handler)


def printable(text: str) -> str:
    r"""Escape control characters of untrusted text, such as a file's name, as `\x1b`."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def echo_err(line: str) -> None:
    """Write a line to stderr; a closed stderr is not an error."""
    try:
        click.echo(printable(line), err=True)
    except OSError:
        drop_output(sys.stderr)


def drop_output(stream: TextIO) -> None:
    """Discard what a stream still buffers; Python would try to flush it again at exit."""
    with suppress(OSError, ValueError):  # a stream without a file behind it holds nothing
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)


class Stopped(KeyboardInterrupt):
    """A request to end the run, for another reason than Ctrl-C.

    Args:
        exit_code: The exit code of the process.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


def exit_code_of(stop: KeyboardInterrupt) -> int:
    """Return the exit code of a stopped process: 128 + the signal's number, as in the shell."""
    return stop.exit_code if isinstance(stop, Stopped) else 128 + signal.SIGINT


def install_signal_handlers() -> None:
    """Make the signals raise :class:`Stopped`, except those ignored by `nohup` or the like."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in _DEFAULT_HANDLERS:
            signal.signal(number, _stop)


@contextmanager
def defer_signals() -> Iterator[None]:
    """Defer signals until the block has finished."""
    _pending.clear()
    _pending.deferred = True
    try:
        yield
    finally:
        _pending.deferred = False
    if _pending:
        raise _pending.pop()


class _Pending(list[KeyboardInterrupt]):
    deferred = False


_pending = _Pending()


def _stop(number: int, _frame: object) -> None:
    stop = KeyboardInterrupt() if number == signal.SIGINT else Stopped(128 + number)
    if not _pending.deferred:
        raise stop
    _pending.append(stop)
