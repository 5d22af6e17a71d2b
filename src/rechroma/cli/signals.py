"""SIGTERM and SIGHUP end a run as Ctrl-C does: tidily, and with an account of what is done."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows knows no SIGHUP
_USUAL = (signal.SIG_DFL, signal.default_int_handler)


class Stopped(KeyboardInterrupt):
    """The run is to end now, for another reason than Ctrl-C.

    Args:
        exit_code: What the process ends with.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


def exit_code_of(stop: KeyboardInterrupt) -> int:
    """What the process ends with: 128 + the signal's number, as the shell counts."""
    return stop.exit_code if isinstance(stop, Stopped) else 128 + signal.SIGINT


def end_as_by_ctrl_c() -> None:
    """Let the signals raise :class:`Stopped`, but for those that `nohup` or the like ignores."""
    for name in _STOPPING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in _USUAL:
            signal.signal(number, _stop)


@contextmanager
def held() -> Iterator[None]:
    """Let a signal wait until what is inside is done, so that it is done whole."""
    _waiting.clear()
    _waiting.held = True
    try:
        yield
    finally:
        _waiting.held = False
    if _waiting:
        raise _waiting.pop()


class _Waiting(list[KeyboardInterrupt]):
    held = False


_waiting = _Waiting()


def _stop(number: int, _frame: object) -> None:
    stop = KeyboardInterrupt() if number == signal.SIGINT else Stopped(128 + number)
    if not _waiting.held:
        raise stop
    _waiting.append(stop)
