"""Signals: SIGTERM and SIGHUP end a run like Ctrl-C, with cleanup and a summary.

The handlers are installed before the other imports of the command, so this module imports nothing
heavy. They also record the signal: an extension module that is interrupted while it is imported
turns KeyboardInterrupt into ImportError, and :func:`received_stop` tells that from a real one.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
_DEFAULT_HANDLERS = (signal.SIG_DFL, signal.default_int_handler)


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


def received_stop() -> KeyboardInterrupt | None:
    """Return the exception of the last signal, or None if there was none."""
    return _pending.received


class _Pending(list[KeyboardInterrupt]):
    deferred = False
    received: KeyboardInterrupt | None = None


_pending = _Pending()


def _stop(number: int, _frame: object) -> None:
    stop = KeyboardInterrupt() if number == signal.SIGINT else Stopped(128 + number)
    _pending.received = stop
    if not _pending.deferred:
        raise stop
    _pending.append(stop)
