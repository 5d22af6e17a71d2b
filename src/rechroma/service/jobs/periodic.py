"""Work that is done again and again beside everything else."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from rechroma.errors import RechromaError

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class PeriodicThread:
    """A thread that does the same at once and after each pause, whatever may fail.

    Args:
        work: What it does.
        pause: Seconds between the end of one round and the next.
        fault: What is logged where it fails; once, and again only after it went well.
    """

    def __init__(self, work: Callable[[], None], pause: float, fault: str) -> None:
        self._work = work
        self._pause = pause
        self._fault = fault
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round that has begun."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        well = True
        while not self._stopping.is_set():
            try:
                self._work()
                well = True
            except Exception as error:
                if well:
                    foreseen = isinstance(error, RechromaError)
                    _log.warning("%s: %s", self._fault, error, exc_info=not foreseen)
                well = False
            self._stopping.wait(self._pause)
