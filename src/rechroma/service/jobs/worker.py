"""The Celery worker of the distributed mode."""

from __future__ import annotations

import faulthandler
import logging
import os
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
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

from celery import signals
from celery.exceptions import SecurityWarning

from rechroma.errors import OptionError, TargetError
from rechroma.models import model_names
from rechroma.service.errors import StoreError
from rechroma.service.inference import fault_policy
from rechroma.service.inference.predictor import Predictor
from rechroma.service.jobs.celery import TASK, make_celery
from rechroma.service.jobs.execute import run_task
from rechroma.service.jobs.factory import make_files, make_shared_jobs
from rechroma.service.jobs.periodic import PeriodicThread
from rechroma.service.jobs.types import ImageTask, JobState, TaskResult
from rechroma.service.problem_details import to_problem
from rechroma.service.settings import warn_of_unknown_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rechroma.service.jobs.protocols import FileStore
    from rechroma.service.jobs.redis import RedisStore
    from rechroma.service.settings import Settings

_log = logging.getLogger(__name__)
_HEARTBEAT_INTERVAL = 1.0  # seconds
_RETRY_DELAY = 1.0
_STDERR = 2  # its descriptor: the object in sys can be replaced by one without

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
    warn_of_unknown_variables()
    # These threads only talk to Redis, through connections that no child process uses.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    node = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    jobs = make_shared_jobs(settings, make_files(settings))
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
        raise fault_policy.load_error() from error
    heartbeat = PeriodicThread(
        partial(jobs.store.heartbeat, node), _HEARTBEAT_INTERVAL, "the heartbeat fails"
    )
    heartbeat.start()
    jobs.runner.start()
    try:
        _run_celery(settings, node, ready)
    finally:
        jobs.runner.stop()
        heartbeat.stop()
        jobs.store.close()


def _load_model(settings: Settings) -> None:
    model_names()  # fails if the folder of models is missing
    Predictor(settings)


def _run_celery(settings: Settings, node: str, ready: Callable[[str], object]) -> None:
    app = make_celery(settings)
    worker = Worker(settings)

    def colorize(task: Any, job_id: str, number: int) -> None:  # noqa: ANN401
        worker.colorize(job_id, number, task.request.id)

    def open_process(**_: object) -> None:
        try:
            worker.open()
        except Exception:
            # Celery would log it, and give images to a process without a model.
            _log.exception("a process of the worker cannot start, and is replaced")
            raise SystemExit(1) from None

    app.task(colorize, name=TASK, bind=True)
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
        """
        attempts, poison = self._settings.attempts, to_problem(fault_policy.poison_error())
        delivery = secrets.token_hex(8)
        task = retry(
            lambda: self._store.begin(
                job_id, number, message, delivery, attempts=attempts, poison=poison
            )
        )
        if task is not None:
            result = self._run(task, message)
            retry(lambda: self._store.finish(job_id, number, message, result))
        # Without a task too: it just failed, or a process died before it deleted the upload.
        retry(lambda: self._delete_source(job_id, number))

    def _run(self, task: ImageTask, message: str) -> TaskResult:
        """Run an image within the time limit.

        Celery's own time limits include the waiting for Redis before and after: a slow Redis would
        fail an image that is fine, or discard a result that is ready.
        """
        seconds, grace = self._settings.seconds, fault_policy.GRACE_SECONDS
        timeout = TaskResult(problem=to_problem(fault_policy.timeout_error(seconds)))

        def kill() -> None:  # code that neither returns nor lets itself be interrupted
            try:
                self._store.finish(task.job_id, task.number, message, timeout)
            except (StoreError, TargetError) as error:
                _log.warning("the timeout of an image could not be recorded: %s", error)
            os.kill(os.getpid(), signal.SIGKILL)

        watchdog = threading.Timer(seconds + grace, kill)
        watchdog.daemon = True
        watchdog.start()
        # The same for code that does not even let other threads run.
        faulthandler.dump_traceback_later(seconds + 2 * grace, exit=True, file=_STDERR)
        try:
            with _time_limit(seconds):
                return run_task(
                    self._predictor, self._files, task, self._settings, interrupt=_TimeLimitExceeded
                )
        except _TimeLimitExceeded:
            return timeout
        finally:
            watchdog.cancel()
            faulthandler.cancel_dump_traceback_later()

    def _delete_source(self, job_id: str, number: int) -> None:
        """Delete the upload of an image that has ended, or all files of a job that was deleted."""
        job = self._store.get(job_id)
        if job is None:
            self._files.delete(job_id)
        elif job.images[number - 1].state in (JobState.DONE, JobState.FAILED):
            try:
                self._files.delete_sources(job_id, [number])
            except TargetError as error:
                _log.warning("an upload stays until its job expires: %s", error)


class _TimeLimitExceeded(Exception):  # noqa: N818 - a signal, not a failure of the code it interrupts
    """The time limit of an image is over."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block, which runs in the main thread, after that time."""

    def interrupt(*_: object) -> None:
        raise _TimeLimitExceeded

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def retry(call: Callable[[], _T]) -> _T:
    """Retry while Redis, or the file store, does not answer; callers must be idempotent."""
    failed = False
    while True:
        try:
            return call()
        except (StoreError, TargetError) as error:
            if not failed:
                _log.warning("%s; retrying until it succeeds", error)
            failed = True
        time.sleep(_RETRY_DELAY)
