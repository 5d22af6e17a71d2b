"""The Celery worker of the distributed mode."""

from __future__ import annotations

import logging
import secrets
import signal
import socket
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from math import inf
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

from celery import signals
from celery.exceptions import Reject, SecurityWarning
from celery.worker.request import Request

from rechroma.errors import OptionError, TargetError
from rechroma.service.errors import StoreError
from rechroma.service.inference import limits
from rechroma.service.inference.predictor import Predictor
from rechroma.service.jobs.celery import TASK, make_celery
from rechroma.service.jobs.execute import run_task
from rechroma.service.jobs.factory import make_files, make_shared_jobs
from rechroma.service.jobs.periodic import PeriodicThread
from rechroma.service.jobs.types import ImageTask, JobState, TaskResult
from rechroma.service.problem_details import to_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rechroma.service.jobs.protocols import FileStore
    from rechroma.service.jobs.redis import RedisStore
    from rechroma.service.settings import Settings

_log = logging.getLogger(__name__)
_HEARTBEAT_INTERVAL = 1.0  # seconds
_RETRY_DELAY = 1.0

_T = TypeVar("_T")


def work(settings: Settings, ready: Callable[[str], object]) -> None:
    """Run a worker until SIGTERM or Ctrl-C; images that are running are finished.

    Args:
        settings: The settings of the service.
        ready: Called with the name of the worker as soon as it takes images.

    Raises:
        OptionError: No Redis is configured, or it cannot be reached.
        MissingExtraError: The settings need a package that is not installed.
        ModelError: The model is missing, damaged, or violates the contract.
        ProviderError: The execution provider is not available.
        TargetError: The folder for results cannot be created.
    """
    if not settings.redis.get_secret_value():
        raise OptionError(
            "RECHROMA_REDIS is not set: a worker gets its jobs from there",
            hint="Without Redis, 'rechroma serve' runs jobs itself.",
        )
    # These threads only talk to Redis, through connections that no child process uses.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    node = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    files = make_files(settings)
    jobs = make_shared_jobs(settings, files)
    try:
        jobs.store.check()
    except StoreError as error:
        raise OptionError(
            "the Redis at RECHROMA_REDIS does not answer",
            hint="Start it first, and check its address and password.",
        ) from error
    # A process that cannot load the model would fail and be replaced forever. A process of its own
    # loads it, because the threads of ONNX Runtime do not survive a fork.
    try:
        with ProcessPoolExecutor(1, get_context("fork")) as trial:
            trial.submit(_load_model, settings).result()
    except BrokenProcessPool as error:
        raise limits.load_error() from error
    heartbeat = PeriodicThread(
        partial(jobs.store.heartbeat, node), _HEARTBEAT_INTERVAL, "the heartbeat fails"
    )
    heartbeat.start()
    jobs.runner.start()
    try:
        _run_celery(settings, node, jobs.store, files, ready)
    finally:
        jobs.runner.stop()
        heartbeat.stop()
        jobs.store.close()


def _load_model(settings: Settings) -> None:
    Predictor(settings)


def _run_celery(
    settings: Settings,
    node: str,
    store: RedisStore,
    files: FileStore,
    ready: Callable[[str], object],
) -> None:
    app = make_celery(settings)
    worker = Worker(settings)

    def colorize(task: Any, job_id: str, number: int) -> None:  # noqa: ANN401
        worker.colorize(job_id, number, task.request.id)

    def record_timeout(job_id: str, number: int, message: str) -> None:
        problem = to_problem(limits.timeout_error(settings.seconds))
        try:
            store.finish(job_id, number, message, TaskResult(problem=problem))
            delete_source(store, files, job_id, number)
        except (StoreError, TargetError) as error:  # its lease expires, and it is tried again
            _log.warning("the timeout of an image could not be recorded: %s", error)

    def open_process(**_: object) -> None:
        try:
            worker.open()
        except Exception:
            # Celery would log it, and give images to a process without a model.
            _log.exception("a process of the worker cannot start, and is replaced")
            raise SystemExit(1) from None

    app.task(
        colorize,
        name=TASK,
        bind=True,
        Request=ImageRequest,
        record_timeout=staticmethod(record_timeout),
    )
    receivers = [
        (signals.worker_process_init, open_process),
        (signals.worker_ready, lambda **_: ready(node)),
        (signals.setup_logging, lambda **_: None),  # keeps the program's own logging
    ]
    for event, receiver in receivers:
        event.connect(receiver, weak=False)
    # It concerns pickled messages, and these are JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    app.Worker(
        pool="prefork",
        concurrency=settings.workers,
        hostname=f"celery@{node}",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    ).start()


class ImageRequest(Request):  # type: ignore[misc]  # untyped base
    """A Celery request that records a hard timeout, which kills the process of the image."""

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Record the timeout before Celery acknowledges the message."""
        if not soft:
            self.task.record_timeout(*self.args, self.id)
        super().on_timeout(soft, timeout)


class Worker:
    """The process of a worker that colorizes images.

    Args:
        settings: The settings of the service.
    """

    _predictor: Predictor
    _files: FileStore
    _store: RedisStore

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self) -> None:
        """Load the model and connect, in the process itself: neither survives a fork."""
        self._files = make_files(self._settings)
        self._store = make_shared_jobs(self._settings, self._files).store
        self._predictor = Predictor(self._settings)

    def colorize(self, job_id: str, number: int, message: str) -> None:
        """Colorize an image unless it has ended or runs elsewhere.

        Args:
            job_id: The job.
            number: The number of the image.
            message: The id of the Celery message, which holds the image while it runs.

        Raises:
            Reject: Redis does not answer; the message is to be delivered again.
        """
        attempts, poison = self._settings.attempts, to_problem(limits.poison_error())
        delivery = secrets.token_hex(8)
        try:
            # Only for a while: this time counts against Celery's time limit, which is the image's.
            task = retry(
                lambda: self._store.begin(
                    job_id, number, message, delivery, attempts=attempts, poison=poison
                ),
                limits.GRACE_SECONDS,
            )
        except (StoreError, TargetError) as error:
            raise Reject(str(error), requeue=True) from None
        if task is None:  # perhaps it just failed, or a process died before it deleted the upload
            self._end(partial(delete_source, self._store, self._files, job_id, number))
            return
        result = self._run(task)

        def record() -> None:
            self._store.finish(job_id, number, message, result)
            delete_source(self._store, self._files, job_id, number)

        self._end(record)

    def _run(self, task: ImageTask) -> TaskResult:
        try:
            with _time_limit(self._settings.seconds):
                return run_task(
                    self._predictor, self._files, task, self._settings, interrupt=_TimeLimitExceeded
                )
        except _TimeLimitExceeded:
            return TaskResult(problem=to_problem(limits.timeout_error(self._settings.seconds)))

    def _end(self, call: Callable[[], None]) -> None:
        """Call it, in a thread of its own while Redis does not answer: no time limit applies there.

        If this process dies first, the image runs again when its lease expires.
        """
        try:
            call()
        except (StoreError, TargetError):
            threading.Thread(target=retry, args=(call,), daemon=True).start()


class _TimeLimitExceeded(Exception):  # noqa: N818 - a signal, not a failure of the code it interrupts
    """The time limit of an image is over."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block, which runs in the main thread, after that time.

    Celery's soft limit would start before the image does, and end after its result is recorded.
    """

    def interrupt(*_: object) -> None:
        raise _TimeLimitExceeded

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def delete_source(store: RedisStore, files: FileStore, job_id: str, number: int) -> None:
    """Delete the upload of an image that has ended, or all files of a job that was deleted.

    Raises:
        StoreError: Redis does not answer.
    """
    job = store.get(job_id)
    if job is None:
        files.delete(job_id)
    elif job.images[number - 1].state in (JobState.DONE, JobState.FAILED):
        try:
            files.delete_sources(job_id, [number])
        except TargetError as error:
            _log.warning("an upload stays until its job expires: %s", error)


def retry(call: Callable[[], _T], seconds: float = inf) -> _T:
    """Retry until Redis and the file store answer; callers must be idempotent.

    Args:
        call: What to call.
        seconds: Time after which the last error is raised.
    """
    deadline, failed = time.monotonic() + seconds, False
    while True:
        try:
            return call()
        except (StoreError, TargetError) as error:
            if time.monotonic() >= deadline:
                raise
            if not failed:
                _log.warning("%s; retrying", error)
            failed = True
        time.sleep(_RETRY_DELAY)
