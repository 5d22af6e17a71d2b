"""The job runner of the embedded mode: threads of the server's process.

Each server holds a lock on a file of its own, which the operating system releases however the
server ends. So every server on the same folder detects at once, without a clock, which servers
are dead, and queues their running images again.
"""

from __future__ import annotations

import logging
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from rechroma.errors import RechromaError
from rechroma.fs import translate_os_errors
from rechroma.service.inference import fault_policy
from rechroma.service.jobs.execute import run_task
from rechroma.service.jobs.protocols import JobStore
from rechroma.service.problem_details import to_problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rechroma.service.inference.worker_pool import WorkerPool
    from rechroma.service.jobs.protocols import FileStore
    from rechroma.service.jobs.types import ImageTask, JobRecord, TaskResult
    from rechroma.service.schemas import Problem
    from rechroma.service.settings import Settings
    from rechroma.service.telemetry import Telemetry

_log = logging.getLogger(__name__)
_POLL_INTERVAL = 1.0  # seconds: another server may have queued a job
_CLEANUP_INTERVAL = 30.0
_SHUTDOWN_TIMEOUT = 60.0  # seconds for running images when the server stops


class QueueStore(JobStore, Protocol):
    """A job store that is also the queue."""

    def take(self, worker: str) -> ImageTask | None:
        """Take the image that was queued first; None if there is none to run now."""
        ...

    def requeue_dead(
        self, is_dead: Callable[[str], bool], attempts: int, problem: Problem
    ) -> list[tuple[str, int]]:
        """Queue the images of dead workers again, or fail and return those without attempts."""
        ...


class ThreadRunner:
    """A :class:`~rechroma.service.jobs.protocols.JobRunner` in threads.

    Args:
        store: The queue and the state of jobs.
        files: Uploads and results.
        pool: The inference workers.
        settings: The settings of the service.
        telemetry: Counts images.
        cleanup: Called periodically to expire old results.
    """

    def __init__(
        self,
        store: QueueStore,
        files: FileStore,
        pool: WorkerPool,
        settings: Settings,
        telemetry: Telemetry,
        cleanup: Callable[[], None],
    ) -> None:
        self._store = store
        self._files = files
        self._pool = pool
        self._settings = settings
        self._telemetry = telemetry
        self._cleanup = cleanup
        self._name = secrets.token_hex(8)
        self._own_lock = self._lock_of(self._name)
        self._queued = threading.Condition()
        self._notifications = 0  # counted, so that none is missed between a look and the wait
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start with the images that are queued.

        Raises:
            TargetError: The lock file of the server cannot be created.
            StoreError: The job store cannot be read.
        """
        with translate_os_errors(self._settings.data):
            (self._settings.data / "servers").mkdir(mode=0o700, exist_ok=True)
            self._requeue_dead()
            self._own_lock.acquire(timeout=0)
        loops = [*[self._run_images] * self._settings.workers, self._run_maintenance]
        self._threads = [threading.Thread(target=loop, daemon=True) for loop in loops]
        for thread in self._threads:
            thread.start()

    def notify(self, job: JobRecord) -> None:
        """Wake threads for the images of a new job."""
        with self._queued:
            self._notifications += 1
            self._queued.notify(len(job.images))

    def stop(self) -> None:
        """Stop after the images that are running."""
        self._stopping.set()
        with self._queued:
            self._queued.notify_all()
        for thread in self._threads:
            thread.join(_SHUTDOWN_TIMEOUT)
        if not any(thread.is_alive() for thread in self._threads):
            self._own_lock.release()
            self._path_of(self._name).unlink(missing_ok=True)

    def _run_images(self) -> None:
        while not self._stopping.is_set():
            try:
                self._run_next()
            except Exception:  # such as a full disk
                _log.exception("an image of a job could not be started; retrying")
                self._stopping.wait(_POLL_INTERVAL)

    def _run_next(self) -> None:
        seen = self._notifications
        with self._pool.acquire(None) as worker:
            task = None if self._stopping.is_set() else self._store.take(self._name)
            if task is not None:
                result = run_task(worker, self._files, task, self._settings)
        if task is not None:
            self._finish(task, result)
            return
        with self._queued:
            self._queued.wait_for(
                lambda: self._notifications != seen or self._stopping.is_set(), _POLL_INTERVAL
            )

    def _finish(self, task: ImageTask, result: TaskResult) -> None:
        """Record the result, retrying until it succeeds: an image that was started has to end."""
        while True:
            try:
                recorded = self._store.finish(task.job_id, task.number, self._name, result)
                break
            except RechromaError:
                _log.exception("the result of an image could not be recorded; retrying")
            if self._stopping.wait(_POLL_INTERVAL):
                return  # the next start queues it again, as that of a dead server
        if recorded:
            self._telemetry.count_image("job", done=result.problem is None)
            self._delete_source(task.job_id, task.number)
        elif self._store.get(task.job_id) is None:
            self._files.delete(task.job_id)

    def _run_maintenance(self) -> None:
        while not self._stopping.wait(_CLEANUP_INTERVAL):
            try:
                self._requeue_dead()
                self._cleanup()
            except Exception:
                _log.exception("cleanup failed")

    def _requeue_dead(self) -> None:
        poison = to_problem(fault_policy.poison_error())
        for job_id, number in self._store.requeue_dead(
            self._is_dead, self._settings.attempts, poison
        ):
            self._telemetry.count_image("job", done=False)
            self._delete_source(job_id, number)

    def _delete_source(self, job_id: str, number: int) -> None:
        try:
            self._files.delete_sources(job_id, [number])
        except RechromaError:
            _log.exception("an upload could not be deleted, and stays until its job expires")

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
