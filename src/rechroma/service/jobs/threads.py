"""Colors the pictures of jobs in threads of the server's process.

Each server holds a lock on a file of its own as long as it lives, and the system lets go of it
however the server ends. So the pictures that a dead one had in hand are known at once, without a
clock, and by the other servers on the same folder, too.
"""

from __future__ import annotations

import logging
import secrets
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from rechroma.errors import RechromaError
from rechroma.fs import translate_os_errors
from rechroma.service.jobs.execute import POISON, run_task
from rechroma.service.jobs.types import JobStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rechroma.service.inference.worker_pool import WorkerPool
    from rechroma.service.jobs.types import FileStore, ImageTask, JobRecord, TaskResult
    from rechroma.service.schemas import Problem
    from rechroma.service.settings import Settings
    from rechroma.service.telemetry import Telemetry

_log = logging.getLogger(__name__)
_LOOK_AGAIN = 1.0  # seconds: another server may have entered a job, or died over one
_TIDY_AGAIN = 30.0
_LAST_PICTURES = 60.0  # seconds for the pictures in hand when the server stops


class TaskStore(JobStore, Protocol):
    """A store that hands out the pictures itself."""

    def take(self, worker: str) -> ImageTask | None:
        """The picture that has waited longest, which is this worker's from now on."""
        ...

    def requeue_dead(self, is_dead: Callable[[str], bool], attempts: int, problem: Problem) -> None:
        """Let the pictures of dead workers wait again, or fail after so many attempts."""
        ...


class ThreadRunner:
    """Keeps :class:`rechroma.service.jobs.JobRunner` with threads.

    Args:
        store: The table of jobs.
        files: Where pictures lie, and results go.
        hands: Color them.
        settings: Of the service.
        telemetry: Counts what was colored.
        cleanup: What is done again and again: letting go of old results.
    """

    def __init__(
        self,
        store: TaskStore,
        files: FileStore,
        hands: WorkerPool,
        settings: Settings,
        telemetry: Telemetry,
        cleanup: Callable[[], None],
    ) -> None:
        self._store = store
        self._files = files
        self._hands = hands
        self._settings = settings
        self._telemetry = telemetry
        self._cleanup = cleanup
        self._name = secrets.token_hex(8)
        self._alive = self._lock_of(self._name)
        self._news: SimpleQueue[None] = SimpleQueue()  # one for each picture that came in
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """See :meth:`rechroma.service.jobs.JobRunner.start`.

        Raises:
            TargetError: The server's lock cannot be written.
            StoreError: The table of jobs cannot be read.
        """
        with translate_os_errors(self._settings.data):
            (self._settings.data / "servers").mkdir(mode=0o700, exist_ok=True)
            self._alive.acquire(timeout=0)
        self._requeue_dead()
        works = [self._work] * self._settings.workers
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (*works, self._keep)
        ]
        for thread in self._threads:
            thread.start()

    def notify(self, job: JobRecord) -> None:
        """See :meth:`rechroma.service.jobs.JobRunner.notify`."""
        for _ in job.images:
            self._news.put(None)

    def stop(self) -> None:
        """See :meth:`rechroma.service.jobs.JobRunner.stop`."""
        self._stopping.set()
        for _ in self._threads:
            self._news.put(None)
        for thread in self._threads:
            thread.join(_LAST_PICTURES)
        if not any(thread.is_alive() for thread in self._threads):
            self._alive.release()
            self._path_of(self._name).unlink(missing_ok=True)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._do_next()
            except Exception:  # such as a full disk: the server lives on, and tries again
                _log.exception("a picture of a job was not begun")
                self._stopping.wait(_LOOK_AGAIN)

    def _do_next(self) -> None:
        with self._hands.turn(None) as painter:
            task = None if self._stopping.is_set() else self._store.take(self._name)
            if task is not None:
                outcome = run_task(painter, self._files, task, self._settings)
        if task is not None:
            self._finish(task, outcome)
            return
        with suppress(Empty):
            self._news.get(timeout=_LOOK_AGAIN)

    def _finish(self, task: ImageTask, outcome: TaskResult) -> None:
        """Write it down, however often that takes: a picture that is begun has to end."""
        while not self._try_to_finish(task, outcome):
            if self._stopping.wait(_LOOK_AGAIN):
                return  # the next start finds it begun by a dead server

    def _try_to_finish(self, task: ImageTask, outcome: TaskResult) -> bool:
        try:
            counts = self._store.finish(task, self._name, outcome)
        except RechromaError:
            _log.exception("the end of a picture was not written down")
            return False
        if counts:
            self._telemetry.count_picture("job", done=outcome.problem is None)
            self._files.delete_sources(task.job_id, [task.number])
        elif self._store.get(task.job_id) is None:
            self._files.delete(task.job_id)
        return True

    def _keep(self) -> None:
        while not self._stopping.wait(_TIDY_AGAIN):
            try:
                self._requeue_dead()
                self._cleanup()
            except Exception:
                _log.exception("old results were not let go of")

    def _requeue_dead(self) -> None:
        self._store.requeue_dead(self._is_dead, self._settings.attempts, POISON)

    def _is_dead(self, name: str) -> bool:
        if name == self._name:
            return False
        lock = self._lock_of(name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        lock.release()
        with suppress(OSError):
            self._path_of(name).unlink(missing_ok=True)
        return True

    def _lock_of(self, name: str) -> FileLock:
        return FileLock(self._path_of(name), thread_local=False)

    def _path_of(self, name: str) -> Path:
        return self._settings.data / "servers" / f"{name}.lock"
