"""Periodic background work in a thread."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from rechroma.errors import RechromaError

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class PeriodicThread:
    """A daemon thread that calls a function at once and then after each pause, even if it fails.

    Args:
        work: The function to call.
        pause: Seconds between the end of one call and the next.
        fault: Logged when a call fails; repeated failures are logged once until a call succeeds.
    """

    def __init__(self, work: Callable[[], None], pause: float, fault: str) -> None:
        self._work = work
        self._pause = pause
        self._fault = fault
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current call, and wait for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        healthy = True
        while not self._stopping.is_set():
            try:
                self._work()
                healthy = True
            except Exception as error:
                if healthy:
                    expected = isinstance(error, RechromaError)
                    _log.warning("%s: %s", self._fault, error, exc_info=not expected)
                healthy = False
            self._stopping.wait(self._pause)
