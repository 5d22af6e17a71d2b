"""SIGTERM and SIGHUP end a run as Ctrl-C does: tidily, and with an account of what is done."""

from __future__ import annotations

import signal

_AS_CTRL_C = ("SIGTERM", "SIGHUP")  # Windows knows no SIGHUP


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
    for name in _AS_CTRL_C:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _stop)


def _stop(number: int, _frame: object) -> None:
    raise Stopped(128 + number)
