"""How many pictures are colored at a time, and where: in processes that may be killed.

A picture's file is decoded by libraries in C, and may be made so that they crash or never end. In
a process of its own it takes with it only itself: the service goes on, with a new process.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rechroma.errors import InternalError, RechromaError
from rechroma.service.errors import OverloadedError
from rechroma.service.inference import limits
from rechroma.service.inference.predictor import Painter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from pathlib import Path

    from rechroma.colorizer import ColorSuggestion
    from rechroma.service.inference.predictor import Painting, Paints, Sketch
    from rechroma.service.schemas import ColorizeRequest
    from rechroma.service.settings import Settings

_log = logging.getLogger(__name__)
_NAME = "the picture"  # of what has none
# A fork would copy the locks of the server's threads as they are at that moment.
_PROCESSES = multiprocessing.get_context("spawn")


class WorkerPool(Protocol):
    """Those who color pictures."""

    def turn(self, wait: float | None) -> AbstractContextManager[Paints]:
        """Have one of them for a while.

        Args:
            wait: How many seconds to wait for one; None for as long as it takes.

        Raises:
            OverloadedError: There was none in that time.
        """
        ...

    def process_ids(self) -> list[int]:
        """Their own processes; none if they work in this one."""
        ...

    def close(self) -> None:
        """Let go of them; there must be no picture in hand."""
        ...


def make_hands(settings: Settings) -> WorkerPool:
    """As many as there are workers, in processes of their own unless the settings say otherwise.

    Raises:
        ModelError: The usual model is not there, damaged, or breaks the contract.
        ProviderError: The provider is not available here.
    """
    if not settings.isolate:
        return _Pool([Painter(settings)] * settings.workers)
    hands = [_Process(settings) for _ in range(settings.workers)]
    try:
        for hand in hands:
            hand.await_ready()
    except BaseException:
        _close(hands)
        raise
    return _Pool(hands)


class _Pool:
    """Keeps :class:`WorkerPool`."""

    def __init__(self, hands: Sequence[Paints]) -> None:
        self._processes = [hand for hand in hands if isinstance(hand, _Process)]
        self._idle: LifoQueue[Paints] = LifoQueue()
        for hand in hands:
            self._idle.put(hand)

    @contextmanager
    def turn(self, wait: float | None) -> Iterator[Paints]:
        """See :meth:`WorkerPool.turn`."""
        try:
            hand = self._idle.get(block=wait != 0, timeout=wait or None)
        except Empty:
            raise OverloadedError(
                "all hands are busy with other pictures", hint="Try again in a moment."
            ) from None
        try:
            yield hand
        finally:
            self._idle.put(hand)

    def process_ids(self) -> list[int]:
        """See :meth:`WorkerPool.process_ids`."""
        ids = (hand.process_id for hand in self._processes)
        return [process_id for process_id in ids if process_id is not None]

    def close(self) -> None:
        """See :meth:`WorkerPool.close`."""
        _close(self._processes)


class _Process:
    """A painter in a process of its own, for one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._child: _Child | None = _begin(settings)
        self._ready = False

    @property
    def process_id(self) -> int | None:
        """The process that it is at the moment."""
        child = self._child  # once, for others may end it meanwhile
        return child.id if child else None

    def await_ready(self) -> None:
        """Wait until it has loaded its model, and raise what it says otherwise."""
        if not self._ready:
            self._heard()
            self._ready = True

    def paint(
        self,
        source: bytes | Path,
        order: ColorizeRequest,
        *,
        max_pixels: int,
        name: str = "the picture",
    ) -> Painting:
        """See :meth:`rechroma.service.inference.predictor.Paints.paint`."""
        asked = {"source": source, "order": order, "max_pixels": max_pixels, "name": name}
        painting: Painting = self._asked("paint", name, asked)
        return painting

    def sketch(self, source: bytes, order: ColorizeRequest, **wanted: Any) -> Sketch:  # noqa: ANN401
        """See :meth:`rechroma.service.inference.predictor.Paints.sketch`."""
        sketch: Sketch = self._asked("sketch", _NAME, {"source": source, "order": order, **wanted})
        return sketch

    def palette(
        self,
        source: bytes,
        order: ColorizeRequest,
        **wanted: Any,  # noqa: ANN401
    ) -> tuple[ColorSuggestion, ...]:
        """See :meth:`rechroma.service.inference.predictor.Paints.palette`."""
        asked = {"source": source, "order": order, **wanted}
        colors: tuple[ColorSuggestion, ...] = self._asked("palette", _NAME, asked)
        return colors

    def close(self) -> None:
        """End it, whatever it does."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    @property
    def _connection(self) -> Connection:
        if self._child is None:
            raise EOFError
        return self._child.connection

    def _asked(self, method: str, name: str, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """What a method of its painter gives."""
        for _ in range(self._settings.attempts):
            try:
                self._revive()
                self.await_ready()
                self._connection.send((method, name, asked))
                return self._heard(self._settings.seconds, name)
            except (EOFError, OSError):  # such as for a lack of memory: perhaps not its fault
                self.close()  # a process that is being killed may look alive for a while
        raise limits.poison_error(name)

    def _revive(self) -> None:
        if self._child is None or not self._child.process.is_alive():
            self.close()
            self._child = _begin(self._settings)
            self._ready = False

    def _heard(self, patience: float | None = None, name: str = "") -> Any:  # noqa: ANN401 - what was sent
        if not self._connection.poll(patience):
            self.close()
            raise limits.timeout_error(patience or 0.0, name)
        answer = self._connection.recv()
        if isinstance(answer, RechromaError):
            raise answer
        return answer


def _close(hands: Iterable[_Process]) -> None:
    for hand in hands:
        hand.close()


class _Child(NamedTuple):
    process: SpawnProcess
    connection: Connection
    id: int | None

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()
        self.process.close()


def _begin(settings: Settings) -> _Child:
    """Start a process.

    Raises:
        OSError: It could not be started, or was killed before it had heard what to do.
    """
    ours, theirs = _PROCESSES.Pipe()
    process = _PROCESSES.Process(target=_work, args=(theirs, settings), daemon=True)
    try:
        process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()  # so that the end of the process is heard
    return _Child(process, ours, process.pid)


def _work(connection: Connection, settings: Settings) -> None:
    """What the process does: answers, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, who says when
    try:
        painter = Painter(settings)
        connection.send(None)
        while True:
            connection.send(_answer(painter, *connection.recv()))
    except RechromaError as error:
        connection.send(error)
    except (EOFError, OSError):
        return


def _answer(painter: Painter, method: str, name: str, asked: Mapping[str, Any]) -> object:
    try:
        return getattr(painter, method)(**asked)
    except RechromaError as error:
        return error
    except Exception as error:
        _log.exception("a picture was not colored")
        return InternalError.from_exception(error, name)
