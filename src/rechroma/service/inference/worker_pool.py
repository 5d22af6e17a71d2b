"""A pool of inference workers, each a process of its own.

C libraries decode the uploaded files, and a malformed file can crash or hang them. In a process of
its own it takes only that process down: the pool kills it and starts another.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from rechroma.errors import InternalError, RechromaError
from rechroma.memory import trim_memory
from rechroma.service.errors import OverloadedError
from rechroma.service.inference import fault_policy
from rechroma.service.inference.predictor import Predictor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from pathlib import Path

    from rechroma.colorizer import ColorSuggestion, EncodedImage
    from rechroma.service.inference.predictor import ChromaPreview, Inference
    from rechroma.service.schemas import ColorizeRequest
    from rechroma.service.settings import Settings

_log = logging.getLogger(__name__)
# A fork would copy the locks of the server's threads in whatever state they are.
_CONTEXT = multiprocessing.get_context("spawn")


class WorkerPool:
    """`settings.workers` workers, in processes of their own unless `settings.isolate` is off.

    Raises:
        ModelError: The default model is missing, damaged, or violates the contract; or a process
            cannot load it.
        ProviderError: The execution provider is not available.
        InternalError: A process failed unexpectedly.
    """

    def __init__(self, settings: Settings) -> None:
        self._processes: list[WorkerProcess] = []
        self._idle: LifoQueue[Inference] = LifoQueue()
        if not settings.isolate:
            predictor = Predictor(settings)  # one is enough: it is thread-safe
            for _ in range(settings.workers):
                self._idle.put(predictor)
            return
        try:
            for _ in range(settings.workers):
                self._processes.append(WorkerProcess(settings))
            for worker in self._processes:
                worker.wait_until_ready()
                self._idle.put(worker)
        except BaseException as error:
            self.close()
            if isinstance(error, EOFError | OSError):
                raise fault_policy.load_error() from error
            raise

    @contextmanager
    def acquire(self, timeout: float | None) -> Iterator[Inference]:
        """Check out a worker.

        Args:
            timeout: Seconds to wait for an idle one; None waits without limit.

        Raises:
            OverloadedError: All workers are busy for that long.
        """
        try:
            worker = self._idle.get(block=timeout != 0, timeout=timeout or None)
        except Empty:
            raise OverloadedError(
                "all workers are busy", hint="Try again in a few seconds."
            ) from None
        try:
            yield worker
        finally:
            self._idle.put(worker)
            trim_memory()

    def process_ids(self) -> list[int]:
        """List the process ids of the workers; none without isolation."""
        ids = (worker.process_id for worker in self._processes)
        return [process_id for process_id in ids if process_id is not None]

    def close(self) -> None:
        """Kill the worker processes; no worker can be checked out at that time."""
        for worker in self._processes:
            worker.close()


class WorkerProcess:
    """:class:`Inference` in a process of its own, for one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._child: _Child | None = _start_child(settings)
        self._ready = False

    @property
    def process_id(self) -> int | None:
        """Id of the current process."""
        child = self._child  # read once, for another thread can end it meanwhile
        return child.id if child else None

    def wait_until_ready(self) -> None:
        """Wait until the process has loaded its model.

        Raises:
            RechromaError: The process failed, or takes too long.
            EOFError: It died.
        """
        if not self._ready:
            self._receive(fault_policy.LOAD_SECONDS, fault_policy.load_error)
            self._ready = True

    def colorize(
        self, source: bytes | Path, request: ColorizeRequest, *, max_pixels: int, name: str = ""
    ) -> EncodedImage:
        """Colorize an image file."""
        arguments = {"source": source, "request": request, "max_pixels": max_pixels, "name": name}
        image: EncodedImage = self._call("colorize", name, arguments)
        return image

    def predict_chroma(
        self,
        source: bytes,
        request: ColorizeRequest,
        **options: Any,  # noqa: ANN401
    ) -> ChromaPreview:
        """Predict the chroma of an image file, without rendering it."""
        arguments = {"source": source, "request": request, **options}
        preview: ChromaPreview = self._call("predict_chroma", "", arguments)
        return preview

    def suggest_colors(
        self,
        source: bytes,
        request: ColorizeRequest,
        **options: Any,  # noqa: ANN401
    ) -> tuple[ColorSuggestion, ...]:
        """Suggest probable colors at a position."""
        arguments = {"source": source, "request": request, **options}
        colors: tuple[ColorSuggestion, ...] = self._call("suggest_colors", "", arguments)
        return colors

    def close(self) -> None:
        """Kill the process, whatever it does."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    @property
    def _connection(self) -> Connection:
        if self._child is None:
            raise EOFError
        return self._child.connection

    def _call(self, method: str, name: str, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Call a method of the process's predictor, and retry if the process dies."""
        for _ in range(self._settings.attempts):
            try:
                if self._child is None or not self._child.process.is_alive():
                    self.close()
                    self._child = _start_child(self._settings)
                    self._ready = False
                self.wait_until_ready()
                self._connection.send((method, name, arguments))
                seconds = self._settings.seconds
                return self._receive(seconds, partial(fault_policy.timeout_error, seconds, name))
            except (EOFError, OSError):  # perhaps killed for lack of memory, not by this image
                self.close()  # a process that is being killed can look alive for a while
        raise fault_policy.poison_error(name)

    def _receive(self, timeout: float, error: Callable[[], RechromaError]) -> Any:  # noqa: ANN401
        if not self._connection.poll(timeout):
            self.close()
            raise error()
        result = self._connection.recv()
        if isinstance(result, RechromaError):
            raise result
        return result


class _Child(NamedTuple):
    process: SpawnProcess
    connection: Connection
    id: int | None

    def kill(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()
        # A thread that starts another process reaps ended ones, perhaps just now: then this one
        # counts as running for a moment.
        with suppress(ValueError):
            self.process.close()


def _start_child(settings: Settings) -> _Child:
    """Start a worker process.

    Raises:
        OSError: It cannot be started, or was killed before it received its arguments.
    """
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=worker_main, args=(theirs, settings), daemon=True)
    try:
        process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()  # so that the end of the process ends the connection
    return _Child(process, ours, process.pid)


def worker_main(connection: Connection, settings: Settings) -> None:
    """Run the worker process: answer calls until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C the server decides when it ends
    try:
        predictor = Predictor(settings)
        connection.send(None)
        while True:
            connection.send(_result_or_error(predictor, *connection.recv()))
            trim_memory()
    except RechromaError as error:
        connection.send(error)
    except (EOFError, OSError):
        return
    except Exception as error:
        _log.exception("a worker process failed unexpectedly")
        connection.send(InternalError.from_exception(error))


def _result_or_error(
    predictor: Predictor, method: str, name: str, arguments: Mapping[str, Any]
) -> object:
    try:
        return getattr(predictor, method)(**arguments)
    except RechromaError as error:
        return error
    except Exception as error:
        _log.exception("inference failed unexpectedly")
        return InternalError.from_exception(error, name or None)
