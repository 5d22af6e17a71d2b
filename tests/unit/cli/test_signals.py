from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from rechroma.cli import signals
from rechroma.cli.signals import Stopped, exit_code_of, install_signal_handlers

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals")


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """Restore the signal handlers of the process after the test."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_DFL) for number in numbers]
    yield
    signals._pending.received = None
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_is_raised_with_its_exit_code(number: signal.Signals, code: int) -> None:
    install_signal_handlers()
    with pytest.raises(Stopped) as stop:
        signal.raise_signal(number)
    assert exit_code_of(stop.value) == code


def test_ignored_signals_stay_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    install_signal_handlers()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_ctrl_c_has_its_usual_exit_code() -> None:
    assert exit_code_of(KeyboardInterrupt()) == 130
